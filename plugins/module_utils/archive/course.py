# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A course on its way into the archive, and what a run knows of all its courses. Plain data in, plain data out."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

PLANNED = "planned"
ESTIMATED = "estimated"
BACKED_UP = "backed_up"
FAILED = "failed"
# The whole way; those after backed_up belong to the archive's side and to the purge.
STATES = (PLANNED, ESTIMATED, BACKED_UP, "restored", "processed", "verified", "purged", FAILED)


@dataclass(frozen=True)
class Course:
    """One course: what it is, how far it is, and what is kept of it."""

    id: int
    shortname: str
    fullname: str = ""
    idnumber: str = ""
    category: str = ""
    visible: bool = True
    estimate: int = 0
    """Bytes of its files in Moodle."""
    state: str = PLANNED
    file: str | None = None
    """The backup, relative to the run's folder."""
    size: int = 0
    checksum: str | None = None
    """SHA-256 of the backup."""
    seconds: float = 0.0
    error: str | None = None
    updated: str | None = None
    """When the state was reached, as an ISO date with its zone."""

    @classmethod
    def from_data(cls, data: Mapping[str, t.Any]) -> Course:
        """A course from its journal file or from what PHP printed; what this version does not know is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})

    def data(self) -> dict[str, t.Any]:
        return asdict(self)

    @property
    def to_do(self) -> bool:
        """Whether its backup is still to be made."""
        return self.state in (PLANNED, ESTIMATED, FAILED)

    def result(self) -> dict[str, t.Any]:
        """What the module returns of it."""
        shown = ("id", "shortname", "state", "size", "checksum", "error", "seconds", "file", "category")
        return {**{name: getattr(self, name) for name in shown}, "target": None}


@dataclass(frozen=True)
class Merge:
    """The journal and what is in the category now, brought together."""

    courses: Sequence[Course]
    written: Sequence[Course]
    """Those whose journal file is to be written."""
    dropped: Sequence[Course]
    """Those that left the category before they were backed up."""


def merge(journal: Mapping[int, Course], selected: Sequence[Course]) -> Merge:
    """What is backed up stays as it is; what is not is described afresh; what has gone is dropped."""
    courses, written = [], []
    for course in selected:
        known = journal.get(course.id)
        if known and not known.to_do:
            courses.append(known)
            continue
        kept = {"state": known.state, "error": known.error, "seconds": known.seconds, "updated": known.updated} if known else {}
        current = replace(course, **kept)  # type: ignore[arg-type]
        courses.append(current)
        if current != known:
            written.append(current)
    here = {course.id for course in selected}
    gone = [course for course in journal.values() if course.id not in here]
    courses += [course for course in gone if not course.to_do]
    return Merge(courses, written, [course for course in gone if course.to_do])


def figures(courses: Iterable[Course]) -> dict[str, t.Any]:
    """Each course counted once, in the state that it is in; bytes foreseen and written."""
    all_of_them = list(courses)
    counts = Counter(course.state for course in all_of_them)
    return {
        "counts": {state: counts[state] for state in STATES},
        "bytes": {"estimated": sum(course.estimate for course in all_of_them), "written": sum(course.size for course in all_of_them)},
    }


def human(size: float) -> str:
    """12.3 GB"""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - decimal units, as disks are sold
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
