# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's data: made, copied, packed, unpacked and removed, and never anything beside them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tarfile
import typing as t
from collections.abc import Iterator
from pathlib import Path

from ..common.errors import MoodleError

CLOSED = "climaintenance.html"
# Made again by Moodle, or of the moment; caches name the identifier and the paths of the site that made them.
_NOT_KEPT = {"cache", "localcache", "temp", "trashdir", "sessions", "lock", "muc", CLOSED}
_MODE = 0o2770
_CHUNK = 1 << 20


def close(folder: Path) -> None:
    """Let nobody in: Moodle answers that it is under maintenance, and never offers an empty database for installation."""
    (folder / CLOSED).write_text("<!DOCTYPE html><title>Closed</title><p>This site is not available at the moment.</p>\n")


def make(folder: Path) -> None:
    """The folder of a new node, closed from the moment it is there."""
    fresh = _fresh(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    fresh.chmod(_MODE)
    close(fresh)
    fresh.replace(folder)


def _fresh(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.new")


def remove(folder: Path, *, itself: bool) -> None:
    """Remove what is in the folder, and the folder; links in it are removed, not followed."""
    if itself:
        shutil.rmtree(_fresh(folder), ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        if itself:
            folder.rmdir()


def members(folder: Path) -> Iterator[Path]:
    """The folders and files worth keeping, relative to the folder, each folder before what is in it; links are no data of Moodle's."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        for entry in sorted(os.scandir(here), key=lambda entry: entry.name):
            path = Path(entry.path)
            if entry.is_symlink() or (here == folder and (entry.name in _NOT_KEPT or entry.name.startswith(".lms-moodle"))):
                continue
            if entry.is_dir():
                waiting.append(path)
            elif not entry.is_file():
                continue
            yield path.relative_to(folder)


def size(folder: Path) -> int:
    """The bytes of the files worth keeping."""
    total = 0
    for member in members(folder):
        with contextlib.suppress(FileNotFoundError):
            found = (folder / member).lstat()
            total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total


def make_sure_of_room(folder: Path, needed: int, what: str) -> None:
    """Before the first byte: a disk that is full in the middle stops everything else that writes there."""
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if needed > free:
        raise MoodleError(f"{what} needs {needed / 1e6:,.1f} MB in {folder}, and {free / 1e6:,.1f} MB are free there: nothing was touched.")


def copy(source: Path, target: Path) -> None:
    """Copy the data of one node into the folder of another; no file is shared between them."""
    for member in members(source):
        made = target / member
        if (source / member).is_dir():
            made.mkdir(exist_ok=True)
            made.chmod(stat.S_IMODE((source / member).stat().st_mode))
        else:
            # Files come and go while a site is open.
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(source / member, made)


def pack(source: Path, file: Path) -> None:
    """Pack the data into one file."""
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for member in members(source):
            with contextlib.suppress(FileNotFoundError):
                tar.add(source / member, arcname=str(member), recursive=False)


def check(file: Path) -> int:
    """Read packed data to their end; the number of files in them."""
    count = 0
    for _path, _member in _unpacked(file):
        count += 1
    return count


def unpack(file: Path, target: Path) -> None:
    """Put packed data into the folder."""
    for path, content in _unpacked(file):
        made = target / path
        if content is None:
            made.mkdir(exist_ok=True)
            made.chmod(_MODE)
            continue
        with made.open("xb") as written:
            shutil.copyfileobj(content, written, _CHUNK)


def _unpacked(file: Path) -> Iterator[tuple[str, t.IO[bytes] | None]]:
    try:
        with tarfile.open(file, "r:") as tar:
            for member in tar:
                parts = member.name.split("/")
                if not (member.isdir() or member.isfile()) or any(part in ("", ".", "..") for part in parts):
                    raise MoodleError(f"{file} is refused: {member.name!a} in it is no plain file or folder of a node's data.")
                content = tar.extractfile(member) if member.isfile() else None
                yield member.name, content
                while content is not None and content.read(_CHUNK):
                    pass
    except (tarfile.TarError, EOFError) as error:
        raise MoodleError(f"{file} is damaged: {error}.") from error


def checksum(file: Path) -> str:
    """SHA-256 of a file."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
