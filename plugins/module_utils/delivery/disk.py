# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Release directories: made equal to a tree, sealed, removed."""

from __future__ import annotations

import contextlib
import os
import typing as t
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from ..common.errors import MoodleError
from ..common.process import run
from .seen import LINK, NO_STAMP, Look, Proofs, Stamp, stamp_of
from .trees import EXECUTABLE, SYMLINK, Entry, Files

FILE_MODE, EXECUTABLE_MODE, DIRECTORY_MODE, OPEN_DIRECTORY_MODE = 0o444, 0o555, 0o555, 0o755


@dataclass(frozen=True)
class Ownership:
    """The user and group that a release belongs to; None leaves what is."""

    uid: int | None = None
    gid: int | None = None

    def fits(self, uid: str, gid: str) -> bool:
        return self.uid in (None, int(uid)) and self.gid in (None, int(gid))

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


def clear(directory: Path, found: Look, keep: dict[str, str], coming: Collection[str], proofs: Proofs) -> Look:
    """Take away all files but those to ``keep``, and make and open the directories for those that are ``coming``.

    Files are never written in place: what must change is removed first, so that no other release changes through a shared inode.
    Returns what is left as it was, and all directories; those that are open now without a stamp.
    """
    root = f"{directory}/"
    gone = sorted(found.files.keys() - keep.keys())
    wanted = _with_parents({path.rpartition("/")[0] for path in chain(keep, coming)})
    empty = sorted(found.directories.keys() - wanted, reverse=True)  # Git knows none, and Moodle takes one for a broken plugin
    touched = {*_with_parents({path.rpartition("/")[0] for path in chain(gone, coming, empty)}), *empty}
    for path in sorted(touched & found.directories.keys()):
        os.chmod(root + path, OPEN_DIRECTORY_MODE)  # noqa: PTH101 - text, many thousands, here and below
    for path in gone:
        proofs.unlink(root + path, path, found.files[path].partition(" ")[0])
    for path in empty:  # a file may be wanted where a directory was
        os.rmdir(root + path)  # noqa: PTH106
    for path in sorted((touched & wanted) - found.directories.keys()):
        with contextlib.suppress(FileExistsError):
            os.mkdir(root + path, OPEN_DIRECTORY_MODE)  # noqa: PTH102
    directories = {path: NO_STAMP if path in touched else found.directories[path] for path in wanted}
    return Look(keep, directories)


def link(source: Path, directory: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Give files of another release, with these stamps, a name in this one as well; their stamps since. Of all others a copy is as good."""
    linked, original, new = {}, f"{source}/", f"{directory}/"
    for path, stamp in files.items():
        with contextlib.suppress(OSError):  # another file system, or too many links
            if stamp_of(os.lstat(original + path)) == stamp:  # otherwise it was written to since it was looked at
                os.link(original + path, new + path, follow_symlinks=False)
                linked[path] = stamp_of(os.lstat(new + path))
    return linked


def fill(directory: Path, files: Files, blobs: Blobs, owner: Ownership) -> None:
    """Write new files with what Git has for them."""
    paths = sorted(files)
    _make_sure_of_room(directory, blobs.sizes(files[path].oid for path in paths))
    for path, content in zip(paths, blobs.contents(files[path].oid for path in paths)):
        write(f"{directory}/{path}", files[path].mode, content, owner, sealed_mode(files[path]))


def _with_parents(directories: Iterable[str]) -> set[str]:
    """Each with all that it lies in, up to the one that is named by nothing.

    Those that are made get their owner when the release is sealed: until then nobody else puts a link in the way of what is written.
    """
    found = {""}
    for directory in set(directories):
        path = directory
        while path not in found:
            found.add(path)
            path = path.rpartition("/")[0]
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


def sealed(stamp: Stamp, mode: int, owner: Ownership) -> bool:
    """Whether a file has its mode and owner; a hard link's other end may have changed them. A link has no mode of its own."""
    return (stamp.kind == LINK or int(stamp.mode, 8) == mode) and owner.fits(stamp.uid, stamp.gid)


def seal(directory: Path, look: Look, owner: Ownership) -> None:
    """Nobody writes here any more, the owner included; files got their mode when they were made."""
    for path, stamp in look.directories.items():
        if not _shut(stamp, owner):
            owner.give(f"{directory}/{path}")
            os.chmod(f"{directory}/{path}", DIRECTORY_MODE)  # noqa: PTH101


def _shut(stamp: str, owner: Ownership) -> bool:
    """Whether a directory is sealed; nothing is known of one without a stamp."""
    if stamp == NO_STAMP:
        return False
    mode, uid, gid, _rest = stamp.split(" ", 3)
    return mode == f"/{DIRECTORY_MODE:o}" and owner.fits(uid, gid)


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


def remove(directory: Path, proofs: Proofs) -> None:
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
            proofs.unlink(leaf, leaf[len(found[0]) + 1 :], str(inode))
        os.rmdir(path)  # noqa: PTH106
