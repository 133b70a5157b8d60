# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changed between two builds, in words: for the commit message, the diff and the result."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from .declaration.lock import Locked

CONTENTS = "Contents:"
CONTENT = re.compile(r"  ([a-z][a-z0-9_]*) (.*?) \(.+, [0-9a-f]{12}\)")


@dataclass(frozen=True)
class Component:
    """A part of the code base as it was built."""

    component: str
    path: str
    version: t.Any
    release: t.Any
    ref: str
    commit: str
    reason: str
    tree: str
    rejected: tuple[dict[str, str], ...] = ()

    def as_result(self) -> dict[str, t.Any]:
        result = {**asdict(self), "rejected": list(self.rejected)}
        del result["tree"]
        return result

    def __str__(self) -> str:
        return f"{self.component} {self.version} ({self.ref}, {self.commit[:12]})"


@dataclass(frozen=True)
class Changes:
    added: tuple[str, ...]
    removed: tuple[str, ...]
    updated: tuple[str, ...]


def compare(old: dict[str, Locked], new: Sequence[Component]) -> Changes:
    names = {part.component: part for part in new}
    return Changes(
        added=tuple(name for name in names if name not in old),
        removed=tuple(sorted(name for name in old if name not in names)),
        updated=tuple(
            name for name, part in names.items() if name in old and (old[name].commit, old[name].tree) != (part.commit, part.tree)
        ),
    )


def describe(project: str, components: Sequence[Component], changes: Changes, overlays: Sequence[Mapping[str, str]] = ()) -> str:
    """The commit message: a subject, then what changed, then all that is in it."""
    core = components[0]
    lines = [f"{project}: Moodle {core.release} with {len(components) - 1} plugins", ""]
    by_name = {part.component: part for part in components}
    for verb, names in (("Added", changes.added), ("Updated", changes.updated)):
        lines += [f"{verb} {by_name[name]}" for name in names]
    lines += [f"Removed {name}" for name in changes.removed]
    own = (f"  own files over {overlay['to']} ({overlay['tree'][:12]})" for overlay in overlays)
    return "\n".join([*lines, "", CONTENTS, *(f"  {part}" for part in components), *own])


def contents(message: str) -> dict[str, str]:
    """What ``describe`` wrote of a build: the version of each component. Nothing for a commit of somebody else's."""
    _dummy, _mark, listed = message.partition(f"\n{CONTENTS}\n")
    return {found[1]: found[2] for line in listed.splitlines() if (found := CONTENT.fullmatch(line))}


def listing(decided: Iterable[Locked], overlays: Iterable[Mapping[str, str]] = ()) -> str:
    """A line for each part, as the diff shows it: another tree of the same commit means other patches."""
    parts = [f"{entry.component} {entry.ref} {entry.commit} {entry.tree}\n" for entry in decided]
    return "".join([*parts, *(f"own files over {overlay['to']} {overlay['tree']}\n" for overlay in overlays)])


def components_of(paths: Iterable[str], places: Mapping[str, str]) -> set[str]:
    """Whose files these are, by the directory of each component; the core's is empty. A sub-plugin's are not its plugin's."""
    found = set()
    for path in paths:
        place = path
        while place and place not in places:
            place = place.rpartition("/")[0]
        found.add(places[place])
    return found
