# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the courses of a run in the archive platform, out of the backups in the storage."""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..common.background import Background
from ..common.errors import BadInput, MoodleError
from .course import BACKED_UP, ESTIMATED, FAILED, PROCESSED, RESTORED, Course, human
from .journal import Damaged, Journal
from .lease import Lease
from .operation import Limits, Operation
from .platform import Platform, Worker
from .script import Scripts
from .versions import differences

# What unpacking takes, beside the files that come out of it.
_UNPACKED = 2


class RestoreRun(Operation):
    """Each course exactly once, under the same tree of categories as in the source."""

    DONE = "restored"

    def __init__(
        self,
        journal: Journal,
        platform: Platform,
        background: Background,
        limits: Limits,
        *,
        into: Mapping[str, t.Any] | None,
        any_version: bool,
        again: bool,
        scripts: Scripts | None = None,
        warn: t.Callable[[str], None],
    ) -> None:
        super().__init__(journal, platform, background, limits, warn)
        self._scripts = scripts or Scripts()
        self.GOAL = PROCESSED if self._scripts.last else RESTORED
        self._into = into
        self._any_version = any_version
        self._again = again
        self._site = ""
        self._key = ""
        self._users = True
        self._categories: Mapping[str, int] = {}

    def preview(self) -> dict[str, t.Any]:
        """What would be done; nothing is written."""
        self._prepare(make=False)
        self._changed = bool(self._due())
        self._tell_removed()
        return self.result()

    def run(self) -> dict[str, t.Any]:
        """Restore all that is backed up and not restored yet; what fails is tried once more alone, and then recorded as failed."""
        self._begin()
        with Lease(self._journal.folder) as self._lease:
            self._prepare(make=True)
            due = self._due()
            # Banks that lie outside of courses may come with several of them: one at a time, or they come twice.
            together = [course for course in due if not course.shared]
            # Two courses that bring the same new person at the same moment hinder each other; one after the other they do not.
            failed = [course for course in self._work(together, self._bring) if course.state == FAILED and course.at == BACKED_UP]
            self._work_again(failed, self._bring)
            self._work([course for course in due if course.shared], self._bring, workers=1)
            self._arrange()
        self._tell_removed()
        return self._over()

    def failed(self) -> list[Course]:
        return [course for course in super().failed() if not course.has(RESTORED) or course.unprocessed or self._again]

    def _prepare(self, *, make: bool) -> None:
        about = self._begin()
        self._users, self._key = bool(about["users"]), run_key(about)
        site = self._platform.ask("site")
        self._site = site["wwwroot"]
        self._check_versions(site["versions"])
        if site["syncs"] and not make:
            self._warn(
                f"The archive platform keeps enrolments in step by itself ({', '.join(site['syncs'])}): people may come and go there."
            )
        self._check_room(self._due(), site["free"])
        tree = self._journal.kept("tree").get("categories", [])
        if not tree:
            raise BadInput(f"The run {self._journal.folder.name} was planned by an older version: call it once with state planned.")
        same = self._site == about["wwwroot"]
        if same and not self._into:
            raise BadInput("The archive platform is the source itself: say with 'into' under which of its categories the archive is.")
        answer = self._platform.ask("tree", run=self._key, categories=_wanted(tree, self._into), into=self._into, make=make, same=same)
        self._categories = answer["categories"]
        for warning in answer["warnings"]:
            self._warn(warning)

    def _check_versions(self, here: Mapping[str, str]) -> None:
        found = differences(self._journal.kept("versions"), here)
        if found:
            text = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")  # noqa: PLR2004
            if not self._any_version:
                raise BadInput(f"The archive platform is not like the source: {text}. Bring it to the same, or set 'any_version'.")
            self._warn(f"The archive platform is not like the source: {text}.")

    def _check_room(self, due: Sequence[Course], free: Mapping[str, int]) -> None:
        sizes = sorted((course.size for course in due), reverse=True)
        for place, needed in (("temp", _UNPACKED * sum(sizes[: self._limits.workers])), ("data", sum(sizes))):
            if free[place] < needed:
                raise MoodleError(
                    f"The restore needs about {human(needed)} in the platform's {place} folder, which has {human(free[place])} left: "
                    "make room there first.",
                    **self.result(),
                )

    def _due(self) -> list[Course]:
        found = [course for course in self._courses.values() if self._is_due(course)]
        return sorted(found, key=lambda course: (course.place, course.id))

    def _is_due(self, course: Course) -> bool:
        return course.at == BACKED_UP or self._is_to_process(course) or self._is_to_redo(course)

    def _is_to_redo(self, course: Course) -> bool:
        return self._again and course.state == FAILED and course.at in (RESTORED, PROCESSED)

    def _is_to_process(self, course: Course) -> bool:
        """Whether it is there, and only the script after it is missing."""
        return self._scripts.last is not None and course.at == RESTORED and not self._is_to_redo(course)

    def _bring(self, worker: Worker, course: Course) -> Course:
        made = replace(course, state=RESTORED, error=None) if self._is_to_process(course) else self._restore(worker, course)
        if made.state == FAILED or not self._scripts.last:
            return made
        if self._lease:
            self._lease.check()
        # Recorded first, so that a kill in the script does not restore it twice.
        made = self._journal.record(replace(made, unprocessed=True))
        try:
            self._scripts.after(worker, made, int(made.target or 0))
        except MoodleError as error:
            return made.failed(error.message)
        return replace(made, state=PROCESSED, unprocessed=False)

    def _restore(self, worker: Worker, course: Course) -> Course:
        try:
            file = self._journal.check(course)
            settings = self._journal.facts(course)["settings"]
        except Damaged as error:
            # Nothing of it is in the archive yet, or what is there was not good: the source is asked again.
            return course.without_backup().failed(error.message, back_to=ESTIMATED)
        self._scripts.before(worker, course, 0)
        category = self._categories[str(course.categoryid)]
        answer = restore(worker, course, self._key, file=str(file), category=category, settings=settings, users=self._users)
        made = replace(course, target=int(answer["course"]), site=self._site, warnings=tuple(answer["warnings"]))
        return replace(made, state=RESTORED, error=None, expired=None)

    def _arrange(self) -> None:
        """Put the courses of each category in the order of the source, unless they are known to be."""
        wanted = {"site": self._site, "categories": self._arrangement()}
        if wanted["categories"] and self._journal.kept("arranged") != wanted:
            self._platform.ask("arrange", categories=wanted["categories"])
            self._changed |= self._journal.keep("arranged", wanted)

    def _arrangement(self) -> list[dict[str, t.Any]]:
        found: dict[int, list[int]] = {}
        for course in sorted(self._courses.values(), key=lambda course: (course.place, course.id)):
            if course.has(RESTORED) and course.target and course.site == self._site and str(course.categoryid) in self._categories:
                found.setdefault(self._categories[str(course.categoryid)], []).append(course.target)
        return [{"category": category, "courses": courses} for category, courses in found.items()]


def restore(
    worker: Worker, course: Course, key: str, *, file: str, category: int, settings: Mapping[str, t.Any], users: bool, back: bool = False
) -> dict[str, t.Any]:
    """Make the course in the platform of the worker, and remove what this or an earlier attempt left of another copy.

    Who brings it ``back`` is told which people had left the platform meanwhile.
    """
    names = {name: settings.get(name) or "" for name in ("shortname", "fullname", "idnumber")}
    try:
        answer = worker.order("restore", course.id, run=key, file=file, category=category, names=names, users=users, back=back)
    except MoodleError:
        _sweep(worker, course, key)
        raise
    return {**answer, "warnings": [*answer["warnings"], *_sweep(worker, course, key)]}


def _sweep(worker: Worker, course: Course, key: str) -> list[str]:
    try:
        worker.order("sweep", course.id, run=key)
    except MoodleError as error:
        # Nobody sees it, it bears no name that matters, and it stays known: the next restore of the course tries again.
        return [f"an earlier copy of it could not be removed: {error.message}"]
    return []


def run_key(about: Mapping[str, t.Any]) -> str:
    """A name for the run that no other one has, whatever storage it lies in."""
    text = json.dumps([about.get(name) for name in ("wwwroot", "category", "begun")])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _wanted(tree: Sequence[Mapping[str, t.Any]], into: Mapping[str, t.Any] | None) -> list[Mapping[str, t.Any]]:
    """The sub-tree; with those above it too, where no place is named for it."""
    return [category for category in tree if category["within"] or not into]
