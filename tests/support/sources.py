# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Code from Git: which commit a name means, and its files in a folder."""

from __future__ import annotations

import fcntl
import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .cache import cache_directory
from .process import Result, SupportError, program, run

# Git must fail, not ask: nobody is there to type a password.
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "LC_ALL": "C"}


@dataclass(frozen=True)
class Source:
    """A repository and the tag, branch or commit wanted from it."""

    url: str
    ref: str


def resolve(source: Source, timeout: float = 30) -> str:
    """The commit that a source's ref means now."""
    if re.fullmatch(r"[0-9a-f]{40}", source.ref):
        return source.ref
    # A tag comes before a branch of the same name, and an annotated tag means the commit under it.
    meanings = (f"refs/tags/{source.ref}^{{}}", f"refs/tags/{source.ref}", f"refs/heads/{source.ref}")
    result = _git("ls-remote", source.url, *meanings, timeout=timeout)
    if result.rc != 0:
        raise SupportError(f"{source.url} cannot be read: {_reason(result.err, result.timed_out)}")
    found: dict[str, str] = {}
    for line in result.out.splitlines():
        commit, _, name = line.partition("\t")
        found[name] = commit
    for name in meanings:
        if name in found:
            return found[name]
    raise SupportError(f"{source.url} has neither a tag nor a branch {source.ref!r}")


def unreadable(url: str, timeout: float = 20) -> str | None:
    """Why a repository cannot be read, in one sentence; None when it can."""
    result = _git("ls-remote", url, "HEAD", timeout=timeout)
    return None if result.rc == 0 else f"{url} cannot be read: {_reason(result.err, result.timed_out)}"


def check_out(source: Source, destination: Path) -> str:
    """Put the files of a source into a folder, without `.git`; returns the commit."""
    commit = resolve(source)
    store = _store(source, commit)
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lms-moodle-index-") as scratch:
        env = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
        _git("--git-dir", str(store), "read-tree", commit, env=env).must_succeed()
        _git("--git-dir", str(store), f"--work-tree={destination}", "checkout-index", "--all", "--force", env=env).must_succeed()
    return commit


def _store(source: Source, commit: str) -> Path:
    """A bare repository in the cache that holds the commit, without its history."""
    store = cache_directory() / "git" / f"{hashlib.sha256(source.url.encode()).hexdigest()[:16]}.git"
    store.parent.mkdir(parents=True, exist_ok=True)
    with _locked(store.with_suffix(".lock")):
        if not (store / "HEAD").exists():
            _git("init", "--quiet", "--bare", str(store)).must_succeed()
        here = ("--git-dir", str(store))
        if _git(*here, "cat-file", "-e", f"{commit}^{{commit}}").rc != 0:
            # The ref is kept, or a later `gc` would drop the commit again.
            wanted = f"+{source.ref}:refs/support/{commit}"
            _git(*here, "fetch", "--quiet", "--depth=1", "--no-tags", source.url, wanted, timeout=1800).must_succeed()
    return store


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _git(*words: str, env: dict[str, str] | None = None, timeout: float = 600) -> Result:
    return run([program("git", "git"), *words], env={**_QUIET, **(env or {})}, timeout=timeout)


def _reason(stderr: str, timed_out: bool) -> str:
    if timed_out:
        return "no answer in time"
    lines = [line for line in stderr.splitlines() if line.strip()]
    return lines[0].removeprefix("fatal: ") if lines else "git gave no reason"
