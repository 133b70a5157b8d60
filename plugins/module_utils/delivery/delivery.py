# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of the delivery: observe, plan, and take each step under the journal."""

from __future__ import annotations

import contextlib
import functools
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.files import link_atomically
from . import adoption, disk
from .goal import Goals, renamed
from .history import History
from .layout import PARTIAL, Layout
from .looks import Glance
from .memory import Memory, Record, Release, now
from .processes import at_work
from .releases import Examined, Releases, Spent, is_remake
from .seen import Look, Proof, Proofs
from .steps import Situation, plan
from .trees import Drift, Entry, listed_changes
from .wish import Request, destination, read_shared_files

LINKS = ("current", "safe", "supersafe")


class Held(MoodleError):
    """Somebody else's delivery is open here."""


class Delivery:
    """The caller holds the lock; ``run()`` brings the delivery root to the state that is asked for."""

    def __init__(self, layout: Layout, request: Request, check_mode: bool = False) -> None:
        self.layout = layout
        self.request = request
        self.check_mode = check_mode
        self.memory = Memory(layout)
        self.history = History(layout.repository)
        self.proofs = Proofs(layout, (request.owner.uid, request.owner.gid))
        self.releases = Releases(layout, self.memory, self.history, request.owner, self.proofs)
        self.state = self.memory.state()
        self.current = self._served()
        self.found: Mapping[str, Entry] = {}  # the files of the served release that had to be read
        self.drift = Drift()
        self.verified: Examined | None = None  # the work, where it was verified in this very call
        self.glance: Glance | None = None  # at what is served, until that is compared
        self.ahead: Spent | None = None  # the release that the next one will most likely be made over
        self.swapped = False
        self.steps: Sequence[str] = ()
        self.hot_fix: Release | None = None  # what is served, where it is not what was delivered
        self.said: dict[str, t.Any] = {}  # what a step adds to its line in the journal
        self.warnings: list[str] = []

    def run(self) -> dict[str, t.Any]:
        self._refuse_another_holder()
        if not self.check_mode and (self.request.begins or self.layout.private.is_dir()):
            self.layout.prepare()
            self.history.prepare()
        before = self.current
        try:
            adopted = self._adopt()
            goals = Goals(self.layout, self.request, self.memory, self.history, self.releases, self.check_mode)
            commit = goals.commit()
            self.glance = self._begin_to_look()
            self.ahead = self._look_ahead(commit)
            goal = goals.goal(self.state, commit, self._base)
            self._look_at_what_is_served(goal)
            steps = self.steps = plan(self.request.state, self._situation(goal))
            files = self._changes(steps, goal)
            self._refuse_drift()
            for step in steps if not self.check_mode else ():
                self._take(step, goal)
        finally:
            if self.glance:
                self.glance.end()
            if not self.check_mode:
                self.proofs.save()
        marked = self._mark_good()
        self._tell_of_nodes()
        return self._account(bool(steps) or marked or adopted, before, goal, files)

    # What is asked for, and what is there

    def _refuse_drift(self) -> None:
        drift = self.drift.within(self.request.component)
        if "secure" in self.steps and drift and self.request.drift == "fail":
            raise MoodleError(
                f"{self.layout.link('current')} is not what was delivered: {drift}. Take it over with drift=keep, or put it right."
            )

    def _refuse_another_holder(self) -> None:
        record = self.state.record
        if not record or record.holder == self.request.holder:
            return
        if not record.expired(now()):
            raise Held(
                f"A delivery in {self.layout.root} is held by {record.holder} since {record.since}: "
                f"wait until it is live, rolled back or abandoned, take it over after {record.expiry}, "
                "or give that name as yours (holder) when you have asked."
            )
        self.warnings.append(
            f"The delivery that {record.holder} began at {record.since} expired at {record.expiry}: {self.request.holder} goes on with it."
        )

    def _served(self) -> Release | None:
        name = self.layout.linked("current")
        if name is None:
            return None
        known = self.memory.release(name)
        if self.layout.release(name).is_symlink():
            raise MoodleError(
                f"{self.layout.release(name)} is a symbolic link: nothing can be compared through one. Put the directory back."
            )
        if known is None:
            raise MoodleError(
                f"{self.layout.link('current')} names the release {name}, which this delivery did not make: "
                f"restore {self.layout.descriptions / name}.json, or remove the link to deliver as for the first time."
            )
        # A release that somebody removed serves nothing, has no hot fixes to keep, and can be made again.
        return known if self.layout.release(name).is_dir() else None

    def _base(self) -> Release:
        """What a part is put into: what is being prepared, else what is served, its hot fixes included."""
        if self.state.work and self.state.phase in ("delivering", "updated"):
            return self.state.work
        if self.current is None:
            raise BadInput(f"component: nothing is served in {self.layout.root} that a part could be put into: deliver the whole first.")
        self._look_at_what_is_served()
        if self.drift and not self.check_mode:
            return self._hot_fixed(self.current) or self.current
        return self.current

    def _hot_fixed(self, served: Release) -> Release | None:
        """What is served as a commit of its own, where somebody changed it by hand."""
        if self.hot_fix is None:
            self.hot_fix = self.releases.hot_fix(served, self.drift, self.found)
        return self.hot_fix

    def _begin_to_look(self) -> Glance | None:
        """At what is served, where that matters; Git is asked meanwhile how it differs from what is wanted."""
        nothing_to_compare = self.state.phase is not None and self.request.state not in ("updated", "live", "rolled_back")
        return Glance(self.layout.release(self.current.id)) if self.current and not nothing_to_compare else None

    def _look_at_what_is_served(self, goal: Release | None = None) -> None:
        """Compare what is served with its commit: what was touched since it was last read is read again, whatever its mtime says."""
        if self.current and self.glance:
            self.history.need(self.current.id, self.current.revision)
            # While `find` still looks: what will be asked for.
            self.proofs.of(self.current)
            if goal and self.ahead:
                self.releases.step(self.current, goal)
            look, self.glance = self.glance.look(), None
            examined = self.releases.examine(self.current, self.layout.release(self.current.id), look)
            self.drift, self.found, self.proofs.served = examined.drift, examined.found, examined.proof

    def _lacks_copy(self) -> bool:
        """Whether a third copy is asked for that is not there; of a release that was never good there is none."""
        if not self.request.supersafe or self.current is None:
            return False
        safe, copy = (self.memory.release(self.layout.linked(name) or "") for name in ("safe", "supersafe"))
        pinned = self.current if self.state.phase is None and self.current.good else safe
        return pinned is not None and not (copy and copy.same_content(pinned) and not self.drift and copy.id != pinned.id)

    def _situation(self, goal: Release | None) -> Situation:
        served = self.current if not self.drift else None
        return Situation(
            phase=self.state.phase,
            serves_wanted=bool(goal and served and served.same_content(goal)),
            nodes=self.request.nodes is not None,
            nodes_follow=bool(goal and all(self._follows(node, goal) for node in self.request.nodes or ())),
            complete=bool(goal and self.layout.release(goal.id).is_dir()),
            left_behind=bool(self.request.join and goal and goal.id in self.layout.routes().values()),
            serves_target=bool(goal and served and (served.id == goal.id or is_remake(served, goal))),
            work_is_wanted=goal == self.state.work,
            lacks_copy=self._lacks_copy(),
        )

    def _follows(self, node: str, goal: Release) -> bool:
        """Whether a virtual node is served the release; going back, only a link says so, which stays when all others go on."""
        own = self.layout.routes().get(node)
        if own is None:
            return self.request.state == "live" and bool(self.current and self.current.id == goal.id)
        known = self.memory.release(own)
        return own == goal.id or bool(known and is_remake(known, goal))

    # The steps

    def _take(self, step: str, goal: Release | None) -> None:
        act: dict[str, t.Callable[[], None]] = {
            "secure": self._secure,
            "copy": self._copy,
            "open": self._open,
            "update": lambda: self._update(t.cast(Release, goal)),
            "switch": lambda: self._switch(t.cast(Release, self.state.work)),
            "route": lambda: self._route(t.cast(Release, goal)),
            "join": self._join,
            "go_back": lambda: self._go_back(t.cast(Release, goal)),
            "abandon": self._abandon,
        }
        subject = goal or self.state.work or self.current
        facts: dict[str, t.Any] = {
            "step": step,
            "release": subject.id if subject else None,
            "by": self.request.holder,
            "comment": self.request.comment,
        }
        if step == "route":
            facts["nodes"] = self.request.nodes
        self._under_journal(act[step], facts)

    def _under_journal(self, act: t.Callable[[], None], facts: dict[str, t.Any]) -> None:
        self.memory.write_journal(event="begin", **facts)
        self.said = {}
        try:
            act()
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
        self.memory.write_journal(event="done", **{**facts, **self.said})

    def _adopt(self) -> bool:
        """Make the first release of a directory that was put together by hand; it was seen to work, as it is what was served."""
        directory = self.request.adopt
        if directory is None or self.current is not None:
            return False
        found = adoption.read(directory, self.layout, {destination(str(file["dest"])) for file in self.request.shared_files})
        if not self.check_mode:
            self._under_journal(
                lambda: self._take_over(directory, found), {"step": "adopt", "by": self.request.holder, "of": str(directory)}
            )
        return True

    def _take_over(self, directory: Path, found: Mapping[str, Entry]) -> None:
        shared = self.request.shared_files
        if adoption.CONFIG in found and adoption.CONFIG not in {str(file["dest"]) for file in shared}:
            shared = [*shared, {"src": directory / adoption.CONFIG, "dest": adoption.CONFIG, "mode": "0640"}]
        rendered, contents = read_shared_files(shared)
        self.releases.keep_rendered(contents)
        files = Drift(unexpected=tuple(path for path in found if path not in rendered))
        commit, tree = self.history.record(directory, None, files, found, f"Adopted from {directory}")
        name = f"adopted-{tree[:12]}"
        self.history.keep(name, commit)
        release = self.releases.proved(Release(name, commit, tree, now().isoformat(), rendered, good=True))
        self._serve(release)
        self.said = {"release": release.id}

    def _secure(self) -> None:
        """Hold the delivery, keep hot fixes, and pin what served last and was good."""
        if self.current is not None:
            safe = self.current
            if self.drift:
                safe = self.releases.proved(self._hot_fixed(self.current) or self.current)
            if safe.good:
                link_atomically(f"releases/{safe.id}", self.layout.link("safe"))
            else:
                self.warnings.append(
                    f"The release {safe.id} was never seen to work, so that it does not become the safe one: "
                    f"that is {self.layout.linked('safe') or 'none'} still."
                )
            if self.hot_fix:
                self.said = {"drift": self.drift.as_result(), "hot_fix": self.hot_fix.revision, "patch": self._patch(self.hot_fix)}
                self._backport(self.hot_fix)
        until = now() + timedelta(seconds=self.request.expiry)
        self._save(phase="secured", record=Record(self.request.holder, now().isoformat(), until.isoformat()))

    def _patch(self, hot_fix: Release) -> str:
        return str(self.releases.patch_of(hot_fix.id))

    def _backport(self, hot_fix: Release) -> None:
        """A branch for those who own the code. That it cannot be pushed is no reason to leave the site as it is."""
        branch, source = self.request.backport, self.request.repository
        if branch is None:
            return
        try:
            if source is None:
                raise MoodleError(f"backport: there is no Git repository to push {branch} to.")
            self.history.push(hot_fix.revision, source, branch)
            self.said["backport"] = branch
        except MoodleError as error:
            self.warnings.append(error.message)

    def _copy(self) -> None:
        """The third copy, which shares no file with any other release."""
        safe = self.memory.release(self.layout.linked("safe") or "")
        if safe is None:
            return
        before = self.memory.release(self.layout.linked("supersafe") or "")
        copy = self.releases.copy(safe)
        link_atomically(f"releases/{copy.id}", self.layout.link("supersafe"))
        if before and before.id not in self._pinned():
            self.releases.remove(before)
        self.said = {"release": copy.id}

    def _open(self) -> None:
        """Open the work directory on what is served, which goes on being served from a release that nothing touches."""
        work = None
        if self.current is not None:
            name = self.request.release_id or f"{now():%Y%m%dT%H%M%SZ}-work"
            work = renamed(self._hot_fixed(self.current) or self.current if self.drift else self.current, name)
            if "update" not in self.steps:
                self._stage(work)
        self._save(phase="delivering", work=work)

    def _update(self, wanted: Release) -> None:
        if self.state.work and self.state.work.id != wanted.id:
            old, new = self.layout.partial(self.state.work.id), self.layout.partial(wanted.id)
            disk.remove(new, self.proofs)
            if old.is_dir():
                old.rename(new)
        self.history.keep(wanted.id, wanted.revision)
        self.verified = self.releases.verify(wanted, self._stage(wanted), self._source())
        self._save(phase="updated", work=wanted)

    def _route(self, release: Release) -> None:
        """Switch the links of some virtual nodes, one by one; what all others are served stays."""
        if self.current is None:
            raise BadInput(f"nodes: nothing is served in {self.layout.root} that other nodes could stay with: deliver the whole first.")
        release = self._completed(release)
        if self.state.work and self.state.work.id == release.id:
            link_atomically(f"releases/{release.id}", self.layout.link("work"))
        if self.state.record and self.request.nodes:
            until = now() + timedelta(seconds=self.request.expiry)
            self._save(record=replace(self.state.record, expiry=until.isoformat()))
        self.layout.nodes.mkdir(exist_ok=True)
        routes = self.layout.routes()
        for node in self.request.nodes or ():
            left = self.memory.release(routes.get(node, ""))
            if left and left.id not in (release.id, self.current.id):  # requests may still run in it
                self.memory.describe(replace(left, left=now().isoformat()))
            if self.request.state == "live" and release.id == self.current.id:
                self._join(node)
            else:
                link_atomically(f"../releases/{release.id}", self.layout.nodes / node)

    def _join(self, *nodes: str) -> None:
        """Let nodes follow ``current``, those named or all that are served the same; without their link a request could find nothing."""
        routes = self.layout.routes()
        for node in nodes or [node for node, release in routes.items() if self.current and release == self.current.id]:
            if node in routes:
                link_atomically("../current", self.layout.nodes / node)

    def _completed(self, work: Release) -> Release:
        """The release under its name, as its commit says."""
        if self.request.state == "rolled_back":
            return self.releases.proved(work)
        if self.layout.release(work.id).is_dir():  # named by a call that was killed, or delivered earlier and kept
            disk.remove(self.layout.partial(work.id), self.proofs)
            return self.releases.proved(work)
        return self.releases.finish(work, (self.verified or self.releases.verify(work)).look)

    def _switch(self, work: Release) -> None:
        self._serve(self._completed(work))
        if self.request.join:
            self._join()
        self._close()
        self._prune()

    def _go_back(self, goal: Release) -> None:
        """Fast, but not forgetful: hot fixes in what is left stay as a commit, where Git can keep them."""
        if self.current is not None and self.drift:
            with contextlib.suppress(MoodleError):
                self._hot_fixed(self.current)
        self._serve(self.releases.proved(goal))

    def _abandon(self) -> None:
        self._close()

    def _close(self) -> None:
        self.layout.link("work").unlink(missing_ok=True)
        self.releases.drop_partials()
        self._save(phase=None, record=None, work=None)

    def _source(self) -> Proof:
        """The unchanged files of the served release need not be written again; with the third copy no other one shares a file."""
        served = self.current is not None and self.current.id != self.layout.linked("supersafe")
        return self.proofs.served if served else Proof()

    def _stage(self, work: Release) -> Look:
        look = self.releases.stage(work, self._source(), self._spent(work))
        link_atomically(f"releases/{work.id}{PARTIAL}", self.layout.link("work"))
        return look

    def _spent(self, work: Release) -> Spent | None:
        """The release that the work is made over, and what is known of it."""
        spent = self._next_to_go()
        if spent is None or self.layout.release(work.id).exists() or self.layout.release(spent.id).is_symlink():
            return None
        return self.ahead if self.ahead and self.ahead.release.id == spent.id else self.releases.spent(spent)

    def _next_to_go(self) -> Release | None:
        """Of those that would be pruned as soon as one more is there the newest, which is the most like it."""
        return next(reversed(self._prunable(coming=1)), None)

    def _look_ahead(self, commit: str | None) -> Spent | None:
        """Where another commit is to be prepared, the release that it is made over is looked at while what is served is.

        After a third copy or a push what was seen before would be no news.
        """
        served = self.current.revision if self.current else None
        not_now = self.check_mode or self.state.phase == "updated" or self.request.supersafe or self.request.backport
        if not_now or self.request.state not in ("updated", "live") or commit in (None, served):
            return None
        spent = self._next_to_go()
        return self.releases.spent(spent) if spent else None

    def _serve(self, release: Release) -> None:
        """The one thing that ever switches."""
        self._save(previous=self.current.id if self.current else None)
        if self.current:
            self.memory.describe(replace(self.current, left=now().isoformat()))
        link_atomically(f"releases/{release.id}", self.layout.link("current"))
        self.current = release
        self.swapped = True

    def _pinned(self) -> set[str | None]:
        return {self.layout.linked(link) for link in LINKS} | {self.state.previous} | set(self.layout.routes().values())

    def _prunable(self, coming: int = 0) -> list[Release]:
        """All but the newest; what a link names stays, the last good one, and what served a while ago: requests may still run in it."""
        releases = self.memory.releases()
        pinned = self._pinned() | {release.id for release in [release for release in releases if release.good][-1:]}
        grace = now() - timedelta(seconds=self.request.grace)
        return [
            release
            for release in releases[: max(0, len(releases) + coming - self.request.keep_releases)]
            if release.id not in pinned
            and not (release.left and datetime.fromisoformat(release.left) > grace)
            and release.id not in self._at_work
        ]

    @functools.cached_property
    def _at_work(self) -> Mapping[str, int]:
        """Of all releases; our own look at what is served may be among the processes, and that one is not pruned anyway."""
        return at_work(self.layout.releases)

    def _prune(self) -> None:
        spent = self._prunable()
        for release in spent:
            self.releases.remove(release)
        for release in self.memory.releases()[: -self.request.keep_releases]:
            if release.id in self._at_work and release.id not in self._pinned():
                self.warnings.append(f"The release {release.id} stays for now: process {self._at_work[release.id]} works in it.")
        self.releases.sweep(self._pinned())
        self.proofs.forget_all_but({release.id for release in self.memory.described()})

    def _tell_of_nodes(self) -> None:
        routes = self.layout.routes() if self.request.state == "live" and self.request.nodes is None else {}
        others = [f"{node} ({release})" for node, release in routes.items() if not self.current or release != self.current.id]
        if others:
            self.warnings.append(f"Virtual nodes that have a release of their own stay with it: {', '.join(others)}.")

    def _mark_good(self) -> bool:
        """The caller saw the served release answer as it should: it may be gone back to."""
        asked = self.request.good and self.request.state == "live" and self.request.nodes is None
        if not asked or self.current is None or self.current.good:
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
        moves = {"update", "switch", "route", "go_back"} & set(steps)
        if not goal or not moves or not self.history.has(goal.revision):
            return listed_changes({})
        return listed_changes(self.releases.step(self.current, goal))

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
            "nodes": self.layout.routes(),
            "revision": release.revision if release else None,
            "tree": release.tree if release else None,
            "drift": self.drift.within(self.request.component if self.request.state == "secured" else None).as_result(),
            "hot_fix": {"commit": self.hot_fix.revision, "patch": self._patch(self.hot_fix)} if self.hot_fix else None,
            "warnings": self.warnings,
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
