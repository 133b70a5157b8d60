# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read of each file, by its inode, and the stamp that it bore: as long as it bears the same, it need not be read again.

Any write, chmod or chown, through whatever name of the file, moves its ctime, and no user can set that back: mtime alone would
not do. What was written shortly before it was read is read once more by the next call, for a second write in the same tick of
the clock would leave the same stamp. After a restart of the host every file is read anew, for a power cut may take contents away
that the stamps still promise.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
import typing as t
from collections.abc import Iterable
from pathlib import Path

from ..common.files import write_atomically
from .trees import Entry

SETTLED = 2_000_000_000  # nanoseconds; the coarsest clocks of file systems tick every other second
BOOT = Path("/proc/sys/kernel/random/boot_id")
RECORD = struct.Struct("<8q20s")


class Stamp(t.NamedTuple):
    device: int
    inode: int
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    ctime: int


class Seen(t.NamedTuple):
    entry: Entry
    stamp: Stamp


class Folder(t.NamedTuple):
    mode: int
    uid: int
    gid: int


class Look(dict[str, Seen]):
    """The files that were seen, by their path, and beside them the directories; the one that was looked into is named by nothing."""

    def __init__(self, files: Iterable[tuple[str, Seen]] = ()) -> None:
        super().__init__(files)
        self.directories: dict[str, Folder] = {}


def stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(
        status.st_dev, status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns, status.st_ctime_ns
    )


def entries(look: Look) -> dict[str, Entry]:
    return {path: seen.entry for path, seen in look.items()}


class Notes:
    """The ids of contents by inode. Without a file nothing is taken on trust and nothing is kept."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._known: dict[int, tuple[Stamp, str]] = _load(path) if path else {}
        self._renamed: set[int] = set()
        self._news = False

    def renamed(self, inode: int) -> None:
        """This call gives the file another name, or takes one away: that moves its ctime and leaves all else as it was."""
        self._renamed.add(inode)

    def has_renamed(self, inode: int) -> bool:
        return inode in self._renamed

    def recall(self, stamp: Stamp) -> str | None:
        """The id of the content of the file that bears this stamp, where that is known."""
        known = self._known.get(stamp.inode)
        if known is None:
            return None
        if known[0] != stamp:
            if stamp.inode not in self._renamed or known[0][:-1] != stamp[:-1]:
                return None
            self._known[stamp.inode] = stamp, known[1]
            self._news = True
        return known[1]

    def learn(self, stamp: Stamp, oid: str) -> None:
        if abs(time.time_ns() - stamp.ctime) > SETTLED:
            self._known[stamp.inode] = stamp, oid
            self._news = True

    def save(self) -> None:
        """They spare work and say nothing that could not be read again: a full disk is no reason to fail."""
        if self.path and self._news:
            records = b"".join(RECORD.pack(*stamp, bytes.fromhex(oid)) for stamp, oid in self._known.values())
            with contextlib.suppress(OSError):
                write_atomically(self.path, _boot() + records, mode=0o600)
                self._news = False

    def forget_all_but(self, looks: Iterable[Look]) -> None:
        """Inodes that no release has any more."""
        held = {seen.stamp.inode for look in looks for seen in look.values()}
        self._news = self._news or not self._known.keys() <= held
        self._known = {inode: known for inode, known in self._known.items() if inode in held}


def _load(path: Path) -> dict[int, tuple[Stamp, str]]:
    try:
        data, boot = path.read_bytes(), _boot()
    except OSError:
        return {}
    if not boot or not data.startswith(boot) or (len(data) - len(boot)) % RECORD.size:
        return {}
    return {record[1]: (Stamp(*record[:8]), record[8].hex()) for record in RECORD.iter_unpack(memoryview(data)[len(boot) :])}


def _boot() -> bytes:
    return BOOT.read_bytes() if BOOT.exists() else b""
