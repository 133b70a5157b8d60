# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bare repositories on this host: made where none is, and freed of what killed processes left in them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from pathlib import Path

from ...common.errors import MoodleError
from .gitrepo import git

LOCK = "lms.lock"
MADE_BY_US = "lms.store"  # what bears this mark may be thrown away
# What `git init` makes, in the end the directory objects/info: before it is there, the repository is not.
MADE_BY_INIT = {"HEAD", "branches", "config", "description", "hooks", "info", "objects", "refs", LOCK, MADE_BY_US}
LOCKED_BY_INIT = ("HEAD.lock", "config.lock")
TRIED_BY_INIT = re.compile(r"t[A-Za-z0-9]{6}")  # a name under which it tries whether links can be made


def is_bare(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects" / "info").is_dir()


def unfinished(path: Path) -> bool:
    """Whether nothing is there but what a `git init` that was killed may have left."""
    return not (path / "objects" / "info").is_dir() and all(_left_by_init(item) for item in path.iterdir())


def _left_by_init(item: Path) -> bool:
    if TRIED_BY_INIT.fullmatch(item.name) and item.name not in MADE_BY_INIT:
        return item.is_symlink() or (item.is_file() and item.stat().st_size == 0)
    return item.name in MADE_BY_INIT or item.name in LOCKED_BY_INIT


def init_bare(path: Path, advice: str) -> None:
    """Make a bare repository of a directory where none is; one whose making was killed is finished."""
    if unfinished(path):
        for name in LOCKED_BY_INIT:
            (path / name).unlink(missing_ok=True)
        git("init", "--quiet", "--bare", ".", cwd=path)
    elif not (path / "HEAD").is_file() or not (path / "objects").is_dir():
        raise MoodleError(f"Could not open {path}: it is not a Git repository. {advice}.")


def forget_locks(path: Path, names: Iterable[str], patience: float = 0.0) -> None:
    """Remove locks of Git that a killed process left; one of a living process is gone within ``patience`` seconds."""
    locks = [path / f"{name}.lock" for name in names]
    before = {lock: found for lock in locks if (found := _seen(lock))}
    if before and patience:
        time.sleep(patience)
    for lock, found in before.items():
        if _seen(lock) == found:
            lock.unlink(missing_ok=True)


def _seen(lock: Path) -> tuple[int, int] | None:
    try:
        status = lock.lstat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
