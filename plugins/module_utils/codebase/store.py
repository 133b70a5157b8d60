# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one bare repository that caches every source; what is composed is made in it too. Safe to delete."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import typing as t
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from ..common.errors import MoodleError
from ..common.files import locked, write_atomically
from .gitrepo import Damaged, GitFailed, GitRepository, explained, git

LOCK, LOCK_WAIT = "lms.lock", 600
MADE_BY_US = "lms.store"  # what bears this mark may be thrown away
# What `git init` makes, in the end the directory objects/info: before it is there, the repository is not.
MADE_BY_INIT = {"HEAD", "branches", "config", "description", "hooks", "info", "objects", "refs"}


class Store(GitRepository):
    """Knows its refs, ``refs/sources/<source>/<kind>/<name>``, and lets one process at a time change them."""

    def __init__(self, path: Path, offline: bool = False) -> None:
        super().__init__(path)
        self.offline = offline
        with explained("open", str(path)):
            path.mkdir(parents=True, exist_ok=True)
            with self.writing():
                if init_bare(path, "Name another place"):
                    (path / MADE_BY_US).touch()
        self.refs = self._read_refs()

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """For whoever changes refs here: one at a time, as Git itself would fail instead of waiting."""
        return locked(self.path / LOCK, LOCK_WAIT, "the store")

    def _read_refs(self) -> dict[str, str]:
        with explained("read", f"the store {self.path}"):
            lines = self.text("for-each-ref", "--format=%(objectname) %(*objectname) %(refname)", "refs/sources").splitlines()
        return {line.rsplit(" ", 1)[1]: line.split(" ", 2)[1] or line.split(" ", 1)[0] for line in lines}

    def refs_of(self, source: str, kind: str) -> dict[str, str]:
        """The commit of each ``tag`` or ``branch`` of a source that is here, by its name."""
        prefix = ref_of(source, kind, "")
        return {
            unquote(ref[len(prefix) :], errors="surrogateescape"): commit for ref, commit in self.refs.items() if ref.startswith(prefix)
        }

    def set_refs(self, refs: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        """Set refs to commits that are here, and drop those that are ``gone``; under ``writing()``."""
        lines = [f"delete {ref}\0\0" for ref in gone] + [f"update {ref}\0{oid}\0\0" for ref, oid in refs.items()]
        if lines:
            self._forget_stale_locks()
            self.git("update-ref", "--stdin", "-z", stdin="".join(lines).encode())
        self.refs = self._read_refs()

    def _forget_stale_locks(self) -> None:
        """Whoever changes refs holds our own lock: one of Git's that is found now was left by a killed process."""
        for left in (self.path / "packed-refs.lock", *(self.path / "refs").rglob("*.lock")):
            left.unlink(missing_ok=True)

    def know_shallow(self, commits: set[str]) -> None:
        """Remember which commits are here without their parents; under ``writing()``."""
        path = self.path / "shallow"
        known = set(path.read_text().split()) if path.exists() else set()
        if not commits <= known:
            write_atomically(path, "".join(f"{commit}\n" for commit in sorted(known | commits)).encode())


def with_whole_store(path: Path, offline: bool, work: t.Callable[[Store], dict[str, t.Any]]) -> dict[str, t.Any]:
    """The result of ``work``; where the store turns out to be damaged it is thrown away, and the work done once more."""
    try:
        with opened(path, offline) as store:
            return work(store)
    except Damaged as error:
        if not (path / MADE_BY_US).exists() or is_whole(path):
            raise
        if offline:
            raise MoodleError(
                f"The store {path} is damaged: run once without 'offline', and it is filled again ({error.message})"
            ) from None
        throw_away(path)
        with opened(path, offline) as store:
            result = work(store)
        result["warnings"] = [*result.get("warnings", []), f"The store {path} was damaged and has been filled again ({error.message})"]
        return result


@contextlib.contextmanager
def opened(path: Path, offline: bool) -> Iterator[Store]:
    store = Store(path, offline)
    try:
        yield store
    finally:
        store.close()


def is_whole(path: Path) -> bool:
    """Whether every object of the store can be read and is what its name says."""
    try:
        git("fsck", "--no-dangling", "--no-progress", cwd=path)
    except (GitFailed, OSError):
        return False
    return True


def throw_away(path: Path) -> None:
    """Empty a store that is damaged: it is filled again."""
    with locked(path / LOCK, LOCK_WAIT, "the store"):
        for item in path.iterdir():
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            elif item.name not in (LOCK, MADE_BY_US):
                item.unlink()


def init_bare(path: Path, advice: str) -> bool:
    """Make a bare repository of a directory where none is; one whose making was killed is finished. Tells whether it did."""
    if unfinished(path):
        git("init", "--quiet", "--bare", ".", cwd=path)
        return True
    if not (path / "HEAD").is_file() or not (path / "objects").is_dir():
        raise MoodleError(f"Could not open {path}: it is not a Git repository. {advice}.")
    return False


def unfinished(path: Path) -> bool:
    """Whether nothing is there but what a `git init` that was killed may have left."""
    return {item.name for item in path.iterdir()} <= MADE_BY_INIT | {LOCK, MADE_BY_US} and not (path / "objects" / "info").is_dir()


def ref_of(source: str, kind: str, name: str) -> str:
    """Each source has refs of its own, named so that a password in the URL cannot be read from them.

    A slash in the name is written otherwise: with a branch `a` a branch `a/b` could not lie beside it, or after it.
    """
    return f"refs/sources/{hashlib.sha256(source.encode()).hexdigest()[:16]}/{kind}/{quote(name, safe='', errors='surrogateescape')}"
