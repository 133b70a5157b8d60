# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are whole at every instant, and locks that end with their process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

from .errors import MoodleError


def write_atomically(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replace ``path`` by one rename: readers see the old content or the new one, never a part."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def link_atomically(target: str, link: Path) -> None:
    """Make ``link`` a symlink to ``target`` by one rename, whatever it pointed to before."""
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    try:
        temporary.replace(link)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(link.parent)


def sync_directory(directory: Path) -> None:
    """Make a rename in ``directory`` survive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(path: Path, wait: float, what: str, advice: str = "or raise 'wait'") -> Iterator[None]:
    """Hold an exclusive lock on ``path``; the kernel drops it when the process and the programs that it runs have ended, however."""
    deadline = time.monotonic() + wait
    with _to_lock(path) as file:
        # A Git that goes on after we were killed still writes: the next call has to wait for it.
        os.set_inheritable(file.fileno(), True)
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise MoodleError(
                        f"Another run is working on {what} at this moment, and has held {path} for more than {wait:g} s:"
                        f" wait for its end, {advice}."
                    ) from None
                time.sleep(0.1)
        try:
            yield
        finally:
            # Said aloud, for a daemon that a program left behind (a credential cache) holds the file open too.
            fcntl.flock(file, fcntl.LOCK_UN)


def _to_lock(path: Path) -> t.IO[str]:
    try:
        return path.open("a")
    except PermissionError:  # another user's: to lock it, it is enough to read it
        return path.open()
