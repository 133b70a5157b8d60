# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Release directories: read, made equal to a tree, sealed, removed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..common.process import run
from .trees import EXECUTABLE, REGULAR, SYMLINK, Drift, Entry, Files

FILE_MODE, EXECUTABLE_MODE, DIRECTORY_MODE, OPEN_DIRECTORY_MODE = 0o444, 0o555, 0o555, 0o755


@dataclass(frozen=True)
class Ownership:
    """The user and group that a release belongs to; None leaves what is."""

    uid: int | None = None
    gid: int | None = None

    def fits(self, status: os.stat_result) -> bool:
        return self.uid in (None, status.st_uid) and self.gid in (None, status.st_gid)

    def give(self, path: Path) -> None:
        if self.uid is not None or self.gid is not None:
            os.chown(path, -1 if self.uid is None else self.uid, -1 if self.gid is None else self.gid, follow_symlinks=False)


def scan(directory: Path, skip: Iterable[str] = ()) -> dict[str, Entry]:
    """Every file below ``directory`` as Git would name it: read and hashed, no time stamp is trusted."""
    left = set(skip)
    return {path: _entry(directory / path) for path in _walk(directory) if path not in left}


def _walk(directory: Path) -> Iterator[str]:
    pending = [""]
    while pending:
        prefix = pending.pop()
        with os.scandir(directory / prefix) as entries:
            for entry in entries:
                path = f"{prefix}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    pending.append(f"{path}/")
                else:
                    yield path


def _entry(path: Path) -> Entry:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return Entry(SYMLINK, _blob_id(os.fsencode(os.readlink(path))))  # noqa: PTH115
    if not stat.S_ISREG(mode):
        return Entry("special", "")
    return Entry(EXECUTABLE if mode & stat.S_IXUSR else REGULAR, _blob_id(path.read_bytes()))


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def make_equal(
    directory: Path,
    wanted: Files,
    drift: Drift,
    *,
    contents: Callable[[Iterable[str]], Iterator[bytes]],
    owner: Ownership,
    links: tuple[Path, Files] | None,
) -> None:
    """Bring ``directory`` from where ``drift`` says it stands to ``wanted``.

    Files that the release in ``links`` holds with the same content are hard links to it. Files are never
    written in place: what must change is removed first, so that no other release changes through a shared inode.
    """
    _open(directory)
    for path in (*drift.modified, *drift.unexpected):
        (directory / path).unlink()
    _remove_empty(directory, wanted)  # a file may be wanted where a directory was
    needed = (*drift.missing, *drift.modified)
    for parent in sorted({os.path.dirname(path) for path in needed}):  # noqa: PTH120 - text, many thousands
        _make_parents(directory, parent)
    written = [path for path in needed if not (links and _linked(path, wanted[path], directory, links, owner))]
    for path, content in zip(written, contents(wanted[path].oid for path in written)):
        _write(directory / path, wanted[path].mode, content, owner)


def _make_parents(directory: Path, parent: str) -> None:
    """They get their owner when the release is sealed: until then nobody else puts a link in the way of what is written."""
    path = directory
    for part in parent.split("/") if parent else []:
        path = path / part
        if not path.is_dir() or path.is_symlink():
            path.mkdir(mode=OPEN_DIRECTORY_MODE)


def _linked(path: str, entry: Entry, directory: Path, links: tuple[Path, Files], owner: Ownership) -> bool:
    source, verified = links
    if entry.mode == SYMLINK or verified.get(path) != entry:
        return False
    status = (source / path).lstat()
    if not _sealed(status, sealed_mode(entry), owner):
        return False
    try:
        os.link(source / path, directory / path)
    except OSError:  # another file system, or too many links: a copy is as good
        return False
    return True


def _write(path: Path, mode: str, content: bytes, owner: Ownership) -> None:
    if mode == SYMLINK:
        path.symlink_to(os.fsdecode(content))
        owner.give(path)
        return
    write_file(path, content, sealed_mode(Entry(mode, "")), owner)


def write_file(path: Path, content: bytes, mode: int, owner: Ownership) -> None:
    """A new file; it has its owner and mode before it has content that others must not read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        owner.give(path)
        os.fchmod(handle, mode)
        file.write(content)


def sealed_mode(entry: Entry) -> int:
    return EXECUTABLE_MODE if entry.mode == EXECUTABLE else FILE_MODE


def _sealed(status: os.stat_result, mode: int, owner: Ownership) -> bool:
    return stat.S_IMODE(status.st_mode) == mode and owner.fits(status)


def is_sealed(directory: Path, modes: Iterable[tuple[str, int]], owner: Ownership) -> bool:
    """Whether each file has its mode and owner still; a hard link's other end may have changed them."""
    return all(_sealed((directory / path).lstat(), mode, owner) for path, mode in modes)


def _open(directory: Path) -> None:
    for path in _directories(directory):
        path.chmod(OPEN_DIRECTORY_MODE)


def seal(directory: Path, owner: Ownership) -> None:
    """Nobody writes here any more, the owner included; files got their mode when they were made."""
    for path in _directories(directory):
        owner.give(path)
        path.chmod(DIRECTORY_MODE)


def settle(directory: Path) -> None:
    """Let what was written reach the disk: after a power cut, a name that is there must not stand for empty files."""
    run(["sync", "-f", str(directory)])


def _directories(directory: Path) -> list[Path]:
    found = [directory]
    for path in found:
        with os.scandir(path) as entries:
            found += [path / entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
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
        if str(found.relative_to(directory)) not in needed and not any(found.iterdir()):
            found.rmdir()


def remove(directory: Path) -> None:
    """Remove a release, sealed or not; nothing outside of it is followed or touched."""
    if directory.is_symlink() or directory.is_file():
        directory.unlink()
    if not directory.exists():
        return
    found = _directories(directory)
    for path in found:
        path.chmod(0o700)
    for path in reversed(found):
        with os.scandir(path) as entries:
            leaves = [entry.path for entry in entries if entry.is_symlink() or not entry.is_dir(follow_symlinks=False)]
        for leaf in leaves:
            os.unlink(leaf)  # noqa: PTH108
        path.rmdir()


def size_of(directory: Path) -> int:
    """The bytes of all files; what hard links share with other releases is counted here too."""
    return sum((directory / path).lstat().st_size for path in _walk(directory))
