# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""However a code base file is laid out: an edit changes what was asked for, and no other word, comment or line break."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.edit import remove_plugin, set_plugin
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.yaml_file import read_yaml
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

MANY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEYS = ("name", "source", "zip", "sha256", "version", "tag", "branch", "commit", "maturity", "force", "patches")
COMPONENTS = ["auth_a", "mod_b", "mod_c", "mod_d", "theme_e", "tool_f", "local_g"]
WORDS = ["Own plugin", "3.10", "yes", "it's: so", "#1", "été 😀", "a\nb", "*x", "", "[a]", "'quoted'", "a\u2028b", "- x", "null"]
NOTHING: dict[str, Any] = {"": None, " ~": None, " {}": {}, " null": None}


@dataclass
class Written:
    """A plugin as it stands in the file."""

    component: str
    key: str
    data: dict[str, Any] | None
    in_brackets: bool
    first: int = 0  # the lines of the plugin with its comments
    key_line: int = 0
    end: int = 0  # after its content
    last: int = 0


@dataclass
class File:
    lines: list[str] = field(default_factory=list)
    plugins: list[Written] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)
    line_break: str = "\n"
    start: str = ""
    ended: bool = True
    comments: int = 0
    in_lists: set[str] = field(default_factory=set)  # comments that stand between the items of a list

    def text(self, lines: list[str] | None = None) -> str:
        text = self.line_break.join(self.lines if lines is None else lines)
        return self.start + text + (self.line_break if self.ended else "")

    def comment(self, column: int) -> None:
        self.comments += 1
        self.lines.append(f"{' ' * column}# {self.comments}: it's a [comment")

    def behind(self, draw: Callable[..., Any]) -> str:
        self.comments += 1
        return draw(st.sampled_from(["", "", f"  # {self.comments}: behind"]))  # type: ignore[no-any-return]


@st.composite
def specs(draw: Callable[..., Any]) -> dict[str, Any]:
    """The keys of one plugin, such as may stand together."""
    spec: dict[str, Any] = {}
    if draw(st.booleans()):
        spec["name"] = draw(st.sampled_from(WORDS))
    kind = draw(st.sampled_from(["newest", "version", "tag", "branch", "commit", "zip"]))
    if kind == "zip":
        spec |= {"zip": draw(st.sampled_from(["zips/x.zip", "https://host/x.zip"])), "sha256": "0a" * 32}
    elif draw(st.booleans()):
        spec["source"] = draw(st.sampled_from(["/srv/x", "https://host/x.git"]))
    if kind in ("version", "tag", "branch"):
        spec[kind] = draw(st.sampled_from(["1.10", "v1", "2024050305.01"]))
    if kind == "commit":
        spec[kind] = "12" * 20
    if kind in ("newest", "version") and draw(st.booleans()):
        spec["maturity"] = "beta"
    if kind != "newest" and draw(st.booleans()):
        spec["force"] = draw(st.booleans())
    if draw(st.booleans()):
        spec["patches"] = draw(st.lists(st.sampled_from(["a.patch", "b, c.patch", "d: e", "1.0", "#f"]), min_size=1, unique=True))
    return spec


def quoted(draw: Callable[..., Any], value: str) -> str:
    """One of the ways in which a value may be written."""
    ways = ["'{}'".format(value.replace("'", "''"))]
    if (re.fullmatch(r"[A-Za-z0-9./:]+", value) and value != "null") or value == "Own plugin":
        ways += [value, f'"{value}"']
    if "\n" in value or "\u2028" in value:
        ways = ['"{}"'.format(value.replace("\n", "\\n").replace("\u2028", "\\L"))]
    return draw(st.sampled_from(ways))  # type: ignore[no-any-return]


def write_value(draw: Callable[..., Any], file: File, column: int, key: str, value: Any) -> Any:
    """Write one key of a plugin; the value as it will be read is given back."""
    head = f"{' ' * column}{draw(st.sampled_from([key, key, repr(key)]))}:"
    if isinstance(value, bool):
        word = draw(st.sampled_from(["true", "yes", "'True'"] if value else ["false", "No"]))
        file.lines.append(f"{head} {word}{file.behind(draw)}")
        return word.strip("'")
    if isinstance(value, list):
        if draw(st.booleans()):
            file.lines.append(f"{head} [{', '.join(quoted(draw, item) for item in value)}]{file.behind(draw)}")
            return value
        file.lines.append(head + file.behind(draw))
        deeper = column + draw(st.integers(0, 3))
        for item in value:
            if draw(st.integers(0, 3)) == 0:
                file.comment(draw(st.integers(column, deeper + 2)))
                file.in_lists.add(file.lines[-1].strip())
            file.lines.append(f"{' ' * deeper}-{' ' * draw(st.integers(1, 2))}{quoted(draw, item)}{file.behind(draw)}")
        return value
    if key == "name" and value == "Own plugin" and draw(st.booleans()):
        file.lines += [f"{head} >-", f"{' ' * (column + 9)}Own", f"{' ' * (column + 9)}plugin"]
        return value
    file.lines.append(f"{head}{' ' * draw(st.integers(1, 2))}{quoted(draw, value)}{file.behind(draw)}")
    return value


def write_plugin(draw: Callable[..., Any], file: File, column: int, step: int, plugin: Written) -> None:
    plugin.first = len(file.lines)
    for _number in range(draw(st.sampled_from([0, 0, 1, 2]))):
        file.comment(column)
    plugin.key_line = len(file.lines)
    head = f"{' ' * column}{draw(st.sampled_from([plugin.key, plugin.key, repr(plugin.key)]))}:"
    if plugin.data is None:
        nothing = draw(st.sampled_from(list(NOTHING)))
        plugin.data = NOTHING[nothing]
        file.lines.append(head + nothing + file.behind(draw))
    elif plugin.in_brackets:
        plugin.data = {"branch": "main"}
        file.lines.append(f"{head} {{branch: main}}{file.behind(draw)}")
    else:
        file.lines.append(head + file.behind(draw))
        data = {}
        for key in draw(st.permutations(list(plugin.data))):
            around = draw(st.integers(0, 9))
            if around == 0:
                file.comment(column + draw(st.integers(0, step + 2)))
            if around == 1:
                file.lines.append("")
            data[key] = write_value(draw, file, column + step, key, plugin.data[key])
        plugin.data = data
    plugin.end = len(file.lines)
    if draw(st.integers(0, 4)) == 0:
        file.lines += [""] * draw(st.integers(0, 1))
        file.comment(column + draw(st.integers(1, step + 2)))
    plugin.last = len(file.lines)


def write_plugins(draw: Callable[..., Any], file: File, step: int) -> None:
    chosen = draw(st.lists(st.sampled_from(COMPONENTS), unique=True, max_size=5))
    if draw(st.booleans()):
        chosen.sort()
    if not chosen:
        how = draw(st.sampled_from([None, *NOTHING]))
        if how is not None:
            file.lines.append(f"plugins:{how}{file.behind(draw)}")
            file.data["plugins"] = NOTHING[how]
        return
    file.lines.append("plugins:" + file.behind(draw))
    prefix = draw(st.sampled_from([["moodle-"], [""], ["", "moodle-"]]))
    column = draw(st.integers(1, 4))
    blank = draw(st.sampled_from([0, 1, None]))
    for number, component in enumerate(chosen):
        if number:
            file.lines += [""] * (draw(st.integers(0, 2)) if blank is None else blank)
        heading = draw(st.integers(0, 9))
        if heading == 0:
            file.comment(draw(st.integers(0, column)))
            file.lines.append("")
        if heading == 1:
            file.comment(column - 1)
        data = draw(specs()) or None
        plugin = Written(component, draw(st.sampled_from(prefix)) + component, data, data is not None and draw(st.integers(0, 5)) == 0)
        write_plugin(draw, file, column, step, plugin)
        file.plugins.append(plugin)
    file.data["plugins"] = {plugin.key: plugin.data for plugin in file.plugins}


@st.composite
def files(draw: Callable[..., Any]) -> File:
    file = File(line_break=draw(st.sampled_from(["\n", "\n", "\r\n"])), start=draw(st.sampled_from(["", "", "\ufeff"])))
    step = draw(st.integers(1, 4))
    if draw(st.booleans()):
        file.comment(0)
    file.lines += draw(st.sampled_from([[], ["---"], [""]]))
    file.lines += ["project: campus", f"moodle:{file.behind(draw)}", f"{' ' * step}version: '4.5'{file.behind(draw)}"]
    file.data |= {"project": "campus", "moodle": {"version": "4.5"}}
    if draw(st.booleans()):
        file.lines.append("")
        file.comment(draw(st.integers(0, 3)))
    write_plugins(draw, file, step)
    if draw(st.booleans()):
        file.lines += [""] * draw(st.integers(0, 2))
        if draw(st.booleans()):
            file.comment(0)
        file.lines += ["overlays:", "  - path: 'own files'  # end", *draw(st.sampled_from([[], ["..."]]))]
        file.data["overlays"] = [{"path": "own files"}]
    file.ended = draw(st.booleans())
    return file


def as_read(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: str(value).lower() if isinstance(value, bool) else value for key, value in spec.items()}


def comment_lines(text: str) -> list[str]:
    return re.findall(r"^ *(# [^\r\n]*)", text, re.MULTILINE)


def without_blank_lines(text: str) -> list[str]:
    return [line for line in text.rstrip("\r\n").splitlines(keepends=True) if line.strip()]


def read(text: str) -> Any:
    return read_yaml(text, "codebase.yml")[0]


def meant(data: Any) -> Any:
    """Data with every way of saying yes and no told apart from nothing else."""
    plugins = {
        key: {
            item: {"yes": "true", "no": "false"}.get(value.lower(), value.lower()) if item == "force" else value
            for item, value in entry.items()
        }
        if entry
        else None
        for key, entry in (data.get("plugins") or {}).items()
    }
    return {**data, "plugins": plugins or None}


@MANY
@given(files())
def test_the_files_of_these_tests_hold_what_they_say(file: File) -> None:
    assert read(file.text()) == file.data


@MANY
@given(files(), specs(), st.data())
def test_a_plugin_that_is_there_is_changed_alone(file: File, spec: dict[str, Any], data: st.DataObject) -> None:
    if not file.plugins:
        return
    plugin = data.draw(st.sampled_from(file.plugins))
    wanted = {key: spec.get(key) for key in KEYS}
    text = file.text()
    try:
        result = set_plugin(text, "codebase.yml", plugin.component, wanted)
    except BadInput as refusal:
        assert plugin.in_brackets and "by hand" in refusal.message
        return
    expected = {**file.data, "plugins": {**file.data["plugins"], plugin.key: as_read(spec) or None}}
    assert meant(read(result)) == meant(expected)
    lost = set(comment_lines(text)) - set(comment_lines(result))
    assert lost <= (set() if "patches" in spec else file.in_lists)
    assert len(comment_lines(text)) == len(comment_lines(result)) + len(lost)
    before, after = file.lines[: plugin.key_line], file.lines[plugin.end :]
    lines = (
        result[len(file.start) :].rstrip("\r\n").split(file.line_break)
        if not file.ended
        else result[len(file.start) :].split(file.line_break)[:-1]
    )
    assert lines[: len(before)] == before
    assert not after or lines[-len(after) :] == after
    assert result.startswith(file.start) and result.endswith(file.line_break) == file.ended
    assert set_plugin(result, "codebase.yml", plugin.key, wanted) == result


@MANY
@given(files(), specs(), st.booleans())
def test_a_new_plugin_is_added_and_can_be_removed_again(file: File, spec: dict[str, Any], prefixed: bool) -> None:
    text = file.text()
    component = next(
        one for one in (COMPONENTS if prefixed else COMPONENTS[::-1]) if one not in [plugin.component for plugin in file.plugins]
    )
    result = set_plugin(text, "codebase.yml", f"moodle-{component}" if prefixed else component, spec)
    data = read(result)
    (key,) = set(data["plugins"]) - {plugin.key for plugin in file.plugins}
    assert key.removeprefix("moodle-") == component
    assert meant(data) == meant({**file.data, "plugins": {**(file.data.get("plugins") or {}), key: as_read(spec) or None}})
    assert comment_lines(result) == comment_lines(text)
    names = [plugin.component for plugin in file.plugins]
    if names == sorted(names):
        assert [name.removeprefix("moodle-") for name in data["plugins"]] == sorted([*names, component])
    else:
        assert list(data["plugins"])[-1] == key or sorted(file.data["plugins"]) == list(file.data["plugins"])
    assert file.line_break == "\n" or not re.search(r"(?<!\r)\n", result)
    assert set_plugin(result, "codebase.yml", component, spec) == result
    if file.plugins:
        assert without_blank_lines(remove_plugin(result, "codebase.yml", component)) == without_blank_lines(text)


@MANY
@given(files(), st.data())
def test_a_plugin_is_removed_with_its_comments_alone(file: File, data: st.DataObject) -> None:
    if not file.plugins:
        return
    plugin = data.draw(st.sampled_from(file.plugins))
    result = remove_plugin(file.text(), "codebase.yml", plugin.component)
    left = {key: value for key, value in file.data["plugins"].items() if key != plugin.key}
    assert meant(read(result)) == meant({**file.data, "plugins": left})
    assert without_blank_lines(result) == without_blank_lines(file.text(file.lines[: plugin.first] + file.lines[plugin.last :]))
    assert result.endswith(file.line_break) == file.ended
    assert remove_plugin(result, "codebase.yml", plugin.component) == result


PIECES = [
    "\n",
    "\n  ",
    " ",
    "\t",
    "#",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    ": ",
    "&a ",
    "*a",
    "!x ",
    "'",
    '"',
    "|\n",
    ">-\n",
    "~",
    "? ",
    "---\n",
    "\r",
    "é",
]


@MANY
@given(files(), st.lists(st.tuples(st.integers(0), st.integers(0, 3), st.sampled_from(PIECES)), max_size=3), st.data())
def test_whatever_is_in_the_file_it_is_edited_rightly_or_refused_in_words(
    file: File, damage: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    text = file.text()
    for place, length, piece in damage:
        start = place % (len(text) + 1)
        text = text[:start] + piece + text[start + length :]
    component = data.draw(st.sampled_from(COMPONENTS))
    for edit in (
        lambda: set_plugin(text, "codebase.yml", component, {"name": "Own", "tag": None}),
        lambda: remove_plugin(text, "codebase.yml", component),
    ):
        try:
            edit()
        except BadInput as refusal:
            assert refusal.message.startswith("codebase.yml") and refusal.message.isprintable()
