# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of the module on one run: what all steps share. Each course is recorded before the next begins."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ..common.background import Background, Progress
from ..common.errors import BadInput
from .course import FAILED, Course, figures, human
from .journal import Journal
from .lease import Lease
from .platform import Platform
from .pool import Act, Pool
from .stop import stop_asked
from .window import Window


@dataclass(frozen=True)
class Limits:
    """How much may be done, and when."""

    workers: int = 1
    max_courses: int | None = None
    window: Window | None = None
    seconds: float | None = None
    """Nothing new begins after so many seconds of this call."""


class StorageOperation:
    """What every call does with a run's journal; a subclass knows the step."""

    GOAL = ""
    DONE = ""
    """What could not be done to a course that failed, as a participle."""

    def __init__(self, journal: Journal, background: Background, limits: Limits, warn: t.Callable[[str], None]) -> None:
        self._journal = journal
        self._background = background
        self._limits = limits
        self._warn = warn
        self._courses: dict[int, Course] = {}
        self._changed = False
        self._stopped = ""
        self._begun = 0
        self._lease: Lease | None = None
        self._progress = Progress("courses", 0)
        self._started = time.monotonic()

    def result(self) -> dict[str, t.Any]:
        """The module's result so far."""
        remaining = self._remaining()
        return {
            "changed": self._changed,
            "run": self._journal.folder.name,
            "finished": remaining == 0,
            "remaining": remaining,
            "stopped": self._stopped,
            **figures(self._courses.values()),
            "courses": [course.result() for course in sorted(self._courses.values(), key=lambda course: (course.place, course.id))],
        }

    def failed(self) -> list[Course]:
        return [course for course in self._courses.values() if course.state == FAILED]

    def complaint(self) -> str:
        """One sentence about the courses that failed, with the first few by name; empty when none did."""
        failed = self.failed()
        if not failed:
            return ""
        named = "; ".join(f"{course.shortname} (course {course.id}): {course.error}" for course in failed[:3])
        more = f"; and {len(failed) - 3} more" if len(failed) > 3 else ""  # noqa: PLR2004 - as many as a line holds
        many = "1 course" if len(failed) == 1 else f"{len(failed)} courses"
        return f"{many} could not be {self.DONE}: {named}{more}. The others are; run again when the reason is gone."

    def _remaining(self) -> int:
        return sum(1 for course in self._courses.values() if not course.has(self.GOAL))

    def _begin(self) -> dict[str, t.Any]:
        """Read the journal of a run that was begun before; what the run is for."""
        about = self._journal.about()
        if about is None:
            raise BadInput(f"The storage has no run {self._journal.folder.name}: begin it with state planned or archived, on the source.")
        self._courses = self._journal.courses()
        return about

    def _may_begin(self, course: Course) -> bool:
        limits, now = self._limits, datetime.now(timezone.utc)
        if limits.max_courses is not None and self._begun >= limits.max_courses:
            self._stopped = f"after {self._begun} courses, as 'max_courses' says"
        elif self._background.abandoned():
            self._stopped = "the play that asked for it is gone"
        elif limits.window and not limits.window.open(now):
            self._stopped = f"outside the window {limits.window}, which opens at {limits.window.opens(now):%Y-%m-%d %H:%M}"
        elif limits.seconds is not None and time.monotonic() - self._started >= limits.seconds:
            self._stopped = f"after {limits.seconds:g} s, as 'max_seconds' says"
        elif stop_asked(self._journal.folder, self._lease):
            self._stopped = "somebody asked for it"
        elif (free := self._journal.free_bytes()) < self._room(course):
            self._stopped = f"the storage has only {human(free)} left"
        self._begun += not self._stopped
        return not self._stopped

    def _room(self, course: Course) -> int:
        """Bytes that the course will take in the storage."""
        return 0

    def _record(self, course: Course) -> None:
        if self._lease:
            self._lease.check()
        self._courses[course.id] = self._journal.record(course)
        self._changed = True

    def _over(self) -> dict[str, t.Any]:
        self._background.report(self._progress, over=True)
        return self.result()


class Operation(StorageOperation):
    """Courses on their way to one state, by a platform that acts."""

    def __init__(self, journal: Journal, platform: Platform, background: Background, limits: Limits, warn: t.Callable[[str], None]) -> None:
        super().__init__(journal, background, limits, warn)
        self._platform = platform

    def _work(self, to_do: Sequence[Course], act: Act, *, workers: int | None = None) -> list[Course]:
        """Bring each course forward and record it; returns them as they are now."""
        size = min(workers or self._limits.workers, max(1, len(to_do)))
        room = len(to_do) if self._limits.max_courses is None else min(len(to_do), self._limits.max_courses - self._begun)
        self._progress = replace(self._progress, total=self._progress.done + max(0, room))
        started, before, done = time.monotonic(), self._progress.seconds, []
        with Pool(self._journal, self._platform, size=size) as pool:
            for course in pool.each(to_do, act, self._may_begin):
                if course:
                    self._record(course)
                    done.append(course)
                    bad = self._progress.failed + (course.state == FAILED)
                    self._progress = replace(self._progress, done=self._progress.done + 1, failed=bad)
                self._progress = replace(self._progress, seconds=before + time.monotonic() - started)
                self._background.report(self._progress)
        return done

    def _work_again(self, failed: Sequence[Course], act: Act) -> None:
        """Try what has just failed once more, one after the other; it counts once, and a limit that it has reached is no hindrance."""
        stopped, self._stopped = self._stopped, ""
        self._begun -= len(failed)
        self._progress = replace(self._progress, done=self._progress.done - len(failed), failed=self._progress.failed - len(failed))
        self._work(failed, act, workers=1)
        self._stopped = self._stopped or stopped

    def _tell_removed(self) -> None:
        """Say which courses are left as they are because their backups were removed."""
        gone = sorted((course for course in self._courses.values() if course.backup_removed), key=lambda course: (course.place, course.id))
        if gone:
            named = "; ".join(f"{course.shortname} (course {course.id}): {course.without_way_back}" for course in gone[:3])
            more = f"; and {len(gone) - 3} more" if len(gone) > 3 else ""  # noqa: PLR2004 - as many as a line holds
            self._warn(f"Without backups, and left as they are: {named}{more}.")


def must_be_site(about: t.Mapping[str, t.Any], wwwroot: str, run: str) -> None:
    """The platform that acts must be the one whose courses they are."""
    if about.get("wwwroot") != wwwroot:
        raise BadInput(f"The courses of the run {run} are those of {about.get('wwwroot')}, and this is {wwwroot}.")
