# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings the courses of a category into the storage: plan, estimate, back up; each step is recorded before the next begins."""

from __future__ import annotations

import platform as machine
import typing as t
from collections.abc import Mapping
from dataclasses import replace

from ..common.background import Background
from ..common.errors import BadInput, MoodleError
from .backup import check_backup
from .course import BACKED_UP, ESTIMATED, FAILED, PLANNED, PURGED, Course, foreseen, human, merge
from .journal import Journal
from .lease import Lease
from .operation import Limits, Operation
from .platform import Platform, Selected, Worker
from .script import Scripts
from .selection import rows_for_query, selected
from .sliding import Year, filled, slides


class ArchiveRun(Operation):
    """The plan of a run and, when asked, its backups."""

    DONE = "backed up"

    def __init__(
        self,
        journal: Journal,
        platform: Platform,
        background: Background,
        limits: Limits,
        *,
        category: Mapping[str, t.Any],
        users: bool,
        archive: bool,
        again: bool = False,
        year: Year | None = None,
        select: str | None = None,
        scripts: Scripts | None = None,
        warn: t.Callable[[str], None],
    ) -> None:
        super().__init__(journal, platform, background, limits, warn)
        self.GOAL = BACKED_UP if archive else PLANNED
        self._category = category
        self._year = year or Year()
        self._choice = select
        self._scripts = scripts or Scripts()
        self._users = users
        self._archive = archive
        self._again = archive and again

    def preview(self) -> dict[str, t.Any]:
        """What would be done; nothing is written."""
        selected = self._select()
        merged = merge(self._journal.courses(), selected.courses)
        self._courses = {course.id: course for course in merged.courses}
        self._begin_again(write=False)
        self._forget_lost_backups(write=False)
        to_do = any(course.to_do for course in self._courses.values())
        self._changed = bool(merged.written or merged.dropped) or (self._archive and to_do)
        return self.result()

    def run(self) -> dict[str, t.Any]:
        """Plan and, when asked, back up all that is not backed up yet."""
        selected = self._select()
        self._journal.make()
        with Lease(self._journal.folder) as self._lease:
            # Only now: another process may have worked on it until we held the lease.
            self._check_same_run(selected)
            self._plan(selected)
            if self._archive:
                self._begin_again(write=True)
                self._forget_lost_backups(write=True)
                self._estimate(selected.temp)
                self._work([course for course in self._courses.values() if course.to_do], self._back_up)
        return self._over()

    def failed(self) -> list[Course]:
        return [course for course in super().failed() if course.to_do]

    def _select(self) -> Selected:
        selected = self._platform.select(self._category_now(), self._choose)
        self._check_same_run(selected)
        return selected

    def _category_now(self) -> dict[str, t.Any]:
        """The category by the years of today; a run that was begun keeps its own, whatever year it is now."""
        about = self._journal.about()
        ((kind, value),) = self._category.items()
        if not isinstance(value, str) or not slides(value):
            return {kind: value}
        return {"id": about["category"]} if about else {kind: filled(value, self._year.session())}

    def _choose(self, rows: list[dict[str, t.Any]]) -> t.Sequence[Mapping[str, t.Any]]:
        if not self._choice:
            return rows
        return selected(filled(self._choice, self._year.session()), rows_for_query(rows, self._year.first_month))

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
        for name, data in (("tree", {"categories": list(selected.tree)}), ("versions", dict(selected.versions))):
            self._changed |= self._journal.keep(name, data)
        merged = merge(self._journal.courses(), selected.courses)
        self._courses = {course.id: course for course in merged.courses}
        for course in merged.written:
            self._record(course)
        for course in merged.dropped:
            self._journal.drop(course)
            self._changed = True

    def _begin_again(self, *, write: bool) -> None:
        """What failed on its further way (changed since, not the same in the archive) is backed up anew, if that was asked for."""
        if not self._again:
            return
        self._tell_removed()
        for course in list(self._courses.values()):
            # What has left the source cannot be backed up there, whatever went wrong with it since.
            if course.state == FAILED and not course.to_do and not course.purging and not course.has(PURGED):
                self._put(replace(course, state=ESTIMATED), write=write)

    def _put(self, course: Course, *, write: bool) -> None:
        if write:
            self._record(course)
        else:
            self._courses[course.id] = course

    def _forget_lost_backups(self, *, write: bool) -> None:
        """A recorded backup that is gone or has another size is made again."""
        for course in list(self._courses.values()):
            if course.state == BACKED_UP and not self._journal.holds(course):
                self._warn(f"The backup of {course.shortname} (course {course.id}) is missing or damaged in the storage: it is made again.")
                self._put(replace(course.without_backup(), state=ESTIMATED), write=write)

    def _estimate(self, temp: int | None) -> None:
        to_do = [course for course in self._courses.values() if course.to_do]
        needed, free = foreseen(self._courses.values()), self._journal.free_bytes()
        if needed > free:
            raise MoodleError(
                f"The backups need about {human(needed)}, and {self._journal.folder} has {human(free)} left: make room there first.",
                **self.result(),
            )
        # A backup is put together from its files, and then packed beside them.
        at_once = 2 * sum(sorted((course.estimate for course in to_do), reverse=True)[: self._limits.workers])
        if temp is not None and at_once > temp:
            raise MoodleError(
                f"The largest backups need about {human(at_once)} in the platform's temp folder, which has {human(temp)} left: "
                "make room there, or ask for fewer 'workers'.",
                **self.result(),
            )
        for course in to_do:
            if course.state != ESTIMATED:
                self._record(replace(course, state=ESTIMATED, error=None))

    def _record(self, course: Course) -> None:
        super()._record(course)
        if course.state == BACKED_UP:
            self._journal.tidy(course)

    def _room(self, course: Course) -> int:
        return course.estimate

    def _back_up(self, worker: Worker, course: Course) -> Course:
        self._scripts.before(worker, course, course.id)
        folder = self._journal.fresh_folder(course)
        answer = worker.order("backup", course.id, folder=str(folder), users=self._users)
        file = folder / str(answer["file"])
        checked = check_backup(file, course.id)
        facts = self._journal.keep_facts(folder, answer["facts"])
        self._scripts.after(worker, course, course.id)
        return replace(
            course,
            state=BACKED_UP,
            file=str(file.relative_to(self._journal.folder)),
            size=checked.size,
            checksum=checked.checksum,
            facts=facts,
            since=int(answer["since"]),
            shared=bool(answer["facts"].get("shared")),
            error=None,
        )
