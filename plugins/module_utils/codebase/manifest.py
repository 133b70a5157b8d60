# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the code base file asks for: checked, typed, and nothing else. Plain data in, plain data out."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..common.errors import BadInput
from ..common.process import without_secrets

MOODLE_SOURCE = "https://github.com/moodle/moodle.git"
REF_KINDS = ("version", "tag", "branch", "commit")

PROJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.|lock$))*(?<!\.)")
COMPONENT = re.compile(r"(?:moodle-)?([a-z][a-z0-9]*_[a-z][a-z0-9_]*)")
CORE_VERSION = re.compile(r"\d+\.\d+(?:\+|\.\d+)?")
COMMIT = re.compile(r"[0-9a-f]{40}")
REF = re.compile(r"(?!-)(?!.*(?:\.\.|@\{|//|\.lock$|\.$|/$))[^\x00-\x20~^:?*\[\\\x7f]+")
SOURCE = re.compile(r"(?:(?:https?|ssh|git|file)://|/|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:)[^\x00-\x20\x7f]+")

Lines = Mapping[tuple[str, ...], int]


@dataclass(frozen=True)
class Wanted:
    """The revision that is asked for, in the words of the manifest: ``tag v4.5.1``, ``version 4.5+``."""

    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


@dataclass(frozen=True)
class Part:
    """The core (component ``moodle``) or a plugin: where it comes from and which revision is wanted."""

    component: str
    source: str
    wanted: Wanted


@dataclass(frozen=True)
class Manifest:
    project: str
    moodle: Part
    plugins: tuple[Part, ...]


@dataclass(frozen=True)
class _Reader:
    """Knows where each key stands, so that an error can name file, line and key."""

    name: str
    lines: Lines = field(default_factory=dict)

    def fail(self, path: tuple[str, ...], problem: str) -> t.NoReturn:
        line = self.lines.get(path)
        where = f"{self.name}, line {line}" if line else self.name
        raise BadInput(f"{where}: {'.'.join(path)}: {problem}" if path else f"{where}: {problem}")

    def mapping(self, value: object, path: tuple[str, ...], allowed: tuple[str, ...] | None) -> Mapping[str, object]:
        if not isinstance(value, Mapping):
            self.fail(path, f"a mapping is expected, {_shown(value)} was found.")
        for key in value:
            if not isinstance(key, str):
                self.fail(path, f"the key {key!r} is not text: put it in quotes.")
            if allowed is not None and key not in allowed:
                self.fail((*path, key), f"this key is not known here; allowed are {', '.join(allowed)}.")
        return value

    def text(self, value: object, path: tuple[str, ...], form: re.Pattern[str], expected: str) -> str:
        if isinstance(value, float):
            self.fail(path, f"{value} was read as a number, which cannot tell 3.1 from 3.10: put it in quotes.")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not form.fullmatch(value):
            self.fail(path, f"{expected} is expected, {_shown(value)} was found.")
        return value


def parse_manifest(data: object, name: str, lines: Lines | None = None) -> Manifest:
    """Check ``data`` (the content of a code base file called ``name``) and give it its types."""
    reader = _Reader(name, lines or {})
    top = reader.mapping(data, (), ("project", "moodle", "plugins"))
    for key in ("project", "moodle"):
        if key not in top:
            reader.fail((), f"the key '{key}' is missing.")
    project = reader.text(top["project"], ("project",), PROJECT, "a name of letters, digits, '.', '_' and '-'")
    core = reader.mapping(top["moodle"], ("moodle",), ("source", *REF_KINDS))
    moodle = Part("moodle", _source(reader, core, ("moodle",), MOODLE_SOURCE), _core_wanted(reader, core))
    listed = reader.mapping(top["plugins"], ("plugins",), None) if top.get("plugins") is not None else {}
    plugins = [_plugin(reader, key, value) for key, value in listed.items()]
    seen: dict[str, str] = {}
    for key, plugin in zip(listed, plugins):
        if plugin.component in seen:
            reader.fail(("plugins", key), f"{plugin.component} stands here a second time, first as '{seen[plugin.component]}'.")
        seen[plugin.component] = key
    return Manifest(project, moodle, tuple(sorted(plugins, key=lambda plugin: plugin.component)))


def _core_wanted(reader: _Reader, core: Mapping[str, object]) -> Wanted:
    wanted = _wanted(reader, core, ("moodle",))
    if wanted.kind == "version" and not CORE_VERSION.fullmatch(wanted.value):
        reader.fail(
            ("moodle", "version"),
            f"'4.5', '4.5+' or '4.5.1' is expected, '{wanted.value}' was found; other refs go under tag, branch or commit.",
        )
    return wanted


def _plugin(reader: _Reader, key: str, value: object) -> Part:
    path = ("plugins", key)
    match = COMPONENT.fullmatch(key)
    if not match:
        reader.fail(path, "a plugin is named 'moodle-type_name' or 'type_name', in small letters.")
    entry = reader.mapping(value, path, ("name", "source", *REF_KINDS))
    wanted = _wanted(reader, entry, path)
    if wanted.kind == "version":
        reader.fail((*path, "version"), "a plugin's revision is named by tag, branch or commit.")
    return Part(match.group(1), _source(reader, entry, path, None), wanted)


def _source(reader: _Reader, entry: Mapping[str, object], path: tuple[str, ...], default: str | None) -> str:
    if "source" not in entry:
        if default is None:
            reader.fail(path, "the key 'source' (the URL of its Git repository) is missing.")
        return default
    return reader.text(entry["source"], (*path, "source"), SOURCE, "a Git URL (https, ssh, git, file) or an absolute path")


def _wanted(reader: _Reader, entry: Mapping[str, object], path: tuple[str, ...]) -> Wanted:
    kinds = [kind for kind in REF_KINDS if entry.get(kind) is not None]
    if len(kinds) != 1:
        found = " and ".join(kinds) if kinds else "none"
        reader.fail(path, f"exactly one of {', '.join(REF_KINDS)} says which revision; {found} was found.")
    kind = kinds[0]
    if kind == "commit":
        value = reader.text(entry[kind], (*path, kind), COMMIT, "a whole commit id (40 hexadecimal digits, in quotes)")
    else:
        value = reader.text(entry[kind], (*path, kind), REF, f"the name of a {kind}")
    return Wanted(kind, value)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    return (
        f"'{without_secrets(str(value))}'"
        if isinstance(value, (str, int, float))
        else f"a {'list' if isinstance(value, list) else type(value).__name__}"
    )
