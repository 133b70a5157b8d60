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
STAMP, CTIME = struct.Struct("<8q"), 8
RECORD = struct.Struct(f"{STAMP.size}s20s")


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
    """The ids of contents by the stamps of their files. Without a file nothing is taken on trust and nothing is kept."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._known: dict[bytes, bytes] = _load(path) if path else {}  # packed: there are many thousands
        self._last: dict[int, bytes] | None = None  # the stamp that each inode bore last, asked for by few calls
        self._renamed: set[int] = set()
        self._doubtful: set[int] = set()
        self._news = False

    def renamed(self, inode: int) -> None:
        """This call gives the file another name, or takes one away: that moves its ctime and leaves all else as it was."""
        self._renamed.add(inode)

    def has_renamed(self, inode: int) -> bool:
        return inode in self._renamed

    def recall(self, stamp: Stamp) -> str | None:
        """The id of the content of the file that bears this stamp, where that is known."""
        key = STAMP.pack(*stamp)
        oid = self._known.get(key)
        if oid is None and stamp.inode in self._renamed and stamp.inode not in self._doubtful:
            before = self._before(stamp.inode)
            if before and before[:-CTIME] == key[:-CTIME]:
                oid = self._known[before]
                self._keep(key, stamp.inode, oid)
        return oid.hex() if oid else None

    def learn(self, stamp: Stamp, oid: str) -> None:
        if abs(time.time_ns() - stamp.ctime) > SETTLED:
            self._keep(STAMP.pack(*stamp), stamp.inode, bytes.fromhex(oid))
        else:
            self._doubtful.add(stamp.inode)

    def _keep(self, key: bytes, inode: int, oid: bytes) -> None:
        self._known[key] = oid
        if self._last is not None:
            self._last[inode] = key
        self._news = True

    def _before(self, inode: int) -> bytes | None:
        if self._last is None:
            self._last = {STAMP.unpack(key)[1]: key for key in self._known}
        return self._last.get(inode)

    def save(self) -> None:
        """They spare work and say nothing that could not be read again: a full disk is no reason to fail."""
        if self.path and self._news:
            records = b"".join(key + oid for key, oid in self._known.items())
            with contextlib.suppress(OSError):
                write_atomically(self.path, _boot() + records, mode=0o600)
                self._news = False

    def forget_all_but(self, looks: Iterable[Look]) -> None:
        """Inodes that no release has any more, and stamps that they bore before."""
        held = {seen.stamp.inode for look in looks for seen in look.values()}
        last = (self._before(inode) for inode in held)
        kept = {key: self._known[key] for key in last if key}
        self._news = self._news or len(kept) != len(self._known)
        self._known, self._last = kept, None


def _load(path: Path) -> dict[bytes, bytes]:
    try:
        data, boot = path.read_bytes(), _boot()
    except OSError:
        return {}
    if not boot or not data.startswith(boot) or (len(data) - len(boot)) % RECORD.size:
        return {}
    return dict(RECORD.iter_unpack(memoryview(data)[len(boot) :]))


def _boot() -> bytes:
    return BOOT.read_bytes() if BOOT.exists() else b""
