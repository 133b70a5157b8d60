# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What releases were proved to be: the stamp that each file bore when it was found to be what its commit says.

As long as it bears the same it need not be read again. Any write, chmod or chown, through whatever name of the file, moves its
ctime, and no user can set that back: mtime alone would not do. What was written shortly before it was read is read once more by
the next call, for a second write in the same tick of the clock would leave the same stamp. After a restart of the host every file
is read anew, for a power cut may take contents away that the stamps still promise.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import tempfile
import time
import typing as t
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

from .layout import Layout
from .memory import Release

SETTLED = 2_000_000_000  # nanoseconds; the coarsest clocks of file systems tick every other second
BOOT = Path("/proc/sys/kernel/random/boot_id")
FILE, LINK = "f", "l"
_KINDS = {stat.S_IFREG: FILE, stat.S_IFLNK: LINK}
_CHECKSUM = 20
_FORMAT = 2  # of what is kept; what was kept in another one proves nothing
NO_STAMP = ""  # of a file that has to be read again


class Stamp(t.NamedTuple):
    """As `find` prints it; the ctime comes last, for hard links move that alone."""

    inode: str
    device: str
    size: str
    mode: str
    uid: str
    gid: str
    kind: str
    mtime: str
    ctime: str

    @classmethod
    def of(cls, text: str) -> Stamp:
        return cls(*text.split(" "))

    def settled(self) -> bool:
        seconds, _dot, fraction = self.ctime.partition(".")
        return abs(time.time_ns() - int(seconds) * 10**9 - int(fraction[:9])) > SETTLED


def stamp_of(status: os.stat_result) -> str:
    """The same as `find` prints."""
    mtime, ctime = (f"{ns // 10**9}.{ns % 10**9:09d}0" for ns in (status.st_mtime_ns, status.st_ctime_ns))
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "?")
    mode = stat.S_IMODE(status.st_mode)
    return f"{status.st_ino} {status.st_dev} {status.st_size} {mode:o} {status.st_uid} {status.st_gid} {kind} {mtime} {ctime}"


@dataclass(frozen=True)
class Look:
    """What lies in a directory: the stamp of each file, and of each directory its mode, user and group; its own has no name."""

    files: dict[str, str] = field(default_factory=dict)
    directories: dict[str, str] = field(default_factory=dict)

    def size(self) -> int:
        """The bytes of all files; what hard links share with other releases is counted here too."""
        return sum(int(stamp.split(" ", 3)[2]) for stamp in self.files.values())


@dataclass
class Proof:
    """Every file that the release must hold, and its stamp where it was proved to be right, sealed and given to its owner.

    Without a release there is nothing that anything could be compared with.
    """

    release: Release | None = None
    files: dict[str, str] = field(default_factory=dict)
    fresh: frozenset[str] = frozenset()  # written so shortly before they were read that their stamps prove nothing

    def leaves(self, files: Mapping[str, str], changed: Collection[str]) -> dict[str, str]:
        """Those of the files that are not by their stamps what was proved to be right, or that the proof says nothing about."""
        proved, fresh = self.files.get, self.fresh
        return {path: stamp for path, stamp in files.items() if proved(path) != stamp or path in fresh or path in changed}


class Proofs:
    """Kept beside the releases. They spare work and say nothing that could not be read again."""

    def __init__(self, layout: Layout, owner: tuple[int | None, int | None] | None) -> None:
        """Without an ``owner`` nothing is taken on trust, and nothing is kept."""
        self.layout = layout
        self.owner = owner
        self.served = Proof()
        self._known: dict[str, Proof] = {}
        self._news: set[str] = set()
        self._renamed: set[str] = set()

    def of(self, release: Release) -> Proof | None:
        known = self._known.get(release.id) or self._load(release)
        if known is None or known.release is None or not known.release.same_content(release):
            return None
        self._known[release.id] = known
        return known

    def put(self, proof: Proof) -> None:
        if proof.release is not None:
            before = self._known.get(proof.release.id, Proof())
            if (proof.files, proof.fresh) != (before.files, before.fresh):
                self._news.add(proof.release.id)
            self._known[proof.release.id] = proof

    def renamed(self, inode: int | str) -> None:
        """This call gives the file another name, or takes one away: that moves its ctime and leaves all else as it was."""
        self._renamed.add(str(inode))

    def refresh(self) -> None:
        """Follow the ctimes that this call has moved. What differs in more has to be read again."""
        for name, proof in self._known.items() if self._renamed else ():
            directory = self.layout.release(name)
            root = directory if directory.is_dir() else self.layout.partial(name)
            moved = [path for path, stamp in proof.files.items() if stamp.partition(" ")[0] in self._renamed]
            for path in moved:
                with contextlib.suppress(OSError):
                    stamp = stamp_of(os.lstat(f"{root}/{path}"))
                    if stamp.rpartition(" ")[0] == proof.files[path].rpartition(" ")[0]:
                        proof.files[path] = stamp
            if moved:
                self._news.add(name)
        self._renamed.clear()

    def save(self) -> None:
        """A full disk is no reason to fail. Nothing waits for the disk: after a power cut all is read anyway."""
        self.refresh()
        for name in self._news if self.owner else ():
            proof = self._known[name]
            stamps = {**proof.files, **dict.fromkeys(proof.fresh, NO_STAMP)}
            words = (self._heading(t.cast(Release, proof.release)), *chain.from_iterable(stamps.items()), "")
            data = "\0".join(words).encode(errors="surrogateescape")
            with contextlib.suppress(OSError):
                self._write(self.layout.seen / name, _checksum(data) + data)
        self._news.clear()

    def forget_all_but(self, names: Collection[str]) -> None:
        for name in self._known.keys() - set(names):
            del self._known[name]
            self._news.discard(name)
        with contextlib.suppress(OSError):
            for file in self.layout.seen.iterdir():
                if file.name not in names:
                    file.unlink()

    def _heading(self, release: Release) -> str:
        """What the stamps depend on."""
        rendered = {path: asdict(file) for path, file in release.rendered.items()}
        return json.dumps([_FORMAT, _boot(), release.tree, rendered, self.owner], sort_keys=True)

    def _load(self, release: Release) -> Proof | None:
        if self.owner is None:
            return None
        try:
            found = (self.layout.seen / release.id).read_bytes()
        except OSError:
            return None
        checksum, data = found[:_CHECKSUM], found[_CHECKSUM:]
        heading = f"{self._heading(release)}\0".encode(errors="surrogateescape")
        if not _boot() or checksum != _checksum(data) or not data.startswith(heading):
            return None
        return Proof(release, stamps_in(data[len(heading) :].decode(errors="surrogateescape")))

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def stamps_in(listed: str) -> dict[str, str]:
    """Each path and its stamp, of words that all end with a null: no name holds one."""
    words = listed.split("\0")
    return dict(zip(words[::2], words[1::2]))


def _checksum(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _boot() -> str:
    return BOOT.read_text(encoding="utf-8") if BOOT.exists() else ""
