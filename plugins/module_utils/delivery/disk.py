# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Release directories: made equal to a tree, sealed, removed."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import MoodleError
from ..common.process import run
from .looks import parent_of
from .seen import Look, Notes, entries
from .trees import EXECUTABLE, SYMLINK, Entry, Files, drift_of

FILE_MODE, EXECUTABLE_MODE, DIRECTORY_MODE, OPEN_DIRECTORY_MODE = 0o444, 0o555, 0o555, 0o755


@dataclass(frozen=True)
class Ownership:
    """The user and group that a release belongs to; None leaves what is."""

    uid: int | None = None
    gid: int | None = None

    def fits(self, status: os.stat_result) -> bool:
        return self.uid in (None, status.st_uid) and self.gid in (None, status.st_gid)

    def give(self, file: str | Path | int) -> None:
        """``file`` is a path, or the handle of one that is open."""
        if self.uid is not None or self.gid is not None:
            uid, gid = -1 if self.uid is None else self.uid, -1 if self.gid is None else self.gid
            if isinstance(file, int):
                os.fchown(file, uid, gid)
            else:
                os.lchown(file, uid, gid)


class Blobs(t.Protocol):
    """Where the contents of files come from, and how large they are."""

    def contents(self, oids: Iterable[str]) -> Iterator[bytes]: ...

    def sizes(self, oids: Iterable[str]) -> Iterator[int]: ...


@dataclass(frozen=True)
class Source:
    """A release whose unchanged files need not be written again, and what was seen of it."""

    directory: Path
    look: Look
    notes: Notes


def make_equal(
    directory: Path,
    wanted: Files,
    found: Look,
    *,
    blobs: Blobs,
    owner: Ownership,
    source: Source | None,
    notes: Notes,
    more: Collection[str] = (),
) -> set[str]:
    """Bring ``directory``, in which ``found`` lies, to ``wanted``, open it for ``more`` files, and say which directories were touched.

    Files that the ``source`` holds with the same content are hard links to it. Files are never written in place:
    what must change is removed first, so that no other release changes through a shared inode.
    """
    drift = drift_of(wanted, entries(found))
    root = f"{directory}/"
    spoilt = [path for path in unsealed(found, owner, {}) if path in wanted and found[path].entry == wanted[path]]
    gone = (*drift.modified, *drift.unexpected, *spoilt)
    needed = sorted((*drift.missing, *drift.modified, *spoilt))
    held = _with_parents(map(parent_of, (*wanted, *more)))
    empty = sorted(found.directories.keys() - held, reverse=True)  # Git knows none, and Moodle takes one for a broken plugin
    touched = _with_parents((*map(parent_of, (*gone, *needed, *more)), *empty))
    for path in sorted(touched & found.directories.keys()):
        os.chmod(root + path, OPEN_DIRECTORY_MODE)  # noqa: PTH101 - text, many thousands, here and below
    for path in gone:
        notes.renamed(found[path].status.st_ino)
        os.unlink(root + path)  # noqa: PTH108
    for path in empty:  # a file may be wanted where a directory was
        os.rmdir(root + path)  # noqa: PTH106
    for path in sorted(touched - found.directories.keys()):
        with contextlib.suppress(FileExistsError):
            os.mkdir(root + path, OPEN_DIRECTORY_MODE)  # noqa: PTH102
    written = [path for path in needed if not (source and _linked(root, path, wanted[path], source, owner))]
    _make_sure_of_room(directory, blobs.sizes(wanted[path].oid for path in written))
    for path, content in zip(written, blobs.contents(wanted[path].oid for path in written)):
        write(root + path, wanted[path].mode, content, owner, sealed_mode(wanted[path]))
    return touched


def _with_parents(directories: Iterable[str]) -> set[str]:
    """Each with all that it lies in, up to the one that is named by nothing.

    Those that are made get their owner when the release is sealed: until then nobody else puts a link in the way of what is written.
    """
    found = {""}
    for directory in set(directories):
        path = directory
        while path not in found:
            found.add(path)
            path = parent_of(path)
    return found


def _make_sure_of_room(directory: Path, sizes: Iterable[int]) -> None:
    """Before the first byte: a disk that is full in the middle stops everything else that writes there."""
    disk, files, needed = os.statvfs(directory), 0, 0
    for size in sizes:
        files += 1
        needed += -(-size // disk.f_frsize) * disk.f_frsize
    if needed > disk.f_bavail * disk.f_frsize:
        free = disk.f_bavail * disk.f_frsize
        raise MoodleError(
            f"{directory} needs {needed / 1e6:,.1f} MB, and {free / 1e6:,.1f} MB are free there: No space left, nothing was switched."
        )
    if disk.f_files and files > disk.f_favail:
        raise MoodleError(f"{directory} needs {files} inodes, and {disk.f_favail} are free there: No space left, nothing was switched.")


def _linked(root: str, path: str, entry: Entry, source: Source, owner: Ownership) -> bool:
    seen = source.look.get(path)
    if seen is None or seen.entry != entry or entry.mode == SYMLINK or not _sealed(seen.status, sealed_mode(entry), owner):
        return False
    source.notes.renamed(seen.status.st_ino)
    try:
        os.link(f"{source.directory}/{path}", root + path)
    except OSError:  # another file system, or too many links: a copy is as good
        return False
    return True


def write(path: str, kind: str, content: bytes, owner: Ownership, mode: int) -> None:
    """A new file or link; a file has its owner and mode before it has content that others must not read."""
    if kind == SYMLINK:
        os.symlink(content, path)  # noqa: PTH211
        owner.give(path)
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb", buffering=0) as file:
        owner.give(handle)
        os.fchmod(handle, mode)
        written = file.write(content)
        while written < len(content):  # a full disk takes a part first
            written += file.write(content[written:])


def sealed_mode(entry: Entry) -> int:
    return EXECUTABLE_MODE if entry.mode == EXECUTABLE else FILE_MODE


def _sealed(status: os.stat_result, mode: int, owner: Ownership) -> bool:
    return stat.S_IMODE(status.st_mode) == mode and owner.fits(status)


def unsealed(look: Look, owner: Ownership, modes: Mapping[str, int]) -> list[str]:
    """The files that lack their mode or owner; a hard link's other end may have changed them. Some have ``modes`` of their own."""
    return [
        path
        for path, (entry, status) in look.items()
        if entry.mode != SYMLINK and not _sealed(status, modes[path] if path in modes else sealed_mode(entry), owner)
    ]


def seal(directory: Path, look: Look, owner: Ownership) -> None:
    """Nobody writes here any more, the owner included; files got their mode when they were made."""
    for path, status in look.directories.items():
        if not _sealed(status, DIRECTORY_MODE, owner):
            owner.give(f"{directory}/{path}")
            os.chmod(f"{directory}/{path}", DIRECTORY_MODE)  # noqa: PTH101


def settle(directory: Path) -> None:
    """Let what was written reach the disk: after a power cut, a name that is there must not stand for empty files."""
    run(["sync", "-f", str(directory)])


def _directories(directory: Path) -> list[str]:
    """It and all below it, each before those that it holds."""
    found = [str(directory)]
    for path in found:
        with os.scandir(path) as items:
            found += [item.path for item in items if item.is_dir(follow_symlinks=False)]
    return found


def remove(directory: Path, notes: Notes) -> None:
    """Remove a release, sealed or not; nothing outside of it is followed or touched."""
    if directory.is_symlink() or directory.is_file():
        directory.unlink()
    if not directory.exists():
        return
    found = _directories(directory)
    for path in found:
        os.chmod(path, 0o700)  # noqa: PTH101
    for path in reversed(found):
        with os.scandir(path) as items:
            leaves = [(item.path, item.inode()) for item in items if not item.is_dir(follow_symlinks=False)]
        for leaf, inode in leaves:
            notes.renamed(inode)
            os.unlink(leaf)  # noqa: PTH108
        os.rmdir(path)  # noqa: PTH106


def size_of(look: Look) -> int:
    """The bytes of all files; what hard links share with other releases is counted here too."""
    return sum(seen.status.st_size for seen in look.values())
