# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which release should be served in the end: a revision as a whole, a part of one in what is there, or one that is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..common.errors import BadInput
from .history import History
from .imports import source_of
from .layout import Layout
from .memory import Memory, Release, Rendered, State, now
from .releases import Releases
from .wish import Request, places_of, read_shared_files, refuse_collisions


@dataclass(frozen=True)
class Goals:
    layout: Layout
    request: Request
    memory: Memory
    history: History
    releases: Releases
    check_mode: bool

    def commit(self) -> str | None:
        """The commit that is asked for, which is brought here where it is not; not in check mode."""
        if self.request.state not in ("updated", "live") or self.request.revision is None:
            return None
        source = source_of(self.request.source_control, self.history)
        return (source.look_up if self.check_mode else source.find)(self.request.source, self.request.revision)

    def goal(self, state: State, commit: str | None, base: Callable[[], Release]) -> Release | None:
        """The release, where the state that is asked for has one; ``base`` gives what a part is put into."""
        if self.request.state == "rolled_back":
            return self._way_back()
        if self.request.state not in ("updated", "live"):
            return None
        if commit is None and self.request.nodes is not None and self.request.release_id:
            return self._way_back()
        if commit is None:
            if state.phase != "updated":
                raise BadInput(f"'revision' is missing: nothing is ready in {self.layout.root} that could become {self.request.state}.")
            return state.work
        wanted = self._wanted(commit, base)
        work = state.work
        if work and work.same_content(wanted) and self.request.release_id in (None, work.id):
            return work
        return wanted

    def _way_back(self) -> Release:
        link = "supersafe" if self.request.supersafe else "safe"
        name = self.request.release_id or self.layout.linked(link)
        if name is None:
            raise BadInput(f"{self.layout.root} has no {link} release to go back to: name a kept one with release_id.")
        known = self.memory.release(name)
        if known is None:
            kept = ", ".join(item.id for item in self.memory.releases()) or "none"
            raise BadInput(f"The release {name} is not kept in {self.layout.root}; kept are: {kept}.")
        return known

    def _wanted(self, asked: str, base: Callable[[], Release]) -> Release:
        rendered, contents = read_shared_files(self.request.shared_files)
        commit, tree = self._with_part(asked, base)
        refuse_collisions(rendered, self.history.kinds(tree, places_of(rendered)) if tree and rendered else {})
        if not self.check_mode:
            self.releases.keep_rendered(contents)
        name = self.request.release_id or (commit and _name_of(commit, rendered))
        wanted = Release(name, commit, tree, now().isoformat(), rendered)
        known = self.memory.release(name)
        if known and tree and not known.same_content(wanted):
            raise BadInput(f"The release {name} exists already with other content: give this one another release_id.")
        return known or wanted

    def _with_part(self, commit: str, base: Callable[[], Release]) -> tuple[str, str]:
        """The commit to deliver and its tree; no tree of one that check mode did not fetch."""
        if not commit or not self.history.has(commit):
            return commit, ""
        tree, component = self.history.tree_of(commit), self.request.component
        if component is None:
            return commit, tree
        part, whole = self.history.part_of(tree, component), base()
        if part is None:
            raise BadInput(f"{self.request.revision} has no directory {component}: to take one away, deliver the code base as a whole.")
        if self.check_mode:
            self.history.keep_nothing()
        combined = self.history.with_part(whole.tree, component, part)
        if combined == whole.tree:
            return whole.revision, whole.tree
        return self.history.combine(whole.revision, combined, commit, component), combined


def _name_of(commit: str, rendered: Mapping[str, Rendered]) -> str:
    """Hosts that are given the same content name it the same, without being told: Moodle's caches hold the path."""
    if not rendered:
        return commit[:12]
    files = json.dumps({path: [file.sha256, file.mode] for path, file in rendered.items()}, sort_keys=True)
    return f"{commit[:12]}-{hashlib.sha256(files.encode()).hexdigest()[:6]}"


def renamed(release: Release, name: str) -> Release:
    """The same content under another name, not seen to work yet."""
    return replace(release, id=name, created=now().isoformat(), good=False, left=None, size=None)
