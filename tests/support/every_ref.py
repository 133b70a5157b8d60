# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of some names in every branch and tag of a repository; nothing but its trees and these files is fetched."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .cache import cache_directory
from .process import SupportError, program

# Git must fail, not ask: nobody is there to type a password.
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "LC_ALL": "C"}
# What a repository on this machine may be asked for; servers decide for themselves.
_UPLOAD_PACK = "--upload-pack=git -c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true upload-pack"
_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_TREE, _LINK, _MODULE = b"40000", b"120000", b"160000"


@dataclass(frozen=True)
class Found:
    refs: int
    files: int
    contents: dict[str, tuple[str, bytes]]  # by object id: where it was met first, and what it holds


def files_of_every_ref(url: str, endings: tuple[str, ...]) -> Found:
    """The files whose path ends so (``db/x.php``); a content that many refs hold is told once."""
    store = _Store(url)
    with store.locked():
        trees = store.update()
        met: dict[str, str] = {}
        with store.reader() as read:
            count = _counter(read, endings, met)
            files = sum(count(tree, "", f"{ref}:") for ref, tree in trees.items())
        store.fetch_missing(met)
        with store.reader() as read:
            return Found(len(trees), files, {oid: (where, read(oid)) for oid, where in met.items()})


class _Store:
    """A bare repository in the cache, without history and, where the other side knows how, without files."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.folder = cache_directory() / "refs" / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.git"
        self.folder.parent.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        with self.folder.with_suffix(".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def update(self) -> dict[str, str]:
        """The tree of each branch and tag, as they are now."""
        now = self._git("ls-remote", "--heads", "--tags", self.url)
        fetched = self.folder / "fetched"
        if not fetched.is_file() or fetched.read_bytes() != now:
            self._git("init", "--quiet", "--bare", self.folder)
            for key, value in {"url": self.url, "promisor": "true", "partialclonefilter": "blob:none"}.items():
                self._here("config", f"remote.origin.{key}", value)
            self._here("fetch", "--quiet", "--depth=1", "--filter=blob:none", "--no-tags", "--prune", _UPLOAD_PACK, "origin", *_REFS)
            fetched.write_bytes(now)
        lines = self._here("for-each-ref", "--format=%(refname) %(tree) %(*tree)").decode().splitlines()
        # A tag of something other than a commit has no tree.
        return {words[0]: words[-1] for words in map(str.split, lines) if len(words) > 1}

    def fetch_missing(self, oids: t.Iterable[str]) -> None:
        here = self._here("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)").decode().split()
        missing = set(oids).difference(here)
        if missing:
            options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin", _UPLOAD_PACK)
            # Without negotiation, as Git itself fetches what a partial clone lacks.
            self._here("-c", "fetch.negotiationAlgorithm=noop", "fetch", *options, "origin", words="\n".join(missing).encode())

    @contextmanager
    def reader(self) -> Iterator[Callable[[str], bytes]]:
        command = [program("git", "git"), "--git-dir", str(self.folder), "cat-file", "--batch"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            asked, told = t.cast("t.IO[bytes]", process.stdin), t.cast("t.IO[bytes]", process.stdout)

            def read(oid: str) -> bytes:
                asked.write(f"{oid}\n".encode())
                asked.flush()
                size = told.readline().split()[-1]
                return told.read(int(size) + 1)[:-1]

            yield read
            asked.close()

    def _here(self, *command: str, words: bytes = b"") -> bytes:
        return self._git("--git-dir", self.folder, *command, words=words)

    def _git(self, *command: str | Path, words: bytes = b"") -> bytes:
        done = subprocess.run(
            [program("git", "git"), *command], input=words, capture_output=True, env={**os.environ, **_QUIET}, timeout=1800, check=False
        )
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines() or ["git gave no reason"]
            raise SupportError(f"{self.url} cannot be read: {reason[0].removeprefix('fatal: ')}")
        return done.stdout


def _counter(read: Callable[[str], bytes], endings: tuple[str, ...], met: dict[str, str]) -> Callable[[str, str, str], int]:
    """Counts the wanted files of a tree, and notes what is in them; a tree that many commits hold is read once."""
    counted: dict[tuple[str, str], int] = {}
    wanted = tuple(f"/{ending}" for ending in endings)

    def count(tree: str, name: str, where: str) -> int:
        key = (tree, name)  # the name decides too: `db/x.php`
        if key not in counted:
            counted[key] = 0
            for mode, entry, oid in _entries(read(tree)):
                if mode == _TREE:
                    counted[key] += count(oid, entry, f"{where}{entry}/")
                elif mode not in (_LINK, _MODULE) and f"/{name}/{entry}".endswith(wanted):
                    counted[key] += 1
                    met.setdefault(oid, f"{where}{entry}")
        return counted[key]

    return count


def _entries(tree: bytes) -> Iterator[tuple[bytes, str, str]]:
    position = 0
    while position < len(tree):
        end = tree.index(b"\0", position)
        mode, name = tree[position:end].split(b" ", 1)
        position = end + 21
        yield mode, name.decode("utf-8", "surrogateescape"), tree[end + 1 : position].hex()
