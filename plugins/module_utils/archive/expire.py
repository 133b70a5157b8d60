# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removes the backups of courses that have come to the end of their way. The storage alone is enough: no platform is asked."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from ..common.background import Background
from ..common.errors import MoodleError
from .course import FAILED, PURGED, VERIFIED, Course, human
from .journal import Journal, now
from .lease import Lease
from .operation import Limits, StorageOperation


class ExpireRun(StorageOperation):
    """The way out of the storage."""

    DONE = "freed of the backup"

    def __init__(
        self, journal: Journal, background: Background, limits: Limits, *, older_than: date, warn: t.Callable[[str], None]
    ) -> None:
        super().__init__(journal, background, limits, warn)
        self._older_than = older_than

    def preview(self) -> dict[str, t.Any]:
        """Test mode: which backups would go; nothing is written."""
        due = self._due()
        self._changed = bool(due)
        if due:
            size = human(sum(course.size for course in due))
            self._warn(f"The backups of {_listed(due)} would be removed, {size}.")
        return self.result()

    def run(self) -> dict[str, t.Any]:
        """Remove the backups that are due, one after the other."""
        self._begin()
        with Lease(self._journal.folder) as self._lease:
            due = self._due()
            room = len(due) if self._limits.max_courses is None else min(len(due), self._limits.max_courses)
            self._progress = replace(self._progress, total=room)
            for course in due:
                if not self._may_begin(course):
                    break
                self._remove(course)
                self._background.report(self._progress)
        return self._over()

    def result(self) -> dict[str, t.Any]:
        result = super().result()
        for course in result["courses"]:
            course["kept"] = why_kept(self._courses[course["id"]], self._older_than)
        return result

    def failed(self) -> list[Course]:
        return [course for course in super().failed() if course.removing]

    def _remaining(self) -> int:
        return sum(1 for course in self._courses.values() if course.file)

    def _due(self) -> list[Course]:
        self._begin()
        due = [course for course in self._courses.values() if course.file and not why_kept(course, self._older_than)]
        if last := [course for course in due if course.expired and course.given_back is None]:
            self._warn(f"No copy but the backup is known of {_listed(last)}: removed from the source and from the archive.")
        return sorted(due, key=lambda course: (course.place, course.id))

    def _remove(self, course: Course) -> None:
        begun = course if course.removing else replace(course, removing=now())
        self._record(begun)
        try:
            self._journal.forget(course)
        except MoodleError as error:
            self._record(begun.failed(error.message))
        else:
            # What went wrong on the archive's side may name people too.
            gone = replace(begun.without_backup(), state=PURGED, error=None, removing=None)
            self._record(replace(gone, backup_removed=now(), freed=course.size))
        failed = self._courses[course.id].state == FAILED
        seconds = time.monotonic() - self._started
        self._progress = replace(self._progress, done=self._progress.done + 1, failed=self._progress.failed + failed, seconds=seconds)


def why_kept(course: Course, older_than: date) -> str | None:
    """Why its backup may not go yet; None where it may, or where there is none."""
    if not course.file or course.removing:
        return None
    if not course.has(VERIFIED):
        return "it is not verified in the archive"
    if not course.has(PURGED):
        return "it has not been removed from the source"
    if course.purging:
        return f"its removal from the archive was begun at {course.purging} and has not come to its end"
    moment = course.history.get(VERIFIED) or course.updated
    try:
        verified = datetime.fromisoformat(moment or "").date()
    except ValueError:
        return "nothing tells when it was verified"
    return None if verified < older_than else f"it was verified on {verified}, not before {older_than}"


def _listed(courses: Sequence[Course]) -> str:
    named = ", ".join(f"{course.shortname} (course {course.id})" for course in courses[:5])
    return named + (f" and {len(courses) - 5} more" if len(courses) > 5 else "")  # noqa: PLR2004 - as many as a line holds
