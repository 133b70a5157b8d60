# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a tree holds and how two of them differ: the pure heart of verification, drift and reports."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

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


Files = Mapping[str, Entry]

# What no line of an honest `git ls-tree -z` holds: a submodule, a path with an empty part or with one of these names.
_NAMES = (b".", b"..", b".git")
_FORGED = (
    *(b"160000 commit ", b"//", b"/\0", b"\t/", b"\t\0"),
    *(before + name + after for name in _NAMES for before in (b"\t", b"/") for after in (b"/", b"\0")),
)


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


def drift_of(expected: Files, found: Files) -> Drift:
    return Drift(
        modified=tuple(sorted(path for path in expected if path in found and found[path] != expected[path])),
        missing=tuple(sorted(path for path in expected if path not in found)),
        unexpected=tuple(sorted(path for path in found if path not in expected)),
    )


def changes_between(old: Files, new: Files) -> dict[str, list[str]]:
    """The files that a step from ``old`` to ``new`` adds, modifies and removes."""
    step = drift_of(old, new).as_result()
    return {"added": step["unexpected"], "modified": step["modified"], "removed": step["missing"]}


def parse_ls_tree(listed: bytes, tree: str) -> dict[str, Entry]:
    """The files of ``git ls-tree -r -z --full-tree``. Trees can be forged: a path that leads elsewhere is refused."""
    lower = listed.lower()
    for forged in _FORGED:
        at = lower.find(forged)
        if at >= 0:
            path = listed[listed.find(b"\t", listed.rfind(b"\0", 0, at + 1) + 1) + 1 :].partition(b"\0")[0].decode(errors="surrogateescape")
            raise BadInput(f"The tree {tree} holds {path!r}, which is a submodule or leads out of it: it cannot become a release.")
    files = {}
    for line in listed.decode(errors="surrogateescape").split("\0")[:-1]:
        head, _dummy, path = line.partition("\t")
        # Trees of long ago have more modes for a plain file (100664) than Git gives to one today.
        mode = head[:6]
        files[path] = Entry(mode if mode in (EXECUTABLE, SYMLINK) else REGULAR, head[12:])
    return files
