# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the code base file asks for: checked, typed, and nothing else. Plain data in, plain data out.

``roles/codebase/files/codebase.schema.json`` says the same to editors; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from .checks import Path, Reader, shown

MOODLE_SOURCE = "https://github.com/moodle/moodle.git"
REF_KINDS = ("version", "tag", "branch", "commit")
TOP_KEYS = ("project", "moodle", "plugins", "overlays")
CORE_KEYS = ("source", *REF_KINDS, "patches")
PLUGIN_KEYS = ("name", "source", "zip", "sha256", *REF_KINDS, "maturity", "force", "patches")
OVERLAY_KEYS = ("path", "to")

# These are written for Python and for the editors' JavaScript alike.
PROJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.|lock$|$))*")
COMPONENT = re.compile(r"(?:moodle-)?([a-z][a-z0-9]*_[a-z][a-z0-9_]*)")
CORE_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}(?:\+|\.[0-9]{1,3})?")
PLUGIN_VERSION = re.compile(r"[^\x00-\x20\x7f](?:[^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?")
COMMIT = re.compile(r"[0-9a-f]{40}")
REF = re.compile(r"(?!-)(?!.*(?:\.\.|@\{|//|\.lock$|\.$|/$))[^\x00-\x20~^:?*\[\\\x7f]+")
SOURCE = re.compile(r"(?:(?:https?|ssh|git|file)://|/|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:)[^\x00-\x20\x7f]+")
MATURITY = re.compile(r"alpha|beta|rc|stable")
ZIP = re.compile(r"https?://[^\x00-\x20\x7f]+|(?!.*://)(?!(?:.*/)?\.\.(?:/|$))[^\x00-\x1f\x7f]+")
SHA256 = re.compile(r"[0-9A-Fa-f]{64}")
PLACE = re.compile(r"(?!/)(?!(?:.*/)?(?:\.\.|\.[Gg][Ii][Tt])(?:/|$))[^\x00-\x1f\x7f]*")

Lines = Mapping[Path, int]
Forms = Mapping[str, tuple[re.Pattern[str], str]]

REF_FORMS: Forms = {
    "tag": (REF, "the name of a tag"),
    "branch": (REF, "the name of a branch"),
    "commit": (COMMIT, "a whole commit id (40 hexadecimal digits, in quotes)"),
}
CORE_FORMS: Forms = {
    **REF_FORMS,
    "version": (CORE_VERSION, "other refs go under tag, branch or commit; here '4.5', '4.5+' or '4.5.1'"),
}
PLUGIN_FORMS: Forms = {**REF_FORMS, "version": (PLUGIN_VERSION, "a plugin's version number or the name of a release")}


@dataclass(frozen=True)
class Wanted:
    """The revision that is asked for, in the words of the manifest: ``tag v4.5.1``, ``version 4.5+``."""

    kind: str  # one of REF_KINDS; newest: the newest compatible one; zip: the value is its sha256
    value: str

    def __str__(self) -> str:
        return "newest compatible" if self.kind == "newest" else f"{self.kind} {self.value}"


@dataclass(frozen=True)
class Part:
    """The core (component ``moodle``) or a plugin: where it comes from and which revision is wanted."""

    component: str
    source: str  # empty: the plugin directory's list knows
    wanted: Wanted
    maturity: str = "stable"  # the lowest that is chosen without being named
    force: bool = False  # take it although its version.php says that it does not fit
    patches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Overlay:
    """A directory of own files that is laid over the place ``to`` of the code base; empty is its root."""

    path: str
    to: str


@dataclass(frozen=True)
class Manifest:
    project: str
    moodle: Part
    plugins: tuple[Part, ...]
    overlays: tuple[Overlay, ...] = ()


def parse_manifest(data: object, name: str, lines: Lines | None = None, base: str | None = None) -> Manifest:
    """Check ``data`` (the content of a code base file called ``name`` in the directory ``base``) and give it its types."""
    reader = Reader(name, lines or {}, base)
    top = reader.mapping(data, (), TOP_KEYS)
    for key in ("project", "moodle"):
        if key not in top:
            reader.fail((), f"the key '{key}' is missing.")
    return Manifest(
        reader.text(top["project"], ("project",), PROJECT, "a name of letters, digits, '.', '_' and '-'"),
        _core(reader, top["moodle"]),
        _plugins(reader, top.get("plugins")),
        _overlays(reader, top.get("overlays")),
    )


def _core(reader: Reader, value: object) -> Part:
    path = ("moodle",)
    entry = _given(reader.mapping(value, path, CORE_KEYS))
    kinds = [kind for kind in REF_KINDS if kind in entry]
    if len(kinds) != 1:
        reader.fail(path, f"exactly one of {', '.join(REF_KINDS)} says which revision; {_found(kinds)} found.")
    wanted = _wanted(reader, entry, path, kinds[0], CORE_FORMS)
    return Part("moodle", _source(reader, entry, path) or MOODLE_SOURCE, wanted, patches=_patches(reader, entry, path))


def _plugins(reader: Reader, value: object) -> tuple[Part, ...]:
    listed = reader.mapping(value if value is not None else {}, ("plugins",), None)
    keys: dict[str, str] = {}
    plugins = []
    for key, entry in listed.items():
        plugin = _plugin(reader, key, entry)
        if plugin.component in keys:
            reader.fail(("plugins", key), f"{plugin.component} stands here a second time, first as '{keys[plugin.component]}'.")
        keys[plugin.component] = key
        plugins.append(plugin)
    return tuple(sorted(plugins, key=lambda plugin: plugin.component))


def _plugin(reader: Reader, key: str, value: object) -> Part:
    path = ("plugins", key)
    match = COMPONENT.fullmatch(key)
    if not match:
        reader.fail(path, "a plugin is named 'moodle-type_name' or 'type_name', in small letters.")
    entry = _given(reader.mapping(value if value is not None else {}, path, PLUGIN_KEYS))
    if isinstance(entry.get("name"), (list, Mapping)):
        reader.fail((*path, "name"), f"free text is expected, {shown(entry['name'])} was found.")
    kinds = [kind for kind in (*REF_KINDS, "zip") if kind in entry]
    _refuse_what_does_not_go_together(reader, entry, kinds, path)
    if "zip" in entry:
        source, wanted = _zip(reader, entry, path)
    else:
        source = _source(reader, entry, path)
        wanted = _wanted(reader, entry, path, kinds[0], PLUGIN_FORMS) if kinds else Wanted("newest", "")
    maturity = reader.text(entry.get("maturity", "stable"), (*path, "maturity"), MATURITY, "alpha, beta, rc or stable")
    force = reader.truth(entry.get("force", False), (*path, "force"))
    if force and not kinds:
        reader.fail((*path, "force"), f"only a named revision can be forced: add one of {', '.join(REF_KINDS)}, zip.")
    return Part(match.group(1), source, wanted, maturity, force, _patches(reader, entry, path))


def _refuse_what_does_not_go_together(reader: Reader, entry: Mapping[str, object], kinds: list[str], path: Path) -> None:
    if "zip" in entry:
        others = [key for key in ("source", *REF_KINDS) if key in entry]
        if others:
            reader.fail((*path, "zip"), f"a zip is source and revision in one: it does not go with {' and '.join(others)}.")
        if "sha256" not in entry:
            reader.fail((*path, "zip"), "its checksum is missing: add the key 'sha256'.")
    elif "sha256" in entry:
        reader.fail((*path, "sha256"), "only a zip has a checksum: it does not go without the key 'zip'.")
    if len(kinds) > 1:
        reader.fail(path, f"at most one of {', '.join(REF_KINDS)} says which revision; {_found(kinds)} found.")
    if "maturity" in entry and kinds and kinds != ["version"]:
        reader.fail((*path, "maturity"), f"it is for choosing among versions, and {kinds[0]} leaves no choice: remove one of the two.")


def _zip(reader: Reader, entry: Mapping[str, object], path: Path) -> tuple[str, Wanted]:
    where = reader.text(entry["zip"], (*path, "zip"), ZIP, "a URL (https) or a path without '..'")
    source = where if "://" in where else reader.file(where, (*path, "zip"), "a zip")
    checksum = reader.text(entry["sha256"], (*path, "sha256"), SHA256, "a SHA-256 checksum (64 hexadecimal digits, in quotes)")
    return source, Wanted("zip", checksum.lower())


def _overlays(reader: Reader, value: object) -> tuple[Overlay, ...]:
    return tuple(
        _overlay(reader, item, ("overlays", str(index)))
        for index, item in enumerate(reader.sequence(value, ("overlays",), "mappings with 'path' and 'to'"))
    )


def _overlay(reader: Reader, value: object, path: Path) -> Overlay:
    entry = _given(reader.mapping(value, path, OVERLAY_KEYS))
    if "path" not in entry:
        reader.fail(path, "the key 'path' (the directory of own files) is missing.")
    directory = reader.file(entry["path"], (*path, "path"), "a directory")
    place = PurePosixPath(reader.text(entry.get("to", ""), (*path, "to"), PLACE, "a place inside the code base, such as 'theme/boost',"))
    return Overlay(directory, "" if place == PurePosixPath() else str(place))


def _patches(reader: Reader, entry: Mapping[str, object], path: Path) -> tuple[str, ...]:
    here = (*path, "patches")
    files: list[str] = []
    for index, item in enumerate(reader.sequence(entry.get("patches"), here, "patch files")):
        file = reader.file(item, (*here, str(index)), "a patch file")
        if file in files:
            reader.fail((*here, str(index)), f"'{item}' stands here a second time.")
        files.append(file)
    return tuple(files)


def _source(reader: Reader, entry: Mapping[str, object], path: Path) -> str:
    if "source" not in entry:
        return ""
    return reader.text(entry["source"], (*path, "source"), SOURCE, "a Git URL (https, ssh, git, file) or an absolute path")


def _wanted(reader: Reader, entry: Mapping[str, object], path: Path, kind: str, forms: Forms) -> Wanted:
    form, expected = forms[kind]
    return Wanted(kind, reader.text(entry[kind], (*path, kind), form, expected))


def _given(entry: Mapping[str, object]) -> dict[str, object]:
    """A key with nothing behind it is as good as none."""
    return {key: value for key, value in entry.items() if value is not None}


def _found(kinds: list[str]) -> str:
    return f"{' and '.join(kinds) or 'none'} {'were' if len(kinds) > 1 else 'was'}"
