# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares the courses of the archive with what their sources held when they were backed up."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import replace

from ..common.background import Background
from ..common.errors import BadInput
from .course import RESTORED, VERIFIED, Course
from .facts import compare
from .journal import Damaged, Journal, now
from .lease import Lease
from .operation import Limits, Operation
from .platform import Platform, Worker


class VerifyRun(Operation):
    """A course is verified when its backup is whole and nothing of it differs but what may."""

    GOAL = VERIFIED
    DONE = "verified"

    def __init__(
        self,
        journal: Journal,
        platform: Platform,
        background: Background,
        limits: Limits,
        *,
        accept: Sequence[str],
        warn: t.Callable[[str], None],
    ) -> None:
        super().__init__(journal, platform, background, limits, warn)
        self._accept = accept
        self._users = True

    def preview(self) -> dict[str, t.Any]:
        """What would be compared; nothing is written."""
        self._changed = bool(self._due())
        self._tell_removed()
        return self.result()

    def run(self) -> dict[str, t.Any]:
        """Compare all that is restored and not verified yet."""
        self._begin()
        with Lease(self._journal.folder) as self._lease:
            due = self._due()
            self._work(due, self._verify)
        self._tell_removed()
        return self._over()

    def failed(self) -> list[Course]:
        return [course for course in super().failed() if course.has(RESTORED) and not course.has(VERIFIED)]

    def _due(self) -> list[Course]:
        self._users = bool(self._begin()["users"])
        due = [course for course in self._courses.values() if self._is_due(course)]
        site = self._platform.ask("site")["wwwroot"] if due else ""
        elsewhere = next((course for course in due if course.site != site), None)
        if elsewhere:
            raise BadInput(f"{elsewhere.shortname} (course {elsewhere.id}) was restored in {elsewhere.site}, and this is {site}.")
        return sorted(due, key=lambda course: (course.place, course.id))

    def _is_due(self, course: Course) -> bool:
        # What a script has yet to do to it may be what is compared.
        return course.has(RESTORED) and not course.has(VERIFIED) and not course.unprocessed

    def _verify(self, worker: Worker, course: Course) -> Course:
        try:
            self._journal.check(course)
            held = self._journal.facts(course)
        except Damaged as error:
            return course.failed(f"{error.message}; the course has to be backed up again")
        answer = worker.order("facts", course.id, of=int(course.target or 0))
        if answer.get("gone"):
            return course.failed(f"course {course.target} is not in the archive any more")
        found = compare(held, answer["facts"], users=self._users, accept=self._accept)
        wrong = [difference for difference in found if not difference.allowed]
        report = self._journal.report(
            course, {"course": course.id, "target": course.target, "at": now(), "differences": [difference.data() for difference in found]}
        )
        if wrong:
            named = "; ".join(difference.text() for difference in wrong[:3])
            where = report.relative_to(self._journal.folder)
            return course.failed(f"{len(wrong)} differences between source and archive: {named} ({where} has all of them)")
        return replace(course, state=VERIFIED, error=None)
