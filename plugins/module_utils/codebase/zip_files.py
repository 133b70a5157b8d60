# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in the zip of a plugin, checked, and the commit that is made of it, the same on every host."""

from __future__ import annotations

import stat
import string
import struct
import typing as t
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..common.download import MEGABYTE
from ..common.errors import BadInput

MOST_FILES = 50_000
MOST_BYTES = 512 * MEGABYTE
# A zip of nothing but text shrinks to a tenth; one that is a small fraction of its content is made to fill a disk.
MOST_RATIO = 200
ANY_RATIO = 16 * MEGABYTE
AUTHOR = "lms.moodle <lms.moodle@localhost> 0 +0000"

_PLAIN = frozenset(f"{string.ascii_letters}{string.digits}/._- ".encode())
_UNIX = (3, 19)  # systems (19 is macOS) whose zips say what mode a file has
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, NotImplementedError, RuntimeError, OverflowError)


class ZippedFile(t.NamedTuple):
    path: str
    mode: str  # as Git writes it: 100644, 100755, 120000 (a symbolic link, whose target is the content)
    content: bytes


def read_zip(path: Path, component: str) -> list[ZippedFile]:
    """The files of the zip at ``path``, which messages call that of ``component``, in Git's order and without their top folder.

    Names are UTF-8 where the zip says so, else code page 437, the format's own; a second name in an extra field is not heard.
    """
    name = f"The zip of {component}"
    try:
        with zipfile.ZipFile(path) as archive:
            return files_of(archive, name)
    except _DAMAGE as error:
        raise BadInput(f"{name} is damaged, or no zip at all: {_sentence(error)}.") from None
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror or error}.") from None


def files_of(archive: zipfile.ZipFile, name: str) -> list[ZippedFile]:
    """Everything is checked before the first byte is unpacked."""
    members = {_path(item, name): item for item in _members(archive, name)}
    _refuse_bombs(list(members.values()), name)
    top = _top(members, name)
    _refuse_files_as_directories(members, name)
    unpacked = [ZippedFile(path[len(top) :], _mode(item, name), _content(archive, item, name)) for path, item in members.items()]
    return sorted(unpacked, key=lambda file: file.path.encode())


def _members(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    """The entries that are files: Git knows no empty directories."""
    found = archive.infolist()
    if len(found) > MOST_FILES:
        raise BadInput(f"{name} is refused: it has {len(found)} entries, more than {MOST_FILES}.")
    files = [item for item in found if not _is_directory(item)]
    if not files:
        raise BadInput(f"{name} is refused: there is no file in it.")
    paths: set[str] = set()
    for item in files:
        if item.orig_filename in paths:
            raise BadInput(f"{name} is refused: {_shown(item)} is in it twice.")
        paths.add(item.orig_filename)
    return files


def _is_directory(item: zipfile.ZipInfo) -> bool:
    return item.orig_filename.endswith("/") or stat.S_ISDIR(_unix_mode(item))


def _unix_mode(item: zipfile.ZipInfo) -> int:
    return item.external_attr >> 16 if item.create_system in _UNIX else 0


def _path(item: zipfile.ZipInfo, name: str) -> str:
    """The name as it stands in the zip: what Python makes of it differs between its versions."""
    path = item.orig_filename
    if any(part.lower() in ("", ".", "..", ".git") for part in path.split("/")) or "\\" in path or "\0" in path:
        raise BadInput(f"{name} is refused: the path {_shown(item)} is not safe to unpack.")
    return path


def _mode(item: zipfile.ZipInfo, name: str) -> str:
    mode = _unix_mode(item)
    if stat.S_ISLNK(mode):
        return "120000"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise BadInput(f"{name} is refused: {_shown(item)} is neither a file nor a directory nor a symbolic link.")
    return "100755" if mode & stat.S_IXUSR else "100644"


def _refuse_bombs(members: list[zipfile.ZipInfo], name: str) -> None:
    for item in members:
        if item.flag_bits & _ENCRYPTED:
            raise BadInput(f"{name} is refused: {_shown(item)} is encrypted.")
        if item.compress_type not in _METHODS:
            raise BadInput(f"{name} is refused: {_shown(item)} is compressed by method {item.compress_type}; only deflate is known here.")
    size, packed = (sum(getattr(item, key) for item in members) for key in ("file_size", "compress_size"))
    if size > MOST_BYTES:
        raise BadInput(f"{name} is refused: unpacked it would be {size / MEGABYTE:.0f} MB, more than {MOST_BYTES // MEGABYTE}.")
    if size > ANY_RATIO and size > packed * MOST_RATIO:
        raise BadInput(f"{name} is refused: unpacked it would be {size // max(packed, 1)} times as large, more than {MOST_RATIO} times.")


def _top(paths: Iterable[str], name: str) -> str:
    """The one folder that everything lies in, with its slash; empty where the plugin lies at the root."""
    firsts = {path.partition("/")[:2] for path in paths}
    if len(firsts) == 1:
        folder, slash = next(iter(firsts))
        if slash:
            return f"{folder}/"
    if ("version.php", "") in firsts:
        return ""
    some = ", ".join(sorted(ascii(folder + slash) for folder, slash in firsts)[:4])
    raise BadInput(f"{name} is refused: a plugin lies in one folder, or has its version.php at the root; here there are {some}.")


def _refuse_files_as_directories(paths: Iterable[str], name: str) -> None:
    known = set(paths)
    for path in paths:
        parts = path.split("/")
        for number in range(1, len(parts)):
            if "/".join(parts[:number]) in known:
                raise BadInput(f"{name} is refused: {'/'.join(parts[:number])!a} is a file and a directory in it.")


def _content(archive: zipfile.ZipFile, item: zipfile.ZipInfo, name: str) -> bytes:
    """No more than the entry declares is unpacked, and less is an error."""
    try:
        content = archive.read(item)
    except _DAMAGE as error:
        raise BadInput(f"{name} is damaged: {_shown(item)} cannot be unpacked: {_sentence(error)}.") from None
    if len(content) != item.file_size:
        raise BadInput(f"{name} is damaged: {_shown(item)} has {len(content)} bytes instead of {item.file_size}.")
    return content


def _shown(item: zipfile.ZipInfo) -> str:
    return ascii(item.orig_filename[:200])


def _sentence(error: Exception) -> str:
    return ascii(str(error))[1:-1].rstrip(".") or type(error).__name__


# Git


def fast_import_stream(files: Iterable[ZippedFile], ref: str, message: str) -> Iterator[bytes]:
    """What ``git fast-import --force`` reads to make ``ref`` a commit without parents that holds ``files`` and nothing else.

    Files, message and nothing of this host decide its id: the ref's name is not part of it, so let the message hold no path either.
    """
    words = f"{message.rstrip()}\n".encode()
    yield f"feature done\ncommit {ref}\nauthor {AUTHOR}\ncommitter {AUTHOR}\ndata {len(words)}\n".encode() + words + b"\n"
    for file in files:
        yield f"M {file.mode} inline {_quoted(file.path)}\ndata {len(file.content)}\n".encode() + file.content + b"\n"
    yield b"done\n"


def _quoted(path: str) -> str:
    """As C writes it, for a name may hold quotes and line breaks."""
    written = (chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in path.encode())
    return f'"{"".join(written)}"'
