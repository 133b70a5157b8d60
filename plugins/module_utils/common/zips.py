# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in a zip, checked before the first byte is unpacked. ``name`` is what messages call the zip.

Names are UTF-8 where the zip says so, else code page 437, the format's own; a second name in an extra field is not heard.
"""

from __future__ import annotations

import contextlib
import stat
import struct
import typing as t
import zipfile
import zlib
from collections.abc import Iterator

from .archives import check_path, refuse_bomb, refuse_files_as_directories, sentence, shown
from .errors import BadInput

_UNIX = (3, 19)  # systems (19 is macOS) whose zips say what mode a file has
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError, RuntimeError, OverflowError)

Members = dict[str, zipfile.ZipInfo]


@contextlib.contextmanager
def opened(file: t.IO[bytes] | str, name: str) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except _DAMAGE as error:
        raise BadInput(f"{name} is damaged, or no zip at all: {sentence(error)}.") from None
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror or error}.") from None


def members_of(archive: zipfile.ZipFile, name: str, *, most_files: int, most_bytes: int) -> Members:
    """The entries that are files, by path: Git knows no empty directories."""
    found = archive.infolist()
    if len(found) > most_files:
        raise BadInput(f"{name} is refused: it has {len(found)} entries, more than {most_files}.")
    files = [item for item in found if not _is_directory(item)]
    if not files:
        raise BadInput(f"{name} is refused: there is no file in it.")
    members: Members = {}
    for item in files:
        # The name as it stands in the zip: what Python makes of it differs between its versions.
        if item.orig_filename in members:
            raise BadInput(f"{name} is refused: {shown(item.orig_filename)} is in it twice.")
        members[check_path(item.orig_filename, name)] = item
    _refuse_unreadable(files, name)
    refuse_bomb(sum(item.file_size for item in files), sum(item.compress_size for item in files), most_bytes, name)
    return members


def refuse_confusion(members: Members, name: str) -> None:
    """What cannot be written as files, whatever the bytes are."""
    refuse_files_as_directories(members, name)
    for item in members.values():
        mode_of(item, name)


def mode_of(item: zipfile.ZipInfo, name: str) -> str:
    mode = _unix_mode(item)
    if stat.S_ISLNK(mode):
        return "120000"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise BadInput(f"{name} is refused: {shown(item.orig_filename)} is neither a file nor a directory nor a symbolic link.")
    return "100755" if mode & stat.S_IXUSR else "100644"


def content_of(archive: zipfile.ZipFile, item: zipfile.ZipInfo, name: str) -> bytes:
    """No more than the entry declares is unpacked, and less is an error."""
    try:
        content = archive.read(item)
    except _DAMAGE as error:
        raise BadInput(f"{name} is damaged: {shown(item.orig_filename)} cannot be unpacked: {sentence(error)}.") from None
    if len(content) != item.file_size:
        raise BadInput(f"{name} is damaged: {shown(item.orig_filename)} has {len(content)} bytes instead of {item.file_size}.")
    return content


def _is_directory(item: zipfile.ZipInfo) -> bool:
    return item.orig_filename.endswith("/") or stat.S_ISDIR(_unix_mode(item))


def _unix_mode(item: zipfile.ZipInfo) -> int:
    return item.external_attr >> 16 if item.create_system in _UNIX else 0


def _refuse_unreadable(items: list[zipfile.ZipInfo], name: str) -> None:
    for item in items:
        if item.flag_bits & _ENCRYPTED:
            raise BadInput(f"{name} is refused: {shown(item.orig_filename)} is encrypted.")
        if item.compress_type not in _METHODS:
            raise BadInput(
                f"{name} is refused: {shown(item.orig_filename)} is compressed by method {item.compress_type}; only deflate is known here."
            )
