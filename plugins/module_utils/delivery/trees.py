# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a tree holds and how two of them differ: the pure heart of verification, drift and reports."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from ..common.errors import BadInput

EXECUTABLE, REGULAR, SYMLINK = "100755", "100644", "120000"


def shown(path: str) -> str:
    """A file's name as it may stand in a result or a message: no line break, no byte that is not UTF-8."""
    if path.isprintable():
        return path
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in path)


class Entry(t.NamedTuple):
    """A file as Git sees it: its mode and the id of its content."""

    mode: str
    oid: str


class Change(t.NamedTuple):
    """A file before and after a step."""

    old: Entry | None
    new: Entry | None


Files = Mapping[str, Entry]

# What no line of an honest `git ls-tree -z` holds: a submodule, a path with an empty part, or a part with one of these names.
_FORGED = (b"160000 commit ", b"//", b"/\0", b"\t/", b"\t\0")
_DOTTED = (b"\t.", b"/.")
_NAME = re.compile(rb"\.(?:\.|git)?[/\0]", re.IGNORECASE)


@dataclass(frozen=True)
class Drift:
    """How a directory differs from the commit that it should be a copy of."""

    modified: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.modified or self.missing or self.unexpected)

    def __str__(self) -> str:
        parts = []
        for word, paths in (("modified", self.modified), ("missing", self.missing), ("unexpected", self.unexpected)):
            if paths:
                parts.append(f"{len(paths)} {word} ({', '.join(map(shown, paths[:5]))}{', …' if len(paths) > 5 else ''})")  # noqa: PLR2004
        return ", ".join(parts) or "nothing"

    def within(self, component: str | None) -> Drift:
        """What of it lies in a directory."""
        if component is None:
            return self
        return Drift(
            *(tuple(path for path in paths if path.startswith(f"{component}/")) for paths in (self.modified, self.missing, self.unexpected))
        )

    def as_result(self) -> dict[str, list[str]]:
        return {
            "modified": [shown(path) for path in self.modified],
            "missing": [shown(path) for path in self.missing],
            "unexpected": [shown(path) for path in self.unexpected],
        }


def leads_out(path: str, target: str) -> bool:
    """Whether a link at ``path`` leads out of its tree, by its text alone."""
    depth = 0
    for part in PurePosixPath(path).parent.joinpath(target).parts if not target.startswith("/") else ("..",):
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def listed_changes(changes: Mapping[str, Change]) -> dict[str, list[str]]:
    """The files that a step adds, modifies and removes, as they may be shown."""
    told: dict[str, list[str]] = {"added": [], "modified": [], "removed": []}
    for path, change in sorted(changes.items()):
        if change.old != change.new:
            told["added" if change.old is None else "modified" if change.new else "removed"].append(shown(path))
    return told


def parse_ls_tree(listed: bytes, tree: str) -> dict[str, Entry]:
    """The files of ``git ls-tree -r -z --full-tree``. Trees can be forged: a path that leads elsewhere is refused."""
    for at in _forged(listed):
        path = listed[listed.find(b"\t", listed.rfind(b"\0", 0, at + 1) + 1) + 1 :].partition(b"\0")[0].decode(errors="surrogateescape")
        raise BadInput(f"The tree {tree} holds {path!r}, which is a submodule or leads out of it: it cannot become a release.")
    heads = ((head[:6], head[12:], path) for head, _tab, path in (line.partition("\t") for line in _lines(listed)))
    return {path: _entry(mode, oid) for mode, oid, path in heads}


def _forged(listed: bytes) -> Iterator[int]:
    """Where something is that is refused. All lines are searched at once: one by one would take ten times as long."""
    yield from (at for at in map(listed.find, _FORGED) if at >= 0)
    for before in _DOTTED:
        at = listed.find(before)
        while at >= 0:
            if _NAME.match(listed, at + 1):
                yield at
            at = listed.find(before, at + 1)


def parse_diff_tree(listed: bytes, tree: str) -> dict[str, Change]:
    """The files by which ``tree`` differs from another one, of ``git diff-tree -r -z --no-renames --full-index``."""
    old, there = dict[str, Entry](), []
    answers = iter(listed.split(b"\0")[:-1])
    paths = []
    for head, path in zip(answers, answers):
        old_mode, mode, old_oid, oid, _kind = head.removeprefix(b":").split(b" ")
        paths.append(path.decode(errors="surrogateescape"))
        if int(old_mode):
            old[paths[-1]] = _entry(old_mode.decode(), old_oid.decode())
        if int(mode):
            there.append(b"%b %b %b\t%b\0" % (mode, b"commit" if mode == b"160000" else b"blob", oid, path))
    new = parse_ls_tree(b"".join(there), tree)
    changes = {path: Change(old.get(path), new.get(path)) for path in paths}
    return {path: change for path, change in changes.items() if change.old != change.new}


def _entry(mode: str, oid: str) -> Entry:
    """Trees of long ago have more modes for a plain file (100664) than Git gives to one today."""
    return Entry(mode if mode in (EXECUTABLE, SYMLINK) else REGULAR, oid)


def _lines(listed: bytes) -> list[str]:
    return listed.decode(errors="surrogateescape").split("\0")[:-1]
