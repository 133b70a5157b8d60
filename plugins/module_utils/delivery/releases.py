# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes releases: complete, verified against their commit, sealed. Git is the truth, directories are copies of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..common.errors import MoodleError
from ..common.files import write_atomically
from . import disk
from .history import History
from .layout import Layout
from .memory import Memory, Release, now
from .trees import Drift, Entry, drift_of

Links = tuple[Path, Mapping[str, Entry]]


@dataclass(frozen=True)
class Releases:
    layout: Layout
    memory: Memory
    history: History
    owner: disk.Ownership

    def expected(self, release: Release) -> dict[str, Entry]:
        """Every file that the release must hold, and no other."""
        return {**self.history.files(release.tree), **release.rendered_entries()}

    def drift(self, release: Release) -> Drift:
        """How a complete release differs from what it must be."""
        directory = self.layout.release(release.id)
        return drift_of(self.expected(release), disk.scan(directory) if directory.is_dir() else {})

    def stage(self, release: Release, links: Links | None) -> None:
        """Make the release's partial directory equal to it, from whatever it holds now."""
        directory = self.layout.partial(release.id)
        directory.mkdir(exist_ok=True)
        wanted = self.history.files(release.tree)
        disk.make_equal(
            directory, wanted, drift_of(wanted, disk.scan(directory)), contents=self.history.contents, owner=self.owner, links=links
        )
        for dest, file in release.rendered.items():
            target = directory / dest
            target.parent.mkdir(parents=True, exist_ok=True)
            disk.write_file(target, self._kept(file.sha256, dest), file.mode, self.owner)

    def verify(self, release: Release) -> None:
        """Read what is about to be served once more; what differs is made again from Git, without links."""
        directory, expected = self.layout.partial(release.id), self.expected(release)
        if directory.is_dir() and not drift_of(expected, disk.scan(directory)):
            return
        disk.remove(directory)
        self.stage(release, None)
        drift = drift_of(expected, disk.scan(directory))
        if drift:
            raise MoodleError(f"{directory} cannot be made equal to commit {release.revision}: {drift}. Is something else writing there?")

    def finish(self, release: Release) -> None:
        """Seal what was staged and give it its name. It is described first: no release is ever there without a description."""
        partial = self.layout.partial(release.id)
        disk.seal(partial, self.owner)
        self.history.keep(release.id, release.revision)
        self.memory.describe(release)
        partial.rename(self.layout.release(release.id))

    def make(self, release: Release) -> Release:
        """A whole release from Git alone; one of this name that is there and whole already is taken as it is."""
        if self.memory.release(release.id) != release or self.drift(release):
            disk.remove(self.layout.partial(release.id))
            self.stage(release, None)
            self.verify(release)
            self.finish(release)
        return release

    def proved(self, release: Release) -> Release:
        """The release itself where it is what its commit says; otherwise one made anew, beside the damaged one."""
        if not self.drift(release):
            return release
        number = 1
        while self.layout.release(f"{release.id}-remade-{number}").exists():
            number += 1
        return self.make(replace(release, id=f"{release.id}-remade-{number}", created=now().isoformat()))

    def with_hot_fixes(self, served: Release, drift: Drift, found: Mapping[str, Entry]) -> Release:
        """A release of what was found on disk instead of ``served``; rendered files stay those that were delivered."""
        own = set(served.rendered)
        kept = Drift(*(tuple(path for path in paths if path not in own) for paths in (drift.modified, drift.missing, drift.unexpected)))
        special = [path for path in (*kept.modified, *kept.unexpected) if found[path].mode == "special"]
        if special:
            raise MoodleError(
                f"{special[0]} in the release that is served is neither a file nor a link, so no copy of it can be kept: remove it."
            )
        if not kept:
            return self.proved(served)
        commit, tree = self.history.record_drift(self.layout.release(served.id), served.revision, kept, found)
        name = f"{served.id}-hotfix-{tree[:8]}"
        known = self.memory.release(name)
        return self.make(known or replace(served, id=name, revision=commit, tree=tree, created=now().isoformat()))

    def remove(self, release: Release) -> None:
        disk.remove(self.layout.release(release.id))
        self.memory.forget(release.id)
        self.history.forget(release.id)

    def keep_rendered(self, contents: Mapping[str, bytes]) -> None:
        """Keep the content of rendered files by its hash, so that a release can be made again later."""
        for sha256, content in contents.items():
            if not (self.layout.rendered / sha256).exists():
                write_atomically(self.layout.rendered / sha256, content, mode=0o600)

    def _kept(self, sha256: str, dest: str) -> bytes:
        content = (self.layout.rendered / sha256).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise MoodleError(f"The kept copy of {dest} is damaged: remove {self.layout.rendered / sha256} and deliver once more.")
        return content
