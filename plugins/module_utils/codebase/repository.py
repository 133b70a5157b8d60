# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The repository of built code bases: a branch per project, a tag per build, the lock under ``refs/moodle/<project>``."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import BadInput, CommandFailed, MoodleError
from ..common.files import locked
from ..common.process import without_secrets
from .declaration.manifest import SOURCE
from .git.bare import LOCK, forget_locks, init_bare, is_bare, unfinished
from .git.gitrepo import GitFailed, explained
from .git.store import AGAIN, LOCK_WAIT, Store

AUTHOR = {"GIT_AUTHOR_NAME": "lms.moodle", "GIT_AUTHOR_EMAIL": "lms.moodle@localhost"}
COMMITTER = {"GIT_COMMITTER_NAME": "lms.moodle", "GIT_COMMITTER_EMAIL": "lms.moodle@localhost"}
OVERTAKEN = ("stale info", "fetch first", "already exists", "cannot lock ref")
LOCKED = "File exists"
LIVING = 1.0  # seconds; a Git that lives holds a lock on a ref for milliseconds
TRAILERS = re.compile(r"\n\nLock: (?P<lock>[0-9a-f]{40})(?:\nTag: (?P<tag>[^\n]+))?\n*$")


@dataclass(frozen=True)
class Built:
    """What the repository holds of a project: the last build, its newest tag and its lock."""

    commit: str
    tree: str
    tag: str | None
    lock: str | None
    torn: bool = False  # a killed publishing came as far as the commit, but not to its lock or tag


@dataclass(frozen=True)
class New:
    """A commit that waits to be published, and all refs that go with it."""

    commit: str
    refs: Mapping[str, str]


@dataclass(frozen=True)
class Repository:
    """A local path (made bare when it is missing) or a URL."""

    store: Store
    location: str
    project: str

    def __post_init__(self) -> None:
        if not self.location.startswith("/") and not SOURCE.fullmatch(self.location):
            raise BadInput(f"repository: a Git URL or an absolute path is expected, '{without_secrets(self.location)}' was found.")

    @property
    def missing(self) -> bool:
        """Whether it is still to be made; a `git init` that was killed left something that is no repository yet."""
        path = Path(self.location)
        return self.location.startswith("/") and (not path.exists() or (path.is_dir() and unfinished(path)))

    @property
    def _branch(self) -> str:
        return f"refs/heads/{self.project}"

    @property
    def _lock(self) -> str:
        return f"refs/moodle/{self.project}"

    # The last build

    def last_build(self) -> Built | None:
        """The project's last build, brought into the store so that it can be compared."""
        refs = self._refs()
        head = refs.get(self._branch)
        if head is None:
            return None
        if any(oid and self.store.read(oid) is None for oid in (head, refs.get(self._lock))):
            targets = {self._lock: f"{self._own}/lock", self._branch: f"{self._own}/head"}
            what = f"the last build of {self.project} from {self.location}"
            self.store.fetch(self.location, {ref: target for ref, target in targets.items() if ref in refs}, what)
        tree = self.store.tree_of(head)
        tags = sorted(ref[len("refs/tags/") :] for ref, oid in refs.items() if ref.startswith("refs/tags/") and oid == head)
        lock_id = refs.get(self._lock)
        lock = self._lock_text(lock_id) if lock_id else None
        meant = self._meant(head)
        if meant is None:
            return Built(head, tree, tags[-1] if tags else None, lock)
        fits = lock is not None and f"\ntree: {tree}\n" in lock
        torn = not fits or (meant["tag"] is not None and not tags)
        return Built(head, tree, tags[-1] if tags else meant["tag"], lock if fits else self._lock_text(meant["lock"]), torn)

    @property
    def _own(self) -> str:
        """Where the store keeps what was built."""
        return f"refs/built/{self.project}"

    def _meant(self, commit: str) -> re.Match[str] | None:
        """Lock and tag that were to arrive with a commit, as it says itself: Git moves refs one by one, and may be killed in between."""
        return TRAILERS.search(self.store.blob(commit).decode(errors="surrogateescape"))

    def _lock_text(self, oid: str) -> str | None:
        if self.store.read(oid) is None:
            with contextlib.suppress(MoodleError):  # not every server gives what no ref names
                self.store.fetch(self.location, {oid: f"{self._own}/lock"}, f"the lock {oid}")
        found = self.store.read(oid)
        return found[2].decode(errors="replace") if found else None

    def has_tag(self, tag: str) -> bool:
        return f"refs/tags/{tag}" in self._refs()

    def _refs(self) -> dict[str, str]:
        """What the repository holds of the project now, and all of its tags."""
        if self.missing:
            return {}
        with explained("read", f"the repository {self.location}"):
            listed = self.store.text("ls-remote", "--", self.location, self._branch, "refs/tags/*", self._lock).split("\n")
        return {ref: oid for oid, _dummy, ref in (line.partition("\t") for line in listed)}

    # A new build

    def commit(self, tree: str, parent: str | None, message: str, tag: str | None, lock: str) -> New:
        lock_id = self.store.write_blob(lock.encode())
        parents = ["-p", parent] if parent else []
        # Through standard input: with hundreds of plugins the message is too long for an argument.
        stdin = f"{message}\n\nLock: {lock_id}\n{f'Tag: {tag}' if tag else ''}\n".encode(errors="replace")
        with explained("commit to", str(self.store.path), ours=True):
            commit = self.store.text("commit-tree", tree, *parents, stdin=stdin, env={**AUTHOR, **COMMITTER})
            with self.store.writing():  # what no ref names would be nobody's loss to `git fsck`
                self.store.set_refs({f"{self._own}/head": commit, f"{self._own}/lock": lock_id})
        return self._new(commit, lock_id, tag)

    def publish(self, new: New, parent: str | None) -> None:
        """Branch, tag and lock arrive together or not at all; another build that came first is noticed."""
        with explained("push to", f"the repository {self.location}"):
            try:
                self._push(new.refs, f"--force-with-lease={self._branch}:{parent or ''}")
            except GitFailed as error:
                if new.commit == parent or not self._arrived(new.commit):
                    raise self._reason(error) from None
                with contextlib.suppress(MoodleError):  # what the other end did not get to is added now, or by the next build
                    self._push(new.refs)

    def _reason(self, error: GitFailed) -> MoodleError:
        if LOCKED in error.said:
            return CommandFailed(
                f"A lock of Git keeps {self.project} out of {self.location} ({error.message}):"
                " if nobody works there at this moment, a killed process left it. Remove it and run again."
            )
        if any(sign in error.said for sign in OVERTAKEN):
            return MoodleError(f"Another build of {self.project} reached {self.location} first: run this one again.")
        return error

    def remember(self, built: Built, lock: str) -> None:
        """Give the last build another lock, and what a killed publishing did not get to."""
        self.publish(self._new(built.commit, self.store.write_blob(lock.encode()), built.tag), built.commit)

    def _new(self, commit: str, lock_id: str, tag: str | None) -> New:
        return New(commit, {self._branch: commit, self._lock: lock_id, **({f"refs/tags/{tag}": commit} if tag else {})})

    def _push(self, refs: Mapping[str, str], *options: str) -> None:
        specs = [f"{'+' if ref == self._lock else ''}{oid}:{ref}" for ref, oid in refs.items()]
        with self._alone(refs):
            self.store.git("push", "--quiet", "--atomic", *options, "--", self.location, *specs)

    def _arrived(self, commit: str) -> bool:
        with contextlib.suppress(MoodleError):
            return self._refs().get(self._branch) == commit
        return False

    @contextlib.contextmanager
    def _alone(self, refs: Iterable[str]) -> Iterator[None]:
        """A repository of this host is made where it is missing, and has one build at a time: locks that are found then are nobody's."""
        path = Path(self.location) if self.location.startswith("/") else None
        if path is not None and self.missing:
            path.mkdir(parents=True, exist_ok=True)
        elif path is not None and not is_bare(path):
            path = path / ".git" if is_bare(path / ".git") else None
        if path is None:
            yield
            return
        with locked(path / LOCK, LOCK_WAIT, f"the repository {self.location}", AGAIN):
            init_bare(path, "Name another place")
            tags = (f"refs/tags/{lock.stem}" for lock in path.glob(f"refs/tags/{self.project}-*.lock"))
            forget_locks(path, ["HEAD", *refs, *tags], LIVING)
            yield
