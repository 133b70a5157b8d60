# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What releases were proved to be: the stamp that each file bore when it was found to be what its commit says.

As long as it bears the same it need not be read again. Any write, chmod or chown, through whatever name of the file, moves its
ctime, and no user can set that back: mtime alone would not do. What was written shortly before it was read is read once more by
the next call, for a second write in the same tick of the clock would leave the same stamp. After a restart of the host every file
is read anew, for a power cut may take contents away that the stamps still promise.

A directory's stamp moves with every name that comes, goes or is given to another file: while it is the same, so are they.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
import time
import typing as t
import zlib
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
_CHECKSUM = 4
_FORMAT = 4  # of what is kept; what was kept in another one proves nothing
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


def is_same_file(one: str, other: str) -> bool:
    """Whether both stamps are of one inode."""
    return one.split(" ", 2)[:2] == other.split(" ", 2)[:2]


def stamp_of(status: os.stat_result) -> str:
    """The same as `find` prints."""
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "?")
    mode, times = stat.S_IMODE(status.st_mode), _times(status)
    return f"{status.st_ino} {status.st_dev} {status.st_size} {mode:o} {status.st_uid} {status.st_gid} {kind} {times}"


def directory_stamp_of(status: os.stat_result) -> str:
    """The same as `find` prints; mode, user and group come first."""
    return f"/{stat.S_IMODE(status.st_mode):o} {status.st_uid} {status.st_gid} {status.st_ino} {status.st_dev} {_times(status)}"


def _times(status: os.stat_result) -> str:
    return f"{_moment(status.st_mtime_ns)} {_moment(status.st_ctime_ns)}"


def _moment(nanoseconds: int) -> str:
    return f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}0"


@dataclass(frozen=True)
class Look:
    """What lies in a directory: the stamps of all files and of all directories; its own has no name."""

    files: dict[str, str] = field(default_factory=dict)
    directories: dict[str, str] = field(default_factory=dict)
    since: int = 0  # when it began

    @classmethod
    def of(cls, listed: str, since: int = 0) -> Look:
        """Of each path and its stamp, which all end with a null: no name holds one. Those of directories begin with a slash."""
        words = listed.split("\0")
        found = dict(zip(words[::2], words[1::2]))
        directories = {path: stamp for path, stamp in found.items() if stamp[:1] == "/"}
        for path in directories:
            del found[path]
        return cls(found, directories, since)

    def listed(self) -> str:
        return "\0".join((*chain.from_iterable(self.files.items()), *chain.from_iterable(self.directories.items()), ""))

    def names_are_settled(self) -> bool:
        """Whether all directories have stamps, and no name came or went so shortly before the look that these prove nothing."""
        latest = _moment(self.since - SETTLED)
        return all(stamp and stamp.rpartition(" ")[2] < latest for stamp in self.directories.values())

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
    directories: dict[str, str] = field(default_factory=dict)  # of a release whose files were all right: they hold those and no others

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

    def of(self, release: Release) -> Proof | None:
        known = self._known.get(release.id) or self._load(release)
        if known is None or known.release is None or not known.release.same_content(release):
            return None
        self._known[release.id] = known
        return known

    def put(self, proof: Proof) -> None:
        if proof.release is not None:
            if proof != self._known.get(proof.release.id):
                self._news.add(proof.release.id)
            self._known[proof.release.id] = proof

    def unlink(self, file: str, path: str, inode: str) -> None:
        """Take a name away. Releases that have the file under the same one see its ctime move: where nothing else did, it is right."""
        sharing = [proof for proof in self._known.values() if proof.files.get(path, NO_STAMP).partition(" ")[0] == inode]
        before = stamp_of(os.lstat(file)) if sharing else NO_STAMP
        os.unlink(file)  # noqa: PTH108 - text, many thousands
        for proof in sharing:
            if proof.files[path] == before:
                self.follow(proof, {path: self._stamp(proof, path)})

    def follow(self, proof: Proof, moved: Mapping[str, str]) -> None:
        """Take the stamps of files that have just got or lost a name; where more than the ctime has moved they have to be read again."""
        for path, stamp in moved.items():
            if proof.release and stamp.rpartition(" ")[0] == proof.files[path].rpartition(" ")[0]:
                proof.files[path] = stamp
                self._news.add(proof.release.id)

    def _stamp(self, proof: Proof, path: str) -> str:
        release = t.cast(Release, proof.release).id
        for directory in (self.layout.release(release), self.layout.partial(release)):
            with contextlib.suppress(OSError):
                return stamp_of(os.lstat(f"{directory}/{path}"))
        return NO_STAMP

    def save(self) -> None:
        """A full disk is no reason to fail. Nothing waits for the disk: after a power cut all is read anyway."""
        for name in self._news if self.owner else ():
            proof = self._known[name]
            known = Look({**proof.files, **dict.fromkeys(proof.fresh, NO_STAMP)}, proof.directories)
            data = f"{self._heading(t.cast(Release, proof.release))}\0{known.listed()}".encode(errors="surrogateescape")
            with contextlib.suppress(OSError):
                self._write(self.layout.seen / name, _checksum(data) + data)
        self._news.clear()

    def forget(self, name: str) -> None:
        """This call tells nothing more of it; what is kept of it goes when it is described no more."""
        self._known.pop(name, None)
        self._news.discard(name)

    def forget_all_but(self, names: Collection[str]) -> None:
        for name in self._known.keys() - set(names):
            self.forget(name)
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
        known = Look.of(data[len(heading) :].decode(errors="surrogateescape"))
        return Proof(release, known.files, directories=known.directories)

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


def _checksum(data: bytes) -> bytes:
    """Against a disk that lost a part of it, not against root, who alone can write there."""
    return zlib.crc32(data).to_bytes(_CHECKSUM, "big")


def _boot() -> str:
    return BOOT.read_text(encoding="utf-8") if BOOT.exists() else ""
