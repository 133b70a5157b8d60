# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fetches of one source: into a repository of its own beside the store's objects, taken over only when it is whole.

Any number may run at once, and one that is killed leaves nothing in the store but a folder that the next one sweeps away.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
import time
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...common.errors import MoodleError
from .gitrepo import GitFailed, explained, git
from .store import Store, ref_of

INCOMING = "incoming"
AGE = 60.0
EVERYTHING = "--depth=2147483647"  # Git's word for no limit of the depth
NO_DEPTH = "does not support shallow"  # a web server that gives the files of a repository, and knows nothing of Git
FULL = os.strerror(errno.ENOSPC)  # Git is run in plain English
CONFIG = """[core]
\trepositoryformatversion = 0
\tbare = true
\talternateRefsPrefixes = {prefix}
[fetch]
\tunpackLimit = 1
[fastimport]
\tunpackLimit = 1
"""


@dataclass
class Fetch:
    """What is wanted of a source: (kind, name) pairs; ``run()`` gets them, ``take_over()`` puts them into the store."""

    store: Store
    source: str
    wanted: tuple[tuple[str, str], ...]
    what: str  # for messages: "mod_board, tag v1"
    gone: tuple[tuple[str, str], ...] = ()
    _folder: Path | None = field(default=None, init=False)
    _lock: int = field(default=-1, init=False)

    def _prepare(self) -> None:
        """Make the folder, with what the store already has of this source as a start."""
        incoming = self.store.path / INCOMING
        with explained("write to", f"the store {self.store.path}"):
            incoming.mkdir(exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(dir=incoming))
            self._lock = os.open(self._folder, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            for name in ("objects/info", "objects/pack", "refs"):
                (self._folder / name).mkdir(parents=True)
            (self._folder / "HEAD").write_text("ref: refs/heads/none\n")
            (self._folder / "config").write_text(CONFIG.format(prefix=ref_of(self.source, "", "").rstrip("/") + "/"))
            (self._folder / "objects/info/alternates").write_text(f"{self.store.path.resolve()}/objects\n")
            shallow = self.store.path / "shallow"
            if shallow.exists():
                shutil.copyfile(shallow, self._folder / "shallow")

    def run(self) -> None:
        """Ask the source. May be called in a thread."""
        self._prepare()
        if self.wanted:
            self._get()

    def _get(self) -> None:
        specs = [f"+{_remote(kind, name)}:{local_ref(number)}" for number, (kind, name) in enumerate(self.wanted)]
        by_commit = any(kind == "commit" for kind, _dummy in self.wanted)
        with explained("fetch", f"{self.what} of {self.source}"):
            try:
                self._git_fetch(specs, "--depth=1")
            except GitFailed as error:
                if FULL in error.said:
                    raise MoodleError(f"The store {self.store.path} has no room for {self.what}: {error.message}") from None
                plain_files = NO_DEPTH in error.said
                if by_commit:
                    # Not every server gives a commit by its id: then it is found in what the source's refs lead to.
                    # Without a depth, what was cut off at a shallow commit would stay away.
                    self._git_fetch(["+refs/*:refs/all/*"], *([] if plain_files else [EVERYTHING]))
                elif plain_files:
                    self._git_fetch(specs)
                else:
                    raise
                if plain_files:  # they came one by one
                    git("repack", "-a", "-d", "-l", "-q", cwd=self.folder)

    def _git_fetch(self, specs: Iterable[str], *depth: str) -> None:
        command = ("fetch", "--quiet", *depth, "--no-tags", "--no-auto-maintenance", "--stdin", "--", self.source)
        # It holds on to its own folder alone: should it outlive us, nobody waits for it.
        git(*command, cwd=self.folder, stdin="".join(f"{spec}\n" for spec in specs).encode(), inherit=[self._lock])

    @property
    def folder(self) -> Path:
        """Where it works, from run() to close()."""
        return t.cast(Path, self._folder)

    def take_over(self) -> None:
        """Objects first, the refs that name them last: killed in between, the store has more than it knows, which is harmless."""
        place = f"the store {self.store.path}"
        with explained("read", place):
            refs = self._found()
        with self.store.writing(), explained("write to", place, ours=True):
            packs = self.folder / "objects/pack"
            for suffix in (".pack", ".rev", ".idx"):
                for file in packs.glob(f"*{suffix}"):
                    file.rename(self.store.path / "objects/pack" / file.name)
            shallow = self.folder / "shallow"
            if shallow.exists():
                self.store.know_shallow(set(shallow.read_text().split()))
            self.store.set_refs(refs, [ref_of(self.source, kind, name) for kind, name in self.gone])

    def _found(self) -> Mapping[str, str]:
        listed = git("for-each-ref", "--format=%(objectname) %(refname)", "refs/wanted", cwd=self.folder).decode().splitlines()
        got = {ref: oid for oid, _dummy, ref in (line.partition(" ") for line in listed)}
        found = {}
        for number, (kind, name) in enumerate(self.wanted):
            oid = got.get(local_ref(number), name if kind == "commit" else "")
            if oid and (kind != "commit" or self._has(oid)):
                found[ref_of(self.source, kind, name)] = oid
        return found

    def _has(self, commit: str) -> bool:
        try:
            git("cat-file", "-e", f"{commit}^{{commit}}", cwd=self.folder)
        except GitFailed:
            return False
        return True

    def __enter__(self) -> Fetch:
        return self

    def __exit__(self, *_dummy: object) -> None:
        self.close()

    def close(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._lock)
            self._folder = None


def sweep(store: Path) -> None:
    """Remove the folders that no living process holds; a new one may not be held yet."""
    for folder in (store / INCOMING).iterdir() if (store / INCOMING).is_dir() else ():
        with contextlib.suppress(OSError):  # gone meanwhile, or held
            handle = os.open(folder, os.O_RDONLY)
            try:
                if time.time() - os.fstat(handle).st_mtime > AGE:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def _remote(kind: str, name: str) -> str:
    return {"tag": f"refs/tags/{name}", "branch": f"refs/heads/{name}"}.get(kind, name)


def local_ref(number: int) -> str:
    return f"refs/wanted/{number}"
