# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which characters of a code base file change when a plugin is added, changed or taken out."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from .layout import Entry, Layout, Unsafe
from .manifest import COMPONENT, PLUGIN_KEYS, REF_KINDS
from .third_party import yaml
from .yaml_words import Value, written

Edit = tuple[int, int, str]  # from, to, and what stands there instead
Values = Mapping[str, "Value | None"]

STEP = 2


def add_plugin(layout: Layout, key: str, values: Values) -> list[Edit]:
    root = layout.entries(layout.root)
    step = _step(layout, root)
    plugins = _named(root, "plugins")
    if plugins is None:
        moodle = _named(root, "moodle") or root[-1]
        lines = ["plugins:", *_indented(step, _entry(key, values, step))]
        return [
            _inserted(layout, layout.last_line(moodle.end, moodle.column), _indented(moodle.column, lines), before=_spaced(layout, root))
        ]
    if _is_empty(plugins.value):
        lines = _indented(plugins.column + step, _entry(key, values, step))
        return [*_emptied(layout, plugins), _inserted(layout, layout.last_line(plugins.end, plugins.column), lines)]
    entries = layout.entries(plugins.value)
    lines = _indented(entries[0].column, _entry(key, values, step))
    spaced = _spaced(layout, entries)
    previous, following = _neighbours(entries, key)
    if following and (previous is None or _kind(following.key) == _kind(key) != _kind(previous.key)):
        return [_inserted(layout, _first_line(layout, plugins, entries, following), lines, after=spaced)]
    previous = previous or entries[-1]
    return [_inserted(layout, layout.last_line(previous.end, previous.column), lines, before=spaced)]


def cut_plugin(layout: Layout, key: str) -> list[Edit]:
    plugins, entries, entry = _found(layout, key)
    start, end = _first_line(layout, plugins, entries, entry), layout.last_line(entry.end, entry.column)
    # Of the blank lines around it one side is enough, and none at the beginning of the list.
    if entry is entries[-1]:
        while layout.is_blank(start - 1):
            start -= 1
    elif start == plugins.line + 1 or layout.is_blank(start - 1):
        while layout.is_blank(end):
            end += 1
    return [(layout.starts[start], layout.starts[end], "")]


def change_plugin(layout: Layout, key: str, values: Values) -> list[Edit]:
    """Give the keys of a plugin these values, all of which are new to it; None takes a key away."""
    if not values:
        return []
    entry = _found(layout, key)[2]
    if _is_empty(entry.value):
        step = _step(layout, layout.entries(layout.root))
        lines = _indented(entry.column + step, _pairs(values))
        return [*_emptied(layout, entry), _inserted(layout, entry.line + 1, lines)]
    items = {item.key: item for item in layout.entries(entry.value)}
    values = dict(values)
    edits = _renamed(items, values)
    for name, value in values.items():
        item = items.get(name)
        if item and value is None:
            edits.append((layout.starts[item.line], layout.starts[item.end], ""))
        elif item and value is not None:
            edits.append(_replaced(layout, item, value))
    added = {name: value for name, value in values.items() if name not in items}
    return edits + _added(layout, entry, list(items.values()), added)


# Keys and values of one plugin


def _renamed(items: Mapping[str, Entry], values: dict[str, Value | None]) -> list[Edit]:
    """One way of naming the revision for another one: the line stays where it is, with its comment. Takes both out of ``values``."""
    old = [kind for kind in REF_KINDS if kind in items and kind in values and values[kind] is None]
    new = [kind for kind in REF_KINDS if kind not in items and isinstance(values.get(kind), str)]
    if [len(old), len(new)] != [1, 1] or not _is_on_the_line_of(items[old[0]].value, items[old[0]]):
        return []
    item = items[old[0]]
    del values[old[0]]
    value = written(t.cast(str, values.pop(new[0])), _quotes(item.value))
    return [
        (item.key_node.start_mark.index, item.key_node.end_mark.index, new[0]),
        (item.value.start_mark.index, item.value.end_mark.index, value if item.value.value else f" {value}"),
    ]


def _replaced(layout: Layout, item: Entry, value: Value) -> Edit:
    node = item.value
    start, end = node.start_mark.index, node.end_mark.index
    if isinstance(node, yaml.SequenceNode) and not isinstance(value, (str, bool)) and not node.flow_style:
        return _changed_list(layout, item, value)
    if isinstance(node, yaml.ScalarNode):
        if start == end:
            return start, end, f" {written(value)}"
        if node.style in ("|", ">"):
            end = layout.starts[item.end] - len(layout.line_break(item.end))
        return start, end, written(value, _quotes(node))
    if isinstance(node, yaml.SequenceNode) and _is_on_the_line_of(node, item):
        return start, end, written(value)
    raise Unsafe(node.start_mark.line, f"the value of '{item.key}' is spread over several lines")


def _changed_list(layout: Layout, item: Entry, value: Sequence[str]) -> Edit:
    """Each line that stays keeps its comments, the one above and the one behind it."""
    kept: dict[str, str] = {}
    orphans = ""
    at = start = item.line + 1
    for node in item.value.value:
        layout.refuse_what_is_before(node, "-")
        line, end = node.start_mark.line, layout.end(node)
        above = "".join(layout.lines[at:line])
        if isinstance(node, yaml.ScalarNode) and node.value in value and node.value not in kept:
            kept[node.value] = orphans + above + "".join(layout.lines[line:end])
            orphans = ""
        else:
            orphans += above
        at = end
    first = item.value.value[0]
    dash = layout.lines[first.start_mark.line][: first.start_mark.column]
    new = {text: f"{dash}{written([text])[1:-1]}{layout.line_break(item.end)}" for text in value}
    return layout.starts[start], layout.starts[item.end], "".join(kept.get(text, new[text]) for text in value) + orphans


def _added(layout: Layout, entry: Entry, items: Sequence[Entry], values: Values) -> list[Edit]:
    """New keys, each behind those that usually come before it."""
    places: dict[int, dict[str, Value | None]] = {}
    for name in values:
        before = [item.end for item in items if _order(item.key) < _order(name)]
        places.setdefault(before[-1] if before else entry.line + 1, {})[name] = values[name]
    return [_inserted(layout, line, _indented(items[0].column, _pairs(pairs))) for line, pairs in places.items()]


def _order(key: str) -> int:
    return PLUGIN_KEYS.index(key) if key in PLUGIN_KEYS else len(PLUGIN_KEYS)


def _quotes(node: yaml.Node) -> str:
    """The author's way of quoting is kept."""
    return node.style if isinstance(node, yaml.ScalarNode) and node.style in ("'", '"') else ""


# Places


def _found(layout: Layout, key: str) -> tuple[Entry, list[Entry], Entry]:
    plugins = next(entry for entry in layout.entries(layout.root) if entry.key == "plugins")
    entries = layout.entries(plugins.value)
    return plugins, entries, next(entry for entry in entries if entry.key == key)


def _first_line(layout: Layout, plugins: Entry, entries: Sequence[Entry], entry: Entry) -> int:
    index = entries.index(entry)
    limit = layout.last_line(entries[index - 1].end, entry.column) if index else plugins.line + 1
    return layout.first_line(entry, limit)


def _neighbours(entries: Sequence[Entry], key: str) -> tuple[Entry | None, Entry | None]:
    """Between which two a new one goes: by component or, if that is how the file has it, by what is written; else to the end."""
    for name in (_component, str):
        names = [name(entry.key) for entry in entries]
        if names == sorted(names):
            index = sum(other < name(key) for other in names)
            return entries[index - 1] if index else None, entries[index] if index < len(entries) else None
    return entries[-1], None


def _component(key: str) -> str:
    match = COMPONENT.fullmatch(key)
    return match.group(1) if match else key


def _kind(key: str) -> str:
    return _component(key).partition("_")[0]


def _named(entries: Iterable[Entry], key: str) -> Entry | None:
    return next((entry for entry in entries if entry.key == key), None)


def _is_on_the_line_of(node: yaml.Node, item: Entry) -> bool:
    block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    return not block and item.line == node.start_mark.line == node.end_mark.line


# Writing


def _entry(key: str, values: Values, step: int) -> list[str]:
    return [f"{key}:", *_indented(step, _pairs(values))]


def _pairs(values: Values) -> list[str]:
    return [f"{key}: {written(value)}" for key, value in sorted(values.items(), key=lambda pair: _order(pair[0])) if value is not None]


def _indented(columns: int, lines: Iterable[str]) -> list[str]:
    return [" " * columns + line for line in lines]


def _inserted(layout: Layout, line: int, lines: Sequence[str], *, before: bool = False, after: bool = False) -> Edit:
    """New lines at ``line``, with a blank one before or after them."""
    at = layout.starts[line]
    text = [*[""] * before, *lines, *[""] * after]
    return at, at, "".join(f"{one}{layout.line_break(line)}" for one in text)


def _is_empty(node: yaml.Node) -> bool:
    if isinstance(node, yaml.ScalarNode):
        return bool(node.tag == "tag:yaml.org,2002:null")
    return isinstance(node, yaml.MappingNode) and not node.value


def _emptied(layout: Layout, entry: Entry) -> list[Edit]:
    """Takes out what stands for nothing: ``~``, ``null`` or ``{}``."""
    node = entry.value
    start, end = node.start_mark.index, node.end_mark.index
    if start == end:
        return []
    if not _is_on_the_line_of(node, entry):
        raise Unsafe(node.start_mark.line, f"the empty value of '{entry.key}' stands on a line of its own")
    return [(start - (len(layout.text[:start]) - len(layout.text[:start].rstrip(" "))), end, "")]


def _spaced(layout: Layout, entries: Sequence[Entry]) -> bool:
    """Whether blank lines stand between all entries."""
    gaps = [range(one.end, other.line) for one, other in zip(entries, entries[1:])]
    return bool(gaps) and all(any(map(layout.is_blank, gap)) for gap in gaps)


def _step(layout: Layout, root: Sequence[Entry]) -> int:
    """How far the file goes to the right for each level."""
    for entry in sorted(root, key=lambda entry: entry.key != "plugins"):
        if isinstance(entry.value, yaml.MappingNode) and not entry.value.flow_style:
            inner = layout.entries(entry.value)
            deeper = [item.value.start_mark.column - item.column for item in inner if _is_block(item.value)]
            return int(deeper[0]) if deeper else inner[0].column - entry.column
    return STEP


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style
