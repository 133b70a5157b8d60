# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in a tar, checked before the first byte of a file is taken. ``name`` is what messages call the tar."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import struct
import tarfile
import typing as t
import zlib
from collections.abc import Callable, Iterator

from ..common.archives import MEGABYTE, check_path, refuse_bomb, refuse_files_as_directories, sentence, shown
from ..common.errors import BadInput
from ..common.fast_import import ImportedFile

Members = dict[str, tarfile.TarInfo]

_PACKED: tuple[tuple[bytes, Callable[[t.IO[bytes]], t.Any]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\0", lzma.LZMAFile),
)
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, struct.error, EOFError, ValueError, OverflowError, MemoryError)
_LARGEST_HEAD = MEGABYTE  # a name of that length is made to fill the memory
_ODDMENTS = MEGABYTE  # what may follow the end: the last block is filled up with zeros
_BLOCK = 512


class _Heads:
    """The tar while its heads are read: a long name or an attribute is refused before it fills the memory."""

    def __init__(self, file: t.Any) -> None:
        self.tell, self.seek, self._read = file.tell, file.seek, file.read
        self.most = _LARGEST_HEAD

    def read(self, size: int) -> bytes:
        if size > self.most:
            raise ValueError(f"a head of {size} bytes")
        return t.cast(bytes, self._read(size))


@contextlib.contextmanager
def opened(file: t.IO[bytes], name: str) -> Iterator[tuple[tarfile.TarFile, _Heads]]:
    start = file.read(8)
    file.seek(0)
    unpacked = next((unpack(file) for magic, unpack in _PACKED if start.startswith(magic)), file)
    heads = _Heads(unpacked)
    try:
        with tarfile.TarFile(fileobj=t.cast("t.IO[bytes]", heads), encoding="utf-8", errors="surrogateescape") as archive:
            yield archive, heads
    except _DAMAGE as error:
        raise BadInput(f"{name} is damaged, or no tar (plain, gz, bz2, xz) and no zip at all: {sentence(error)}.") from None
    except OSError as error:  # bz2 has no error of its own
        raise BadInput(f"{name} cannot be read: {error.strerror or sentence(error)}.") from None


def members_of(archive: tarfile.TarFile, heads: _Heads, name: str, *, packed: int, most_files: int, most_bytes: int) -> Members:
    """The members that are files or links, by path: Git knows no empty directories."""
    members: Members = {}
    size = number = 0
    for number, member in enumerate(archive, 1):
        # Before the next head is looked for: to come there, all of this one's content is unpacked.
        size += member.size + _BLOCK
        refuse_bomb(size, packed, most_bytes, name)
        if number > most_files:
            raise BadInput(f"{name} is refused: it has more than {most_files} entries.")
        if member.isdir():
            continue
        if not (member.isreg() or member.issym() or member.islnk()):
            raise BadInput(f"{name} is refused: {shown(member.name)} is neither a file nor a directory nor a link.")
        path = check_path(_plain(member.name), name)
        if path in members:
            raise BadInput(f"{name} is refused: {shown(path)} is in it twice.")
        if member.islnk() and not (_plain(member.linkname) in members and not members[_plain(member.linkname)].issym()):
            raise BadInput(f"{name} is refused: {shown(path)} is a link to {shown(member.linkname)}, which is no file before it.")
        members[path] = member
    _refuse_half(archive, heads, name)
    if not members:
        raise BadInput(f"{name} is refused: there is no file in it.")
    refuse_files_as_directories(members, name)
    heads.most = most_bytes
    return members


def files_of(archive: tarfile.TarFile, members: Members, name: str) -> Iterator[ImportedFile]:
    for path, member in members.items():
        if member.issym():
            yield ImportedFile(path, "120000", member.linkname.encode(errors="surrogateescape"))
            continue
        mode = "100755" if member.mode & 0o100 else "100644"
        if member.islnk():
            yield ImportedFile(path, mode, b"", same_as=_plain(member.linkname))
            continue
        content = t.cast("t.IO[bytes]", archive.extractfile(member)).read()
        if len(content) != member.size:
            raise BadInput(f"{name} is damaged: {shown(path)} has {len(content)} bytes instead of {member.size}.")
        yield ImportedFile(path, mode, content)


def _plain(path: str) -> str:
    """Without the ``./`` with which a tar of a folder's content begins each name."""
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path


def _refuse_half(archive: tarfile.TarFile, heads: _Heads, name: str) -> None:
    """Python takes a damaged head for the end, which is a block of zeros. Reading on proves the checksum of what the tar is packed in."""
    heads.seek(archive.offset)
    if heads.read(_BLOCK) != bytes(_BLOCK):
        raise BadInput(f"{name} is damaged: it ends after {archive.offset} bytes, in the middle.")
    for _block in range(_ODDMENTS // _BLOCK):
        if not heads.read(_BLOCK):
            return
    raise BadInput(f"{name} is refused: something follows its end.")
