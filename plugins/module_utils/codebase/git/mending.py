# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store that turns out to be damaged is thrown away and filled again; several processes may find that out at once."""

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path

from ...common.errors import MoodleError
from ...common.files import locked
from ...common.process import run
from .bare import LOCK, MADE_BY_US
from .gitrepo import ENVIRONMENT, Damaged, PerhapsDamaged, explained
from .store import AGAIN, LOCK_WAIT, Store, edition, new_edition, opened

MALFORMED = 1  # Git's exit code for objects that are there, but not as they should be


def with_whole_store(path: Path, offline: bool, work: t.Callable[[Store], dict[str, t.Any]]) -> dict[str, t.Any]:
    """The result of ``work``; where the store turns out to be damaged it is thrown away, and the work done once more."""
    before = edition(path)
    try:
        with opened(path, offline) as store:
            return work(store)
    except MoodleError as error:
        if before is None:
            raise
        return _done_again(path, offline, work, _emptied(path, before, offline, error))


def _done_again(path: Path, offline: bool, work: t.Callable[[Store], dict[str, t.Any]], warnings: list[str]) -> dict[str, t.Any]:
    with opened(path, offline) as store:
        result = work(store)
    return {**result, "warnings": [*result.get("warnings", []), *warnings]}


def _emptied(path: Path, before: str, offline: bool, error: MoodleError) -> list[str]:
    """Empty the store if it is damaged, and say so; otherwise the error stands."""
    if edition(path) != before:
        return []  # somebody has emptied it under our hands: what failed was only that
    if not isinstance(error, Damaged) or (isinstance(error, PerhapsDamaged) and is_whole(path)):
        raise error
    if offline:
        raise MoodleError(f"The store {path} is damaged: run once without 'offline', and it is filled again ({error.message})") from None
    throw_away(path, before)
    return [f"The store {path} was damaged and has been filled again ({error.message})"]


def is_whole(path: Path) -> bool:
    """Whether every object of the store can be read and is what its name says; that some are malformed is their authors' doing."""
    try:
        done = run(["git", "fsck", "--no-dangling", "--no-progress"], cwd=str(path), env=ENVIRONMENT, check=False)
    except (MoodleError, OSError):
        return False
    said = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith((b"error in ", b"warning in ", b"notice: "))]
    return done.returncode == 0 or (done.returncode == MALFORMED and not said)


def throw_away(path: Path, before: str) -> None:
    """Empty the store, unless another process has done it already. Without HEAD it is no repository: killed, the next call goes on."""
    with locked(path / LOCK, LOCK_WAIT, "the store", AGAIN), explained("empty", f"the store {path}"):
        if edition(path) != before:
            return
        (path / "HEAD").unlink(missing_ok=True)
        for item in path.iterdir():
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            elif item.name not in (LOCK, MADE_BY_US):
                item.unlink()
        new_edition(path)
