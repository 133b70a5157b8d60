# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings the courses of one run forward: plan, estimate, back up; each step is recorded before the next begins."""

from __future__ import annotations

import platform as machine
import time
import typing as t
from collections.abc import Sequence
from dataclasses import replace

from ..common.background import Background, Progress
from ..common.errors import BadInput, MoodleError
from .course import BACKED_UP, ESTIMATED, FAILED, Course, figures, human, merge
from .journal import Journal
from .lease import Lease
from .platform import Platform, Selected
from .pool import BackupPool


class ArchiveRun:
    """One call of the module on one run."""

    def __init__(
        self,
        journal: Journal,
        platform: Platform,
        background: Background,
        *,
        category: dict[str, t.Any],
        users: bool,
        workers: int,
        max_courses: int | None,
        warn: t.Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._platform = platform
        self._background = background
        self._category = category
        self._users = users
        self._workers = workers
        self._max_courses = max_courses
        self._courses: dict[int, Course] = {}
        self._changed = False
        self._stopped = ""
        self._begun = 0
        self._progress = Progress("courses", 0)
        self._warn = warn

    def preview(self, *, archive: bool) -> dict[str, t.Any]:
        """What would be done; nothing is written."""
        selected = self._select()
        merged = merge(self._journal.courses(), selected.courses)
        self._courses = {course.id: course for course in merged.courses}
        self._forget_lost_backups(write=False)
        to_do = any(course.to_do for course in self._courses.values())
        self._changed = bool(merged.written or merged.dropped) or (archive and to_do)
        return self.result(archive=archive)

    def run(self, *, archive: bool) -> dict[str, t.Any]:
        """Plan and, when asked, back up all that is not backed up yet."""
        selected = self._select()
        self._journal.make()
        with Lease(self._journal.folder) as lease:
            # Only now: another process may have worked on it until we held the lease.
            self._check_same_run(selected)
            self._plan(selected)
            if archive:
                self._forget_lost_backups(write=True)
                self._estimate()
                self._back_up(lease)
        self._background.report(self._progress, over=True)
        return self.result(archive=archive)

    def result(self, *, archive: bool) -> dict[str, t.Any]:
        """The module's result so far."""
        remaining = sum(1 for course in self._courses.values() if course.to_do) if archive else 0
        return {
            "changed": self._changed,
            "run": self._journal.folder.name,
            "finished": remaining == 0,
            "remaining": remaining,
            "stopped": self._stopped,
            **figures(self._courses.values()),
            "courses": [course.result() for course in self._courses.values()],
        }

    def failed(self) -> list[Course]:
        return [course for course in self._courses.values() if course.state == FAILED]

    def _select(self) -> Selected:
        selected = self._platform.select(self._category)
        self._check_same_run(selected)
        return selected

    def _about(self, selected: Selected) -> dict[str, t.Any]:
        return {"wwwroot": selected.wwwroot, "category": selected.category["id"], "users": self._users}

    def _check_same_run(self, selected: Selected) -> None:
        about = self._journal.about()
        if about is None:
            return
        for key, asked in self._about(selected).items():
            if about.get(key) != asked:
                raise BadInput(
                    f"The run {self._journal.folder.name} was begun with {key} {about.get(key)} and is now asked for with {key} {asked}: "
                    "give another 'run', or ask for the same."
                )

    def _plan(self, selected: Selected) -> None:
        if self._journal.about() is None:
            details = {"release": selected.release, "path": selected.category["path"], "host": machine.node()}
            self._journal.begin({**self._about(selected), **details})
            self._changed = True
        merged = merge(self._journal.courses(), selected.courses)
        self._courses = {course.id: course for course in merged.courses}
        for course in merged.written:
            self._record(course)
        for course in merged.dropped:
            self._journal.drop(course)
            self._changed = True

    def _forget_lost_backups(self, *, write: bool) -> None:
        """A recorded backup that is gone or has another size is made again."""
        for course in list(self._courses.values()):
            if course.state == BACKED_UP and not self._journal.holds(course):
                self._warn(f"The backup of {course.shortname} (course {course.id}) is missing or damaged in the storage: it is made again.")
                again = replace(course, state=ESTIMATED, file=None, size=0, checksum=None)
                if write:
                    self._record(again)
                else:
                    self._courses[again.id] = again

    def _estimate(self) -> None:
        to_do = [course for course in self._courses.values() if course.to_do]
        needed, free = sum(course.estimate for course in to_do), self._journal.free_bytes()
        if needed > free:
            raise MoodleError(
                f"The backups need about {human(needed)}, and {self._journal.folder} has {human(free)} left: make room there first.",
                **self.result(archive=True),
            )
        for course in to_do:
            if course.state != ESTIMATED:
                self._record(replace(course, state=ESTIMATED, error=None))

    def _back_up(self, lease: Lease) -> None:
        to_do = [course for course in self._courses.values() if course.to_do]
        self._progress = Progress("courses", min(len(to_do), self._max_courses or len(to_do)))
        started = time.monotonic()
        with BackupPool(self._journal, self._platform, size=self._workers, users=self._users) as pool:
            for course in pool.back_up(to_do, self._may_begin):
                if course:
                    lease.check()
                    self._record(course)
                    bad = self._progress.failed + (course.state == FAILED)
                    self._progress = replace(self._progress, done=self._progress.done + 1, failed=bad)
                self._progress = replace(self._progress, seconds=time.monotonic() - started)
                self._background.report(self._progress)

    def _may_begin(self, course: Course) -> bool:
        if self._max_courses is not None and self._begun >= self._max_courses:
            self._stopped = f"after {self._begun} courses, as 'max_courses' says"
        elif self._background.abandoned():
            self._stopped = "the play that asked for it is gone"
        elif self._journal.free_bytes() < course.estimate:
            self._stopped = f"the storage has only {human(self._journal.free_bytes())} left"
        self._begun += 1
        return not self._stopped

    def _record(self, course: Course) -> None:
        self._courses[course.id] = self._journal.record(course)
        self._changed = True


def complaint(failed: Sequence[Course]) -> str:
    """One sentence about the courses that failed, with the first few by name."""
    named = "; ".join(f"{course.shortname} (course {course.id}): {course.error}" for course in failed[:3])
    more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""  # noqa: PLR2004 - as many as a line holds
    many = "1 course" if len(failed) == 1 else f"{len(failed)} courses"
    return f"{many} could not be backed up: {named}{more}. The others are; run again when the reason is gone."
