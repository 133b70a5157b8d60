# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes releases: complete, verified against their commit, sealed. Git is the truth, directories are copies of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..common.errors import MoodleError
from ..common.files import write_atomically
from . import disk, looks
from .history import History
from .layout import PARTIAL, Layout
from .memory import Memory, Release, now
from .seen import Look, Notes, entries
from .trees import Drift, Entry, drift_of

REMADE, HOT_FIX, COPY = "-remade-", "-hotfix-", "-copy-"


def is_remake(other: Release, release: Release) -> bool:
    """Whether ``other`` was made in the place of ``release`` when that was damaged."""
    return other.id.startswith(f"{release.id.partition(REMADE)[0]}{REMADE}") and other.same_content(release)


@dataclass(frozen=True)
class Releases:
    layout: Layout
    memory: Memory
    history: History
    owner: disk.Ownership
    notes: Notes

    def expected(self, release: Release) -> dict[str, Entry]:
        """Every file that the release must hold, and no other."""
        return {**self.history.files(release.tree), **release.rendered_entries()}

    def look(self, directory: Path, like: Look | None = None, read: bool = True) -> Look:
        """What lies in a directory of releases; only what was touched since the last look is read."""
        there = directory.is_dir() and not directory.is_symlink()
        return looks.scan(directory, self.notes, like=like, read=read) if there else Look()

    def stage(self, release: Release, source: disk.Source | None, spent: Release | None = None) -> Look:
        """Make the release's partial directory equal to it, from whatever it holds now, and look at what it holds then.

        Where there is none, a ``spent`` release becomes it: one that nobody needs any more. It is forgotten when its directory is gone.
        """
        directory = self.layout.partial(release.id)
        if spent and not os.path.lexists(directory):
            self.layout.release(spent.id).rename(directory)
        before = self.look(directory, source.look if source else None, read=False)
        if not directory.is_dir() or directory.is_symlink():
            disk.remove(directory, self.notes)
            directory.mkdir()
        wanted, rendered = self.history.files(release.tree), release.rendered
        touched = disk.make_equal(
            directory, wanted, before, blobs=self.history, owner=self.owner, source=source, notes=self.notes, more=rendered
        )
        for dest, file in rendered.items():
            disk.write(str(directory / dest), file.git_mode, self._kept(file.sha256, dest), self.owner, file.mode)
        return looks.scan_again(directory, before, touched, self.notes)

    def verify(self, release: Release, look: Look) -> Look:
        """Compare what is about to be served with its commit; what differs is made again from Git, without links."""
        directory = self.layout.partial(release.id)
        if not self._is_whole(release, look):
            disk.remove(directory, self.notes)
            look = self.stage(release, None)
            drift = drift_of(self.expected(release), entries(look))
            if drift:
                raise MoodleError(
                    f"{directory} cannot be made equal to commit {release.revision}: {drift}. Is something else writing there?"
                )
        return look

    def _is_whole(self, release: Release, look: Look) -> bool:
        expected = self.expected(release)
        modes = {path: file.mode for path, file in release.rendered.items()}
        return not drift_of(expected, entries(look)) and not disk.unsealed(look, self.owner, modes)

    def finish(self, release: Release, look: Look) -> Release:
        """Seal what was staged and give it its name. It is described first: no release is ever there without a description."""
        partial = self.layout.partial(release.id)
        disk.seal(partial, look, self.owner)
        disk.settle(partial)
        self.history.keep(release.id, release.revision)
        complete = replace(release, size=disk.size_of(look))
        self.memory.describe(complete)
        partial.rename(self.layout.release(release.id))
        return complete

    def make(self, release: Release) -> Release:
        """A whole release from Git alone."""
        disk.remove(self.layout.partial(release.id), self.notes)
        return self.finish(release, self.verify(release, self.stage(release, None)))

    def proved(self, release: Release) -> Release:
        """The release, or a copy of it made earlier, where that is what its commit says; otherwise one made anew beside the damaged one."""
        self.history.need(release.id, release.revision)
        for known in (release, *(other for other in self.memory.releases() if is_remake(other, release))):
            if self._is_whole(known, self.look(self.layout.release(known.id))):
                return known
        name, number = release.id, 0
        while os.path.lexists(self.layout.release(name)):
            number += 1
            name = f"{release.id.partition(REMADE)[0]}{REMADE}{number}"
        return self.make(release if name == release.id else replace(release, id=name, created=now().isoformat()))

    def copy(self, release: Release) -> Release:
        """Another one with the same content, made from Git alone: it shares no file with any other."""
        base, number = release.id.partition(COPY)[0], 1
        while os.path.lexists(self.layout.release(f"{base}{COPY}{number}")):
            number += 1
        return self.make(replace(release, id=f"{base}{COPY}{number}", created=now().isoformat(), left=None))

    def hot_fix(self, served: Release, drift: Drift, found: Mapping[str, Entry]) -> Release | None:
        """Make a commit of what was found on disk, and say which release it would be; rendered files stay those that were delivered."""
        own = set(served.rendered)
        kept = Drift(*(tuple(path for path in paths if path not in own) for paths in (drift.modified, drift.missing, drift.unexpected)))
        if not kept:
            return None
        message = f"Hot fixes found in production: {kept}"
        commit, tree = self.history.record(self.layout.release(served.id), served.revision, kept, found, message)
        name = f"{served.id.partition(HOT_FIX)[0].partition(REMADE)[0]}{HOT_FIX}{tree[:8]}"
        self.history.keep_hot_fix(name, commit)
        write_atomically(self.patch_of(name), self.history.patch(served.revision, commit), mode=0o600)
        return self.memory.release(name) or replace(served, id=name, revision=commit, tree=tree, created=now().isoformat(), left=None)

    def patch_of(self, hot_fix: str) -> Path:
        return self.layout.hot_fixes / f"{hot_fix}.patch"

    def remove(self, release: Release) -> None:
        disk.remove(self.layout.release(release.id), self.notes)
        self.memory.forget(release.id)
        self.history.forget(release.id)

    def sweep(self, pinned: Collection[str | None]) -> None:
        """Forget releases whose directories are gone, and rendered files, passwords in them, that no release holds any more."""
        for release in self.memory.described():
            if release.id not in pinned and not self.layout.release(release.id).exists():
                self.remove(release)
        held = {file.sha256 for release in self.memory.described() for file in release.rendered.values()}
        for kept in self.layout.rendered.iterdir():
            if kept.name not in held:
                kept.unlink()

    def drop_partials(self) -> None:
        """What calls that were killed left behind."""
        for partial in self.layout.releases.glob(f"*{PARTIAL}"):
            disk.remove(partial, self.notes)

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
