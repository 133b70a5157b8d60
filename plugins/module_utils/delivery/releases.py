# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes releases: complete, verified against their commit, sealed. Git is the truth, directories are copies of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..common.errors import MoodleError
from ..common.files import write_atomically
from . import disk, looks
from .history import History
from .layout import PARTIAL, Layout
from .memory import Memory, Release, now
from .seen import NO_STAMP, Look, Proof, Proofs, Stamp, is_same_file
from .trees import Change, Drift, Entry

REMADE, HOT_FIX, COPY = "-remade-", "-hotfix-", "-copy-"


def is_remake(other: Release, release: Release) -> bool:
    """Whether ``other`` was made in the place of ``release`` when that was damaged."""
    return other.id.startswith(f"{release.id.partition(REMADE)[0]}{REMADE}") and other.same_content(release)


@dataclass(frozen=True)
class Examined:
    """What lies in a directory, compared with what a release must hold."""

    look: Look
    drift: Drift
    found: Mapping[str, Entry]  # of the files that had to be read
    proof: Proof
    sealed: bool

    @property
    def whole(self) -> bool:
        return self.sealed and not self.drift


@dataclass(frozen=True)
class Spent:
    """A release that nobody needs any more, and what lies in it, where that is known without a look."""

    release: Release
    known: Look | None


@dataclass(frozen=True)
class Releases:
    layout: Layout
    memory: Memory
    history: History
    owner: disk.Ownership
    proofs: Proofs

    def step(self, before: Release | None, after: Release) -> dict[str, Change]:
        """Every file by which two releases differ; all of one, where there is no other."""
        changes = dict(self.history.differences(before.tree if before else None, after.tree))
        old, new = before.rendered if before else {}, after.rendered
        entries = (before.rendered_entries() if before else {}), after.rendered_entries()
        for path in old.keys() | new.keys():
            if old.get(path) != new.get(path):
                change = changes.get(path, Change(None, None))
                changes[path] = Change(entries[0].get(path, change.old), entries[1].get(path, change.new))
        return changes

    def examine(self, release: Release, directory: Path, look: Look | None = None, like: Proof | None = None) -> Examined:
        """Compare every file with its commit. Those are read that bear no stamp that was proved, of this release or of one ``like`` it."""
        look = look or looks.look(directory)
        known = like or self.proofs.of(release) or self.proofs.served
        # What is served shares files with others, and its stamps are the newest.
        proofs = [known, self.proofs.served] if self.proofs.served.release and like is None else [known]
        trusted = [(proof, self.step(proof.release, release)) for proof in proofs]
        changes = trusted[0][1]
        found, files, fresh, sealed = dict[str, Entry](), dict(look.files), set[str](), True
        unproved: Mapping[str, str] = look.files
        for proof, changed in trusted:
            unproved = proof.leaves(unproved, changed)
        for path, text in unproved.items():
            stamp = Stamp.of(text)
            found[path] = looks.entry(directory, path, stamp)
            if not disk.sealed(stamp, self._mode_of(release, path, found[path]), self.owner):
                sealed, files[path] = False, NO_STAMP
            elif not stamp.settled():
                fresh.add(path)
        gone = {path for path, change in changes.items() if change.new is None}
        wanted = (known.files.keys() - gone) | (changes.keys() - gone)
        right_ones = {path: entry for path, entry in found.items() if path in wanted and entry == self._wanted(release, path, changes)}
        drift = Drift(
            modified=tuple(sorted(path for path in found if path in wanted and path not in right_ones)),
            missing=tuple(sorted(wanted - look.files.keys())),
            unexpected=tuple(sorted(look.files.keys() - wanted)),
        )
        for path in (*drift.modified, *drift.missing):
            files[path] = NO_STAMP
        for path in drift.unexpected:
            del files[path]
        lasting = sealed and not drift and not fresh and look.names_are_settled()
        proof = Proof(release, files, frozenset(fresh & files.keys()), look.directories if lasting else {})
        self.proofs.put(proof)  # the older one would follow a file that this one has found to be wrong
        return Examined(look, drift, found, proof, sealed)

    def _wanted(self, release: Release, path: str, changes: Mapping[str, Change]) -> Entry | None:
        if path in changes:
            return changes[path].new
        return release.rendered_entries().get(path) or self.history.files(release.tree).get(path)

    def _mode_of(self, release: Release, path: str, entry: Entry) -> int:
        return release.rendered[path].mode if path in release.rendered else disk.sealed_mode(entry)

    def stage(self, release: Release, source: Proof, spent: Spent | None = None) -> Look:
        """Make the release's partial directory equal to it, from whatever it holds now, and look at what it holds then.

        What the ``source`` holds as well becomes a hard link, rendered files excepted, which hold secrets. Where there is no such
        directory, a ``spent`` release becomes it: one that nobody needs any more. It is forgotten when its directory is gone.
        """
        directory, rendered, known = self.layout.partial(release.id), release.rendered, None
        if spent and not os.path.lexists(directory):
            known = spent.known
            before = known or looks.look(self.layout.release(spent.release.id))
            self.layout.release(spent.release.id).rename(directory)
        else:
            if not directory.is_dir() or directory.is_symlink():
                disk.remove(directory, self.proofs)
                directory.mkdir()
            before = looks.look(directory)
        changes = self.step(source.release, release)
        same = dict(source.files)
        for path in (*changes, *rendered):
            same.pop(path, None)
        doubtful = [path for path, stamp in same.items() if not stamp]
        for path in doubtful:
            del same[path]
        # Since a spent release was proved, others have got or lost names of the same files, which moved their ctimes.
        keep = {
            path: same[path]
            for path, stamp in before.files.items()
            if path in same and (stamp == same[path] or (known and is_same_file(stamp, same[path])))
        }
        links = {path: same[path] for path in sorted(same.keys() - keep.keys())}
        writes = {path: change.new for path, change in changes.items() if change.new and path not in rendered}
        coming = [*links, *writes, *doubtful, *rendered]
        left = disk.clear(directory, before, keep, coming, self.proofs)
        linked = disk.link(self.layout.release(source.release.id), directory, links) if source.release else {}
        self.proofs.follow(source, linked)
        left.files.update(linked)
        doubtful += sorted(links.keys() - linked.keys())
        disk.fill(directory, {**writes, **self._entries(release, doubtful)}, self.history, self.owner)
        for dest, file in rendered.items():
            disk.write(str(directory / dest), file.git_mode, self._kept(file.sha256, dest), self.owner, file.mode)
        # All but what was written just now was seen above; where that is little, it is quicker to look at all of it.
        written = [*writes, *doubtful, *rendered]
        return looks.add(left, directory, written) if len(coming) < len(keep) else looks.look(directory)

    def spent(self, release: Release) -> Spent:
        """What lies in it is what was proved, as long as no name in it has changed: its directories alone are looked at."""
        proof = self.proofs.of(release)
        self.proofs.forget(release.id)
        same = proof and looks.same_names(self.layout.release(release.id), proof.directories)
        return Spent(release, Look(proof.files, proof.directories) if proof and same else None)

    def _entries(self, release: Release, paths: Iterable[str]) -> dict[str, Entry]:
        return {path: self.history.files(release.tree)[path] for path in paths}

    def verify(self, release: Release, look: Look | None = None, like: Proof | None = None) -> Examined:
        """Compare what is about to be served with its commit; what differs is made again from Git, without links."""
        directory = self.layout.partial(release.id)
        examined = self.examine(release, directory, look, like)
        if not examined.whole:
            disk.remove(directory, self.proofs)
            examined = self.examine(release, directory, self.stage(release, Proof()), Proof())
            if examined.drift:
                raise MoodleError(
                    f"{directory} cannot be made equal to commit {release.revision}: {examined.drift}. Is something else writing there?"
                )
        return examined

    def finish(self, release: Release, look: Look) -> Release:
        """Seal what was staged and give it its name. It is described first: no release is ever there without a description."""
        partial = self.layout.partial(release.id)
        disk.seal(partial, look, self.owner)
        disk.settle(partial)
        self.history.keep(release.id, release.revision)
        complete = replace(release, size=look.size())
        self.memory.describe(complete)
        partial.rename(self.layout.release(release.id))
        return complete

    def make(self, release: Release) -> Release:
        """A whole release from Git alone."""
        disk.remove(self.layout.partial(release.id), self.proofs)
        return self.finish(release, self.verify(release, self.stage(release, Proof()), Proof()).look)

    def proved(self, release: Release) -> Release:
        """The release, or a copy of it made earlier, where that is what its commit says; otherwise one made anew beside the damaged one."""
        self.history.need(release.id, release.revision)
        for known in (release, *(other for other in self.memory.releases() if is_remake(other, release))):
            directory = self.layout.release(known.id)
            examined = self.examine(known, directory) if directory.is_dir() else None
            if examined and examined.whole:
                disk.seal(directory, examined.look, self.owner)  # a directory may be open still
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
        disk.remove(self.layout.release(release.id), self.proofs)
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
            disk.remove(partial, self.proofs)

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
