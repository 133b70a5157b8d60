# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings single courses of a run back to production, out of their backups."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..common.background import Background
from ..common.errors import BadInput, MoodleError
from .course import FAILED, Course
from .facts import compare
from .journal import Journal
from .lease import Lease
from .operation import Limits, Operation, must_be_site
from .platform import Platform, Worker
from .restore import restore, run_key


class GiveBackRun(Operation):
    """Named courses return to where they were; what a run knows of them else stays as it is."""

    DONE = "given back"

    def __init__(
        self,
        journal: Journal,
        platform: Platform,
        background: Background,
        limits: Limits,
        *,
        names: Sequence[str],
        warn: t.Callable[[str], None],
    ) -> None:
        super().__init__(journal, platform, background, limits, warn)
        self._names = names
        self._about: Mapping[str, t.Any] = {}
        self._named: list[int] = []
        self._failed: list[Course] = []

    def preview(self) -> dict[str, t.Any]:
        """Which courses would come back; nothing is written."""
        self._changed = bool(self._due())
        return self.result()

    def run(self) -> dict[str, t.Any]:
        """Bring them back, each once."""
        self._begin()
        with Lease(self._journal.folder) as self._lease:
            due = self._due()
            self._work(due, self._give_back, workers=1)
        return self._over()

    def failed(self) -> list[Course]:
        return self._failed

    def _remaining(self) -> int:
        return sum(1 for number in self._named if self._courses[number].given_back is None)

    def _record(self, course: Course) -> None:
        if course.state == FAILED and course.given_back is None:
            # That it could not come back says nothing of the archive, which is what the state tells of.
            self._failed.append(course)
            return
        super()._record(course)

    def _due(self) -> list[Course]:
        self._about = self._begin()
        self._named = [self._find(name).id for name in self._names]
        must_be_site(self._about, self._platform.ask("site")["wwwroot"], self._journal.folder.name)
        return [self._courses[number] for number in dict.fromkeys(self._named) if self._courses[number].given_back is None]

    def _find(self, name: str) -> Course:
        found = [course for course in self._courses.values() if name in (str(course.id), course.shortname, course.idnumber)]
        if len(found) != 1:
            several = ", ".join(f"{course.id} ({course.shortname})" for course in found)
            run = f"The run {self._journal.folder.name}"
            if found:
                raise BadInput(f"{run} has several courses '{name}': {several}. Name one by its id.")
            raise BadInput(f"{run} has no course whose id, short name or ID number is '{name}'.")
        gone = found[0].without_way_back
        if gone and found[0].given_back is None:
            raise BadInput(f"{found[0].shortname} (course {found[0].id}) cannot be given back: {gone}.")
        if not gone and not found[0].file:
            raise BadInput(f"{found[0].shortname} (course {found[0].id}) has no backup in the run {self._journal.folder.name}.")
        return found[0]

    def _give_back(self, worker: Worker, course: Course) -> Course:
        if not worker.order("look", course.id, since=course.since).get("gone"):
            raise MoodleError("it is still in production")
        file, held = self._journal.check(course), self._journal.facts(course)
        key = f"{run_key(self._about)}-back"
        tree = worker.order("tree", course.id, run=key, categories=self._above(course), into=None, make=True, same=True)
        category, users = tree["categories"][str(course.categoryid)], bool(self._about["users"])
        answer = restore(worker, course, key, file=str(file), category=category, settings=held["settings"], users=users, back=True)
        seen = worker.order("facts", course.id, of=answer["course"])
        wrong = [found for found in compare(held, seen["facts"], users=users) if not found.allowed]
        for text in (*answer["warnings"], *(found.text() for found in wrong)):
            self._warn(f"{course.shortname} (course {course.id}): {text}")
        if people := answer["people"]:
            numbers = ", ".join(map(str, people))
            told = f"people who had left the platform came back with it (users {numbers}): erase again whom you had to erase"
            self._warn(f"{course.shortname} (course {course.id}): {told}")
        return replace(course, given_back=int(answer["course"]))

    def _above(self, course: Course) -> list[Mapping[str, t.Any]]:
        """The course's category and those above it, parents first."""
        tree = {category["id"]: category for category in self._journal.kept("tree").get("categories", [])}
        found: list[Mapping[str, t.Any]] = []
        step = tree.get(course.categoryid)
        while step:
            found.insert(0, step)
            step = tree.get(step["parent"])
        return found
