# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A course on its way into the archive, and what a run knows of all its courses. Plain data in, plain data out."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

PLANNED = "planned"
ESTIMATED = "estimated"
BACKED_UP = "backed_up"
RESTORED = "restored"
PROCESSED = "processed"
VERIFIED = "verified"
PURGED = "purged"
FAILED = "failed"
# The whole way; a course that failed keeps the state that it had reached.
WAY = (PLANNED, ESTIMATED, BACKED_UP, RESTORED, PROCESSED, VERIFIED, PURGED)
STATES = (*WAY, FAILED)


@dataclass(frozen=True)
class Course:
    """One course: what it is, how far it is, and what is kept of it."""

    id: int
    shortname: str
    fullname: str = ""
    idnumber: str = ""
    category: str = ""
    categoryid: int = 0
    place: int = 0
    """Where it stands among the courses of the run."""
    visible: bool = True
    estimate: int = 0
    """Bytes of its files in Moodle."""
    state: str = PLANNED
    reached: str = PLANNED
    """The state before it failed; means something only while the state is failed."""
    file: str | None = None
    """The backup, relative to the run's folder."""
    size: int = 0
    checksum: str | None = None
    """SHA-256 of the backup."""
    facts: str | None = None
    """SHA-256 of the file that says what the course held when it was backed up."""
    since: int = 0
    """When its backup began, by the clock of its platform."""
    shared: bool = False
    """Whether it uses questions of a bank outside of it, which other restores may bring along too."""
    target: int | None = None
    """The course in the archive platform."""
    site: str | None = None
    """The address of the archive platform."""
    warnings: tuple[str, ...] = ()
    """What the restore warned of."""
    unprocessed: bool = False
    """Whether the script that is to run after its restore has not run to its good end."""
    purging: str | None = None
    """When its removal from the source was begun."""
    expired: str | None = None
    """When it was removed from the archive platform."""
    given_back: int | None = None
    """The course that it became when it was brought back to production."""
    removing: str | None = None
    """When the removal of its backup was begun."""
    backup_removed: str | None = None
    """When its backup was removed from the storage."""
    freed: int = 0
    """Bytes of the backup that was removed."""
    seconds: float = 0.0
    error: str | None = None
    updated: str | None = None
    """When the state was reached, as an ISO date with its zone."""
    history: Mapping[str, str] = field(default_factory=dict)
    """When it came to each of its states last."""

    @classmethod
    def from_data(cls, data: Mapping[str, t.Any]) -> Course:
        """A course from its journal file or from what PHP printed; what this version does not know is left out."""
        known = {one.name for one in fields(cls)}
        course = cls(**{key: value for key, value in data.items() if key in known})
        # Records of before there was more than a backup say nothing of how far a failed course had come.
        return replace(
            course, warnings=tuple(course.warnings), reached=data.get("reached", ESTIMATED if course.state == FAILED else PLANNED)
        )

    def data(self) -> dict[str, t.Any]:
        return asdict(self)

    @property
    def at(self) -> str:
        """How far it is on its way, whether or not its next step failed."""
        return self.reached if self.state == FAILED else self.state

    def has(self, state: str) -> bool:
        """Whether it has come as far as that."""
        return WAY.index(self.at) >= WAY.index(state)

    @property
    def to_do(self) -> bool:
        """Whether its backup is still to be made."""
        return not self.has(BACKED_UP)

    def failed(self, why: str, *, seconds: float = 0.0, back_to: str | None = None) -> Course:
        """The course after a step that went wrong; ``back_to`` is how far it has fallen back, where it has."""
        return replace(self, state=FAILED, reached=back_to or self.at, error=why, seconds=seconds)

    def without_backup(self) -> Course:
        """The course when its backup turned out to be of no use."""
        return replace(self, file=None, size=0, checksum=None, facts=None)

    @property
    def without_way_back(self) -> str:
        """Why nothing can be made of its backup, and who may still have the course; empty while there may be a backup."""
        if not self.removing and not self.backup_removed:
            return ""
        if self.backup_removed:
            gone = f"its backup was removed from the storage on {self.backup_removed[:10]}"
        else:
            gone = f"the removal of its backup from the storage was begun on {str(self.removing)[:10]}"
        if self.given_back is not None:
            return f"{gone}, and it was given back to the source, as course {self.given_back}"
        if self.expired:
            return f"{gone}, and it was removed from the archive on {self.expired[:10]}: look for a backup of the platforms themselves"
        return f"{gone}, and {self.site} alone has it, as course {self.target}: back it up there by hand"

    def result(self) -> dict[str, t.Any]:
        """What the module returns of it."""
        shown = ("id", "shortname", "state", "size", "checksum", "target", "error", "seconds", "file", "category", "backup_removed")
        return {**{name: getattr(self, name) for name in shown}, "warnings": list(self.warnings), "history": dict(self.history)}


@dataclass(frozen=True)
class Merge:
    """The journal and what is in the category now, brought together."""

    courses: Sequence[Course]
    written: Sequence[Course]
    """Those whose journal file is to be written."""
    dropped: Sequence[Course]
    """Those that left the category before anything was made of them."""


# What a course that is described afresh has of its record.
_KEPT = (
    *("state", "reached", "error", "seconds", "updated", "history", "target", "site"),
    # The last backup counts until there is a newer one.
    *("file", "size", "checksum", "facts", "since", "shared"),
)


def merge(journal: Mapping[int, Course], selected: Sequence[Course]) -> Merge:
    """What is backed up stays as it is; what is not is described afresh; what has gone is dropped."""
    courses, written = [], []
    for course in selected:
        known = journal.get(course.id)
        if known and not known.to_do:
            courses.append(known)
            continue
        kept = {name: getattr(known, name) for name in _KEPT} if known else {}
        current = replace(course, **kept)
        courses.append(current)
        if current != known:
            written.append(current)
    here = {course.id for course in selected}
    gone = [course for course in journal.values() if course.id not in here]
    dropped = [course for course in gone if course.to_do and not course.file and not course.target]
    courses += [course for course in gone if course not in dropped]
    return Merge(courses, written, dropped)


def figures(courses: Iterable[Course]) -> dict[str, t.Any]:
    """Each course counted once, in the state that it is in; bytes foreseen and written."""
    all_of_them = list(courses)
    counts = Counter(course.state for course in all_of_them)
    return {
        "counts": {state: counts[state] for state in STATES},
        "bytes": {
            "estimated": sum(course.estimate for course in all_of_them),
            "foreseen": foreseen(all_of_them),
            "written": sum(course.size for course in all_of_them),
            "freed": sum(course.freed for course in all_of_them),
        },
    }


def foreseen(courses: Iterable[Course]) -> int:
    """Room that the backups to come will take: their estimate, corrected by what those already made really took."""
    all_of_them = list(courses)
    made = [course for course in all_of_them if course.size]
    expected, written = sum(course.estimate for course in made), sum(course.size for course in made)
    rate = written / expected if expected else 1.0
    return round(sum(course.estimate for course in all_of_them if course.to_do) * rate)


def human(size: float) -> str:
    """12.3 GB"""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - decimal units, as disks are sold
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
