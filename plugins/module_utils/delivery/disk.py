# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Release directories: read, made equal to a tree, sealed, removed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import typing as t
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import MoodleError
from ..common.process import run
from .seen import Look, Notes, Seen, Stamp, stamp_of
from .trees import EXECUTABLE, REGULAR, SYMLINK, Entry, Files, drift_of

SPECIAL, NOTHING = "special", 40 * "0"
FILE_MODE, EXECUTABLE_MODE, DIRECTORY_MODE, OPEN_DIRECTORY_MODE = 0o444, 0o555, 0o555, 0o755


@dataclass(frozen=True)
class Ownership:
    """The user and group that a release belongs to; None leaves what is."""

    uid: int | None = None
    gid: int | None = None

    def fits(self, stamp: Stamp) -> bool:
        return self.uid in (None, stamp.uid) and self.gid in (None, stamp.gid)

    def give(self, file: str | Path | int) -> None:
        """``file`` is a path, or the handle of one that is open."""
        if self.uid is not None or self.gid is not None:
            uid, gid = -1 if self.uid is None else self.uid, -1 if self.gid is None else self.gid
            if isinstance(file, int):
                os.fchown(file, uid, gid)
            else:
                os.lchown(file, uid, gid)


def scan(directory: Path, notes: Notes, leave: Container[str] = ()) -> dict[str, Seen]:
    """Every file below ``directory`` as Git would name it; what the notes do not know is read. Names to ``leave`` are passed by."""
    found: dict[str, Seen] = {}
    root = f"{directory}/"
    for path, status in _walk(root, leave):
        stamp = stamp_of(status)
        oid = notes.recall(stamp)
        if oid is None:
            oid = _hashed(root + path, stamp.mode)
            notes.learn(stamp, oid)
        found[path] = Seen(Entry(_git_mode(stamp.mode), oid), stamp)
    return found


def _walk(root: str, leave: Container[str] = ()) -> Iterator[tuple[str, os.stat_result]]:
    pending = [""]
    while pending:
        prefix = pending.pop()
        with os.scandir(root + prefix) as items:
            for item in items:
                if item.name in leave:
                    continue
                if item.is_dir(follow_symlinks=False):
                    pending.append(f"{prefix}{item.name}/")
                else:
                    yield prefix + item.name, item.stat(follow_symlinks=False)


def _hashed(path: str, mode: int) -> str:
    """Its stamp was taken before: whatever is written from now on leaves another one."""
    if stat.S_ISLNK(mode):
        return blob_id(os.fsencode(os.readlink(path)))  # noqa: PTH115
    if not stat.S_ISREG(mode):
        return NOTHING
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb", buffering=0) as file:
        return blob_id(file.read())


def _git_mode(mode: int) -> str:
    if stat.S_ISREG(mode):
        return EXECUTABLE if mode & stat.S_IXUSR else REGULAR
    return SYMLINK if stat.S_ISLNK(mode) else SPECIAL


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


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
    found: Files,
    *,
    blobs: Blobs,
    owner: Ownership,
    source: Source | None,
    notes: Notes,
) -> None:
    """Bring ``directory``, in which ``found`` lies, to ``wanted``.

    Files that the ``source`` holds with the same content are hard links to it. Files are never written in place:
    what must change is removed first, so that no other release changes through a shared inode.
    """
    drift = drift_of(wanted, found)
    root = f"{directory}/"
    if found:
        _open(directory)
    for path in (*drift.modified, *drift.unexpected):
        notes.renamed(os.lstat(root + path).st_ino)
        os.unlink(root + path)  # noqa: PTH108 - text, many thousands, here and below
    if found:
        _remove_empty(directory, wanted)  # a file may be wanted where a directory was
    needed = sorted((*drift.missing, *drift.modified))
    _make_parents(root, needed)
    written = [path for path in needed if not (source and _linked(root, path, wanted[path], source, owner))]
    _make_sure_of_room(directory, blobs.sizes(wanted[path].oid for path in written))
    for path, content in zip(written, blobs.contents(wanted[path].oid for path in written)):
        _write(root + path, wanted[path].mode, content, owner)


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


def _make_parents(root: str, paths: Iterable[str]) -> None:
    """They get their owner when the release is sealed: until then nobody else puts a link in the way of what is written."""
    there = {""}

    def make(parent: str) -> None:
        if parent not in there:
            make(os.path.dirname(parent))  # noqa: PTH120
            there.add(parent)
            with contextlib.suppress(FileExistsError):
                os.mkdir(root + parent, OPEN_DIRECTORY_MODE)  # noqa: PTH102

    for path in paths:
        make(os.path.dirname(path))  # noqa: PTH120


def _linked(root: str, path: str, entry: Entry, source: Source, owner: Ownership) -> bool:
    seen = source.look.get(path)
    if seen is None or seen.entry != entry or entry.mode == SYMLINK or not _sealed(seen.stamp, sealed_mode(entry), owner):
        return False
    source.notes.renamed(seen.stamp.inode)
    try:
        os.link(f"{source.directory}/{path}", root + path)
    except OSError:  # another file system, or too many links: a copy is as good
        return False
    return True


def _write(path: str, mode: str, content: bytes, owner: Ownership) -> None:
    if mode == SYMLINK:
        os.symlink(content, path)  # noqa: PTH211
        owner.give(path)
        return
    write_file(path, content, sealed_mode(Entry(mode, "")), owner)


def write_file(path: str, content: bytes, mode: int, owner: Ownership) -> None:
    """A new file; it has its owner and mode before it has content that others must not read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb", buffering=0) as file:
        owner.give(handle)
        os.fchmod(handle, mode)
        written = file.write(content)
        while written < len(content):  # a full disk takes a part first
            written += file.write(content[written:])


def sealed_mode(entry: Entry) -> int:
    return EXECUTABLE_MODE if entry.mode == EXECUTABLE else FILE_MODE


def _sealed(stamp: Stamp, mode: int, owner: Ownership) -> bool:
    return stat.S_IMODE(stamp.mode) == mode and owner.fits(stamp)


def is_sealed(look: Look, modes: Mapping[str, int], owner: Ownership) -> bool:
    """Whether each file has its mode and owner still; a hard link's other end may have changed them."""
    return all(_sealed(look[path].stamp, mode, owner) for path, mode in modes.items())


def _open(directory: Path) -> None:
    for path in _directories(directory):
        os.chmod(path, OPEN_DIRECTORY_MODE)  # noqa: PTH101


def seal(directory: Path, owner: Ownership) -> None:
    """Nobody writes here any more, the owner included; files got their mode when they were made."""
    for path in _directories(directory):
        owner.give(path)
        os.chmod(path, DIRECTORY_MODE)  # noqa: PTH101


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


def _remove_empty(directory: Path, wanted: Files) -> None:
    """Git knows no empty directories, and Moodle takes one for a broken plugin."""
    needed = {""}
    for path in wanted:
        parent = os.path.dirname(path)  # noqa: PTH120
        while parent not in needed:
            needed.add(parent)
            parent = os.path.dirname(parent)  # noqa: PTH120
    for found in reversed(_directories(directory)[1:]):
        if os.path.relpath(found, directory) not in needed and not os.listdir(found):  # noqa: PTH208
            os.rmdir(found)  # noqa: PTH106


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
    return sum(seen.stamp.size for seen in look.values())
