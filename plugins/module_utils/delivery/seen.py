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


class Seen(t.NamedTuple):
    entry: Entry
    status: os.stat_result


class Look(dict[str, Seen]):
    """The files that were seen, by their path, and beside them the directories; the one that was looked into is named by nothing."""

    def __init__(self, files: Iterable[tuple[str, Seen]] = ()) -> None:
        super().__init__(files)
        self.directories: dict[str, os.stat_result] = {}


def stamp_of(status: os.stat_result) -> bytes:
    return STAMP.pack(
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

    def recall(self, status: os.stat_result) -> str | None:
        """The id of the content of a file, where the stamp that it bears is known."""
        stamp = stamp_of(status)
        oid = self._known.get(stamp)
        if oid is None and status.st_ino in self._renamed and status.st_ino not in self._doubtful:
            before = self._before(status.st_ino)
            if before and before[:-CTIME] == stamp[:-CTIME]:
                oid = self._known[before]
                self._keep(stamp, status.st_ino, oid)
        return oid.hex() if oid else None

    def learn(self, status: os.stat_result, oid: str) -> None:
        if abs(time.time_ns() - status.st_ctime_ns) > SETTLED:
            self._keep(stamp_of(status), status.st_ino, bytes.fromhex(oid))
        else:
            self._doubtful.add(status.st_ino)

    def _keep(self, stamp: bytes, inode: int, oid: bytes) -> None:
        self._known[stamp] = oid
        if self._last is not None:
            self._last[inode] = stamp
        self._news = True

    def _before(self, inode: int) -> bytes | None:
        if self._last is None:
            self._last = {STAMP.unpack(stamp)[1]: stamp for stamp in self._known}
        return self._last.get(inode)

    def save(self) -> None:
        """They spare work and say nothing that could not be read again: a full disk is no reason to fail."""
        if self.path and self._news:
            records = b"".join(stamp + oid for stamp, oid in self._known.items())
            with contextlib.suppress(OSError):
                write_atomically(self.path, _boot() + records, mode=0o600)
                self._news = False

    def forget_all_but(self, looks: Iterable[Look]) -> None:
        """Inodes that no release has any more, and stamps that they bore before."""
        held = {seen.status.st_ino for look in looks for seen in look.values()}
        last = (self._before(inode) for inode in held)
        kept = {stamp: self._known[stamp] for stamp in last if stamp}
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
