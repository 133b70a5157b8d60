# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of the delivery: observe, plan, and take each step under the journal."""

from __future__ import annotations

import contextlib
import hashlib
import json
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from ..common.errors import BadInput, MoodleError
from ..common.files import link_atomically
from . import disk
from .history import History
from .imports import source_of
from .layout import PARTIAL, Layout
from .memory import Memory, Record, Release, Rendered, now
from .releases import Links, Releases, is_remake
from .steps import Situation, plan
from .trees import Drift, Entry, changes_between, drift_of
from .wish import Request, read_shared_files, refuse_collisions

LINKS = ("current", "safe", "supersafe")


class Delivery:
    """The caller holds the lock; ``run()`` brings the delivery root to the state that is asked for."""

    def __init__(self, layout: Layout, request: Request, check_mode: bool = False) -> None:
        self.layout = layout
        self.request = request
        self.check_mode = check_mode
        self.memory = Memory(layout)
        self.history = History(layout.repository)
        self.releases = Releases(layout, self.memory, self.history, request.owner)
        self.state = self.memory.state()
        self.current = self._served()
        self.found: dict[str, Entry] = {}  # what was read of the served release
        self.drift = Drift()
        self.verified = False  # the work was verified in this very call
        self.swapped = False

    def run(self) -> dict[str, t.Any]:
        self._refuse_another_holder()
        if not self.check_mode and (self.request.begins or self.layout.private.is_dir()):
            self.layout.prepare()
            self.history.prepare()
        goal = self._goal()
        self._look_at_what_is_served()
        steps = plan(self.request.state, self._situation(goal))
        if "secure" in steps and self.drift and self.request.drift == "fail":
            raise MoodleError(
                f"{self.layout.link('current')} is not what was delivered: {self.drift}. Take it over with drift=keep, or put it right."
            )
        files = self._changes(steps, goal)
        before = self.current
        if not self.check_mode:
            for step in steps:
                self._take(step, goal)
        marked = self._mark_good()
        return self._account(bool(steps) or marked, before, goal, files)

    # What is asked for, and what is there

    def _refuse_another_holder(self) -> None:
        record = self.state.record
        if record and record.holder != self.request.holder and not record.expired(now()):
            raise MoodleError(
                f"A delivery in {self.layout.root} is held by {record.holder} since {record.since}: "
                f"wait until it is live, rolled back or abandoned, or take it over after {record.expiry}."
            )

    def _served(self) -> Release | None:
        name = self.layout.linked("current")
        if name is None:
            return None
        known = self.memory.release(name)
        if known is None:
            raise MoodleError(
                f"{self.layout.link('current')} names the release {name}, which this delivery did not make: "
                f"restore {self.layout.descriptions / name}.json, or remove the link to deliver as for the first time."
            )
        # A release that somebody removed serves nothing, has no hot fixes to keep, and can be made again.
        return known if self.layout.release(name).is_dir() else None

    def _goal(self) -> Release | None:
        """The release that should be served in the end, where the state that is asked for has one."""
        if self.request.state == "rolled_back":
            return self._way_back()
        if self.request.state not in ("updated", "live"):
            return None
        if self.request.revision is None:
            if self.state.phase != "updated":
                raise BadInput(f"'revision' is missing: nothing is ready in {self.layout.root} that could become {self.request.state}.")
            return self.state.work
        wanted = self._wanted(self.request.revision)
        work = self.state.work
        if work and work.same_content(wanted) and self.request.release_id in (None, work.id):
            return work
        return wanted

    def _wanted(self, revision: str) -> Release:
        rendered, contents = read_shared_files(self.request.shared_files)
        source = source_of(self.request.source_control, self.history)
        commit = (source.look_up if self.check_mode else source.find)(self.request.source, revision)
        tree = self.history.tree_of(commit) if commit and self.history.has(commit) else ""
        refuse_collisions(rendered, self.history.files(tree) if tree and rendered else {})
        if not self.check_mode:
            self.releases.keep_rendered(contents)
        name = self.request.release_id or (commit and _name_of(commit, rendered))
        wanted = Release(name, commit, tree, now().isoformat(), rendered)
        known = self.memory.release(name)
        if known and tree and not known.same_content(wanted):
            raise BadInput(f"The release {name} exists already with other content: give this one another release_id.")
        return known or wanted

    def _way_back(self) -> Release:
        name = self.request.release_id or self.layout.linked("safe")
        if name is None:
            raise BadInput(f"{self.layout.root} has no safe release to go back to: name a kept one with release_id.")
        known = self.memory.release(name)
        if known is None:
            kept = ", ".join(item.id for item in self.memory.releases()) or "none"
            raise BadInput(f"The release {name} is not kept in {self.layout.root}; kept are: {kept}.")
        return known

    def _look_at_what_is_served(self) -> None:
        """Read every file that is served: hot fixes are found by content, whatever their time stamps say."""
        nothing_to_compare = self.state.phase is not None and self.request.state not in ("updated", "live", "rolled_back")
        if self.current is not None and not nothing_to_compare:
            self.history.need(self.current.id, self.current.revision)
            self.found = disk.scan(self.layout.release(self.current.id))
            self.drift = drift_of(self.releases.expected(self.current), self.found)

    def _situation(self, goal: Release | None) -> Situation:
        served = self.current if not self.drift else None
        return Situation(
            phase=self.state.phase,
            serves_wanted=bool(goal and served and served.same_content(goal)),
            serves_target=bool(goal and served and (served.id == goal.id or is_remake(served, goal))),
            work_is_wanted=goal == self.state.work,
        )

    # The steps

    def _take(self, step: str, goal: Release | None) -> None:
        act: dict[str, t.Callable[[], None]] = {
            "secure": self._secure,
            "open": self._open,
            "update": lambda: self._update(t.cast(Release, goal)),
            "switch": lambda: self._switch(t.cast(Release, self.state.work)),
            "go_back": lambda: self._go_back(t.cast(Release, goal)),
            "abandon": self._abandon,
        }
        subject = goal or self.state.work or self.current
        facts = {"step": step, "release": subject.id if subject else None, "by": self.request.holder, "comment": self.request.comment}
        self.memory.write_journal(event="begin", **facts)
        try:
            act[step]()
        except (MoodleError, OSError) as error:
            with contextlib.suppress(OSError):  # a full disk takes no journal either; the first error is the one to tell
                self.memory.write_journal(event="failed", reason=str(error), **facts)
            if isinstance(error, MoodleError):
                raise
            raise MoodleError(
                f"{error.filename or self.layout.root}: {error.strerror or error}. {self.layout.link('current')} names "
                f"{self.layout.linked('current') or 'nothing yet'}; run again when that is mended.",
                swapped=self.swapped,
            ) from error
        self.memory.write_journal(event="done", **facts)

    def _secure(self) -> None:
        """Hold the delivery, keep hot fixes, and pin what served last and was good."""
        if self.current is not None:
            safe = self.releases.with_hot_fixes(self.current, self.drift, self.found) if self.drift else self.current
            if safe.good:
                link_atomically(f"releases/{safe.id}", self.layout.link("safe"))
        until = now() + timedelta(seconds=self.request.expiry)
        self._save(phase="secured", record=Record(self.request.holder, now().isoformat(), until.isoformat()))

    def _open(self) -> None:
        """Open the work directory on what is served, which goes on being served from a release that nothing touches."""
        work = None
        if self.current is not None:
            name = self.request.release_id or f"{now():%Y%m%dT%H%M%SZ}-work"
            work = replace(self.current, id=name, created=now().isoformat(), good=False)
            self._stage(work)
        self._save(phase="delivering", work=work)

    def _update(self, wanted: Release) -> None:
        if self.state.work and self.state.work.id != wanted.id:
            old, new = self.layout.partial(self.state.work.id), self.layout.partial(wanted.id)
            disk.remove(new)
            if old.is_dir():
                old.rename(new)
        self.history.keep(wanted.id, wanted.revision)
        self._stage(wanted)
        self.releases.verify(wanted)
        self.verified = True
        self._save(phase="updated", work=wanted)

    def _switch(self, work: Release) -> None:
        if self.layout.release(work.id).is_dir():  # named by a call that was killed, or delivered earlier and kept
            disk.remove(self.layout.partial(work.id))
            work = self.releases.proved(work)
        else:
            if not self.verified:
                self.releases.verify(work)
            work = self.releases.finish(work)
        self._serve(work)
        self._close()
        self._prune()

    def _go_back(self, goal: Release) -> None:
        """Fast, but not forgetful: hot fixes in what is left stay as a commit, where Git can keep them."""
        if self.current is not None and self.drift:
            with contextlib.suppress(MoodleError):
                self.releases.hot_fix(self.current, self.drift, self.found)
        self._serve(self.releases.proved(goal))

    def _abandon(self) -> None:
        self._close()

    def _close(self) -> None:
        self.layout.link("work").unlink(missing_ok=True)
        self.releases.drop_partials()
        self._save(phase=None, record=None, work=None)

    def _stage(self, work: Release) -> None:
        self.releases.stage(work, self._links())
        link_atomically(f"releases/{work.id}{PARTIAL}", self.layout.link("work"))

    def _links(self) -> Links | None:
        """The served release and what was just read of it: its unchanged files need not be written again."""
        if self.current is None:
            return None
        found = {path: entry for path, entry in self.found.items() if path not in self.current.rendered}
        return self.layout.release(self.current.id), found

    def _serve(self, release: Release) -> None:
        """The one thing that ever switches."""
        self._save(previous=self.current.id if self.current else None)
        link_atomically(f"releases/{release.id}", self.layout.link("current"))
        self.current = release
        self.swapped = True

    def _prune(self) -> None:
        """Keep the newest; what a link names stays, and so does what served a moment ago: requests may still run in it."""
        pinned = {self.layout.linked(link) for link in LINKS} | {self.state.previous}
        releases = self.memory.releases()
        for release in releases[: max(0, len(releases) - self.request.keep_releases)]:
            if release.id not in pinned:
                self.releases.remove(release)
        self.releases.sweep(pinned)

    def _mark_good(self) -> bool:
        """The caller saw the served release answer as it should: it may be gone back to."""
        if not self.request.good or self.request.state != "live" or self.current is None or self.current.good:
            return False
        if not self.check_mode:
            self.current = replace(self.current, good=True)
            self.memory.describe(self.current)
        return True

    def _save(self, **changes: t.Any) -> None:
        self.state = replace(self.state, **changes)
        self.memory.save(self.state)

    # The account

    def _changes(self, steps: Sequence[str], goal: Release | None) -> dict[str, list[str]]:
        """The files by which the goal differs from what is served; none are known of a revision that is not here yet."""
        moves = {"update", "switch", "go_back"} & set(steps)
        if not goal or not moves or not self.history.has(goal.revision):
            return changes_between({}, {})
        return changes_between(self.releases.expected(self.current) if self.current else {}, self.releases.expected(goal))

    def _account(self, changed: bool, before: Release | None, goal: Release | None, files: dict[str, list[str]]) -> dict[str, t.Any]:
        release = (goal if self.check_mode else None) or self.state.work or self.current
        lines = [f"{sign} {path}\n" for sign, key in (("+", "added"), ("~", "modified"), ("-", "removed")) for path in files[key]]
        return {
            "changed": changed,
            "state": self.state.phase or ("live" if self.current else "empty"),
            "release": release.id if release else None,
            "previous": self.state.previous,
            "safe": self.layout.linked("safe"),
            "supersafe": self.layout.linked("supersafe"),
            "revision": release.revision if release else None,
            "tree": release.tree if release else None,
            "drift": self.drift.as_result(),
            "files": files,
            "swapped": self.swapped,
            "journal": self.memory.written,
            "diff": {
                "before": "",
                "after": "".join(lines),
                "before_header": before.id if before else "nothing",
                "after_header": release.id if release else "nothing",
            },
        }


def _name_of(commit: str, rendered: Mapping[str, Rendered]) -> str:
    """Hosts that are given the same content name it the same, without being told: Moodle's caches hold the path."""
    if not rendered:
        return commit[:12]
    files = json.dumps({path: [file.sha256, file.mode] for path, file in rendered.items()}, sort_keys=True)
    return f"{commit[:12]}-{hashlib.sha256(files.encode()).hexdigest()[:6]}"
