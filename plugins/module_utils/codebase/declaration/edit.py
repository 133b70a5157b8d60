# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Edits the text of a code base file and leaves all else in it as it was: comments, order, indentation, line breaks.

What comes out is read again and must hold what was asked for and nothing else; what cannot be edited safely is refused in words.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence

from ...common.errors import BadInput
from ...common.process import without_secrets
from .checks import TRUTH, shown
from .layout import Layout, Unsafe
from .manifest import COMPONENT, Lines, parse_manifest
from .plugin_edits import Edit, add_plugin, change_plugin, cut_plugin
from .yaml_file import read_yaml
from .yaml_words import written

Value = t.Union[str, bool, Sequence[str], None]
Plugins = dict[str, t.Any]

BOM = "\ufeff"


def set_plugin(text: str, name: str, component: str, values: Mapping[str, Value]) -> str:
    """The text of the code base file ``name`` with a plugin whose keys have these values; None takes a key away.

    A plugin that is not there yet is added, in alphabetical order where the file keeps one, else as the last.
    """
    wanted = {key: None if value in ([], ()) else value for key, value in values.items()}
    told = ", ".join(f"no {key}" if value is None else f"{key}: {written(value)}" for key, value in wanted.items())

    def change(layout: Layout, plugins: Plugins, key: str | None) -> list[Edit]:
        before = (plugins.get(key) if key else None) or {}
        if not isinstance(before, dict):
            raise BadInput(f"{name}: plugins.{key}: a mapping is expected, {shown(before)} was found.")
        new = {item: value for item, value in wanted.items() if not _is_the_same(before, item, value)}
        after = {item: value for item, value in {**before, **_as_read(new)}.items() if item not in new or value is not None}
        name_of_new = key or _named_like(plugins, component)
        plugins[name_of_new] = after or None
        return change_plugin(layout, key, new) if key else add_plugin(layout, name_of_new, new)

    return _edited(text, name, component, f"write plugins.{component} with {told or 'nothing'} by hand", change)


def remove_plugin(text: str, name: str, component: str) -> str:
    """The text of the code base file ``name`` without a plugin and the comments that belong to it."""

    def change(layout: Layout, plugins: Plugins, key: str | None) -> list[Edit]:
        if key is None:
            return []
        del plugins[key]
        return cut_plugin(layout, key)

    return _edited(text, name, component, f"delete plugins.{component} by hand", change)


def _edited(text: str, name: str, component: str, wish: str, change: Callable[[Layout, Plugins, str | None], list[Edit]]) -> str:
    mark = BOM if text.startswith(BOM) else ""
    body = text[len(mark) :]
    whole = body if body.endswith("\n") else body + ("\r\n" if "\r\n" in body else "\n")
    data, lines = read_yaml(whole, name)
    plugins, key = _plugins_and_key(data, name, lines, component)
    try:
        edits = change(Layout(whole), plugins, key)
    except Unsafe as unsafe:
        where = f"{name}, line {unsafe.line + 1}"
        raise BadInput(f"{where}: {unsafe.reason}, which cannot be edited safely: {without_secrets(wish)}.") from None
    if not edits:
        return text
    result = _applied(whole, edits)
    _verify(result, {**t.cast(Plugins, data), "plugins": plugins or None}, name, wish)
    return mark + (result if whole == body else result.rstrip("\r\n"))


def _plugins_and_key(data: object, name: str, lines: Lines, component: str) -> tuple[Plugins, str | None]:
    """The plugins of a file, and the key under which it has this one. A file that is too wrong for that is refused."""
    match = COMPONENT.fullmatch(component)
    if not match:
        raise BadInput(f"'{component}' is no name of a plugin: it is 'type_name' or 'moodle-type_name', in small letters.")
    top = data if isinstance(data, dict) else {}
    plugins = top.get("plugins") or {}
    keys = [key for key in plugins if _short(key) == match.group(1)] if isinstance(plugins, dict) else []
    if "moodle" not in top or not isinstance(plugins, dict) or len(keys) > 1:
        parse_manifest(data, name, lines, "/")
    return dict(plugins), keys[0] if keys else None


def _short(key: str) -> str:
    match = COMPONENT.fullmatch(key)
    return match.group(1) if match else key


def _named_like(keys: Mapping[str, object], component: str) -> str:
    """With ``moodle-`` before it where all others have it, without where some have not."""
    if not keys:
        return component
    return f"moodle-{_short(component)}" if all(key.startswith("moodle-") for key in keys) else _short(component)


def _is_the_same(before: Mapping[str, object], key: str, value: Value) -> bool:
    old = before.get(key)
    if value is None:
        return key not in before
    if isinstance(value, bool):
        return isinstance(old, str) and bool(TRUTH.fullmatch(old)) and (old.lower() in ("true", "yes")) == value
    return old == (value if isinstance(value, str) else list(value))


def _as_read(values: Mapping[str, Value]) -> dict[str, object]:
    """What our reader makes of these values when they are written."""
    return {
        key: written(value) if isinstance(value, bool) else value if value is None or isinstance(value, str) else list(value)
        for key, value in values.items()
    }


def _applied(text: str, edits: list[Edit]) -> str:
    pieces = []
    at = 0
    for start, end, replacement in sorted(edits, key=lambda edit: edit[:2]):
        pieces += [text[at:start], replacement]
        at = end
    return "".join([*pieces, text[at:]])


def _verify(result: str, expected: Mapping[str, object], name: str, wish: str) -> None:
    try:
        data, lines = read_yaml(result, name)
    except BadInput:
        data, lines = None, {}
    if data != expected:
        raise BadInput(f"{name} is written in a way that cannot be edited safely: {without_secrets(wish)}.")
    parse_manifest(data, f"{name} as it would be", lines, "/")
