# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Removes the courses of a run: from the source when they are safe in the archive, or from the archive when their time is over.

Nothing is removed that is not verified, that is not exactly what was backed up, or on which another course depends; all of it is looked
at anew right before.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timezone

from ..common.background import Background
from ..common.errors import BadInput, MoodleError
from .course import PURGED, VERIFIED, Course
from .facts import Facts, changes, compare, only_less
from .journal import Damaged, Journal, now
from .lease import Lease
from .operation import Limits, Operation, must_be_site
from .platform import Platform, Worker
from .pool import Pool


class PurgeRun(Operation):
    """The way out of one platform."""

    GOAL = PURGED
    DONE = "purged"

    def __init__(
        self,
        journal: Journal,
        platform: Platform,
        background: Background,
        limits: Limits,
        *,
        archive: bool,
        recycle_bin: bool,
        empty_categories: bool,
        accept: Sequence[str],
        older_than: date | None = None,
        warn: t.Callable[[str], None],
    ) -> None:
        super().__init__(journal, platform, background, limits, warn)
        self._archive = archive
        self._recycle_bin = recycle_bin
        self._empty_categories = empty_categories
        self._accept = accept
        self._older_than = older_than
        self._outgoing = False
        self._users = True
        self._kept: dict[int, str] = {}
        self._categories: list[dict[str, t.Any]] = []

    def preview(self) -> dict[str, t.Any]:
        """Test mode: every check is made and said, nothing is removed or written."""
        due = self._due()
        damaged = self._check_backups(due, write=False)
        whole = [course for course in due if course.id not in damaged]
        with Pool(self._journal, self._platform, size=self._limits.workers, silent=True) as pool:
            for course in pool.each(whole, self._try, lambda _course: True):
                if course:
                    self._courses[course.id] = course
                    self._changed |= not damaged and course.error is None and course.id not in self._kept
        return self.result()

    def run(self) -> dict[str, t.Any]:
        """Remove what may be removed."""
        self._begin()
        with Lease(self._journal.folder) as self._lease:
            due = self._due()
            if self._check_backups(due, write=True):
                # The rest may be well: but a storage that lost one may be losing more, so somebody has to look first.
                return self._over()
            while due and not self._stopped:
                before = len(due)
                self._kept = {}
                done = self._work(due, self._purge)
                # A course that others of the run depend on can go when they are gone.
                due = [course for course in done if course.id in self._kept]
                if len(due) == before:
                    break
            if self._empty_categories and not self._stopped:
                self._remove_categories()
        return self._over()

    def result(self) -> dict[str, t.Any]:
        result = super().result()
        for course in result["courses"]:
            course["error"] = self._kept.get(course["id"], course["error"])
        return {**result, "categories": self._categories}

    def failed(self) -> list[Course]:
        kept = [replace(course, error=self._kept[course.id]) for course in self._courses.values() if course.id in self._kept]
        return kept + [course for course in super().failed() if (course.has(VERIFIED) or self._outgoing) and not self._gone(course)]

    def _remaining(self) -> int:
        return sum(1 for course in self._courses.values() if not self._gone(course))

    def _gone(self, course: Course) -> bool:
        if self._archive:
            return bool(course.expired) or not (course.target or self._outgoing)
        return course.has(PURGED)

    def _due(self) -> list[Course]:
        about = self._begin()
        self._users = bool(about["users"])
        site = self._platform.ask("site")["wwwroot"]
        if self._archive:
            # Planned in the archive platform itself, and never more than that: courses of which no run has a backup.
            self._outgoing = about["wwwroot"] == site and not any(course.file or course.target for course in self._courses.values())
            if self._outgoing and not self._older_than:
                raise BadInput(
                    f"The run {self._journal.folder.name} is of courses of this platform itself: say with 'older_than' which are over."
                )
            due = [course for course in self._courses.values() if not self._gone(course) and (self._outgoing or course.site == site)]
            if not due and any(not self._gone(course) for course in self._courses.values()):
                raise BadInput(f"No course of the run {self._journal.folder.name} was restored in {site}.")
        else:
            must_be_site(about, site, self._journal.folder.name)
            due = [course for course in self._courses.values() if course.has(VERIFIED) and not course.has(PURGED)]
        return sorted(due, key=lambda course: (course.place, course.id))

    def _check_backups(self, due: Sequence[Course], *, write: bool) -> set[int]:
        """Read every backup of what is to go, before anything goes; the courses whose backup is damaged."""
        damaged = set()
        with ThreadPoolExecutor(self._limits.workers) as threads:
            for course, why in zip(due, threads.map(self._damage, [] if self._archive else due)):
                if why:
                    damaged.add(course.id)
                    failed = course.failed(f"{why}: archive it once more, with 'again'")
                    if write:
                        self._record(failed)
                    else:
                        self._courses[course.id] = failed
        return damaged

    def _damage(self, course: Course) -> str | None:
        try:
            self._journal.check(course)
            self._journal.facts(course)
        except Damaged as error:
            return error.message
        return None

    def _try(self, worker: Worker, course: Course) -> Course:
        self._may_go(worker, course)
        return replace(course, error=None)

    def _purge(self, worker: Worker, course: Course) -> Course:
        if not self._may_go(worker, course):
            return course
        begun = course if course.purging else replace(course, purging=now())
        if self._lease:
            self._lease.check()
        self._journal.record(begun)
        try:
            worker.order("purge", self._number(course), recycle_bin=self._recycle_bin)
        except MoodleError as error:
            # Half of it may be gone: the record of its beginning stays.
            return begun.failed(error.message)
        if self._archive:
            return replace(begun, state=begun.at, expired=now(), purging=None, error=None)
        return replace(begun, state=PURGED, purging=None, error=None)

    def _may_go(self, worker: Worker, course: Course) -> bool:
        """Whether it may go now, looked at anew. What may go later is remembered with its reason, a refusal is a MoodleError."""
        seen = worker.order("look", self._number(course), since=course.since)
        if seen.get("gone"):
            if not course.purging:
                self._warn(f"{course.shortname} (course {self._number(course)}) had been removed by somebody else.")
            return True
        by_age = self._outgoing or course.without_way_back
        why = self._too_young(course, seen["facts"]) if by_age else self._refusal(course, self._journal.facts(course), seen)
        if why:
            raise MoodleError(why)
        ours = {self._number(other): other for other in self._courses.values()}
        depend = [other for other in seen["dependents"] if other["id"] not in ours or not self._gone(ours[other["id"]])]
        if depend:
            named = ", ".join(f"{other['shortname']} (course {other['id']}, {other['how']})" for other in depend[:5])
            self._kept[course.id] = f"other courses depend on it: {named}"
        return not depend

    def _record(self, course: Course) -> None:
        if course.id not in self._kept:
            super()._record(course)

    def _too_young(self, course: Course, facts: Facts) -> str | None:
        """Nobody knows what was archived, so its time alone decides: the last change that it shows anywhere, and its own end."""
        if not self._older_than:
            return f"{course.without_way_back}; or say with 'older_than' since which day nothing in it may have changed, to remove it"
        moments = [*facts.get("times", {}).values(), facts["settings"].get("enddate")]
        last = datetime.fromtimestamp(max(int(moment or 0) for moment in moments), timezone.utc).date()
        return f"it was in use until {last}, not only before {self._older_than}" if last >= self._older_than else None

    def _refusal(self, course: Course, then: Facts, seen: Mapping[str, t.Any]) -> str | None:
        if self._archive:
            found = [one for one in compare(then, seen["facts"], users=self._users, accept=self._accept) if not one.allowed]
            wrong = [one.where for one in found if not (course.purging and one.less)]
            return f"it is not what was archived: {_listed(wrong)}" if wrong else None
        changed = changes(then, seen["facts"])
        if course.purging:
            # A removal that was broken off leaves less than there was, and nothing new.
            if seen["written"] == 0 and only_less(then, seen["facts"]):
                return None
            return f"its removal was broken off at {course.purging}, and it was changed since: {_listed(changed)}. Look at it by hand"
        if changed:
            return f"it was changed since it was backed up: {_listed(changed)}. Archive it once more, with 'again'"
        if seen["written"] or seen["removed"]:
            return "it was worked in since it was backed up, as the log says. Archive it once more, with 'again'"
        return None

    def _number(self, course: Course) -> int:
        return int(course.target or 0) if self._archive and not self._outgoing else course.id

    def _remove_categories(self) -> None:
        tree = self._journal.kept("tree").get("categories", [])
        if self._archive:
            return
        ids = [category["id"] for category in reversed(tree) if category["within"]]
        self._categories = self._platform.ask("empty", categories=ids)["categories"]
        self._changed |= any(category["removed"] for category in self._categories)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")  # noqa: PLR2004 - as many as a line holds
