# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An archive on the host as a source: a tar (plain, gz, bz2, xz) or a zip, whose revision is its SHA-256.

All of it is checked before any of it is taken, and nothing is unpacked to the disk.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import typing as t
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..common import zips
from ..common.errors import BadInput
from ..common.fast_import import ImportedFile
from . import tarball
from .snapshot import Snapshot
from .trees import SYMLINK, shown

CHECKSUM = re.compile(r"[0-9a-fA-F]{64}")
MOST_FILES = 500_000
BLOCK = 1 << 20


def check_location(location: str) -> str:
    if not location.startswith("/") or not location.isprintable():
        raise BadInput(f"repository: '{shown(location)}' is no archive: the absolute path of a file on the host is expected.")
    return location


def check_revision(revision: str) -> str:
    if not CHECKSUM.fullmatch(revision):
        raise BadInput(f"revision: '{shown(revision)}' is not the SHA-256 of an archive: leave it out, or give its 64 digits.")
    return revision.lower()


def ask(location: str, revision: str) -> Snapshot:
    sha256 = check_revision(revision)

    def files(scratch: Path) -> Iterator[ImportedFile]:
        with _opened(location) as file:
            found = _checksum(file)
            if found != sha256:
                raise BadInput(f"{location} is not the archive that was asked for: its SHA-256 is {found}, 'revision' says {sha256}.")
            yield from read_archive(file, location, shutil.disk_usage(scratch).free)

    return Snapshot(f"archive {sha256}", f"Imported from an archive with the SHA-256 {sha256}", files, lasting=True)


def checksum(location: str) -> str:
    """The revision of an archive that was given without one."""
    with _opened(location) as file:
        return _checksum(file)


def read_archive(file: t.IO[bytes], name: str, room: int) -> Iterator[ImportedFile]:
    """The files in an archive, without the top folder where there is exactly one."""
    size = file.seek(0, 2)
    file.seek(0)
    zipped = file.read(2) == b"PK"
    file.seek(0)
    if zipped:
        with zips.opened(file, name) as archive:
            entries = zips.members_of(archive, name, most_files=MOST_FILES, most_bytes=room)
            zips.refuse_confusion(entries, name)
            unzipped = (
                ImportedFile(path, zips.mode_of(item, name), zips.content_of(archive, item, name)) for path, item in entries.items()
            )
            yield from _below_top(unzipped, entries, name)
        return
    with tarball.opened(file, name) as (tar, heads):
        members = tarball.members_of(tar, heads, name, packed=size, most_files=MOST_FILES, most_bytes=room)
        yield from _below_top(tarball.files_of(tar, members, name), members, name)


def _below_top(files: Iterator[ImportedFile], paths: Iterable[str], name: str) -> Iterator[ImportedFile]:
    tops = {path.partition("/")[0] if "/" in path else "" for path in paths}
    cut = len(tops.pop()) + 1 if len(tops) == 1 and "" not in tops else 0
    for file in files:
        path = file.path[cut:]
        if file.mode == SYMLINK:
            _refuse_way_out(path, file.content.decode(errors="surrogateescape"), name)
        yield file._replace(path=path, same_as=file.same_as[cut:])


def _refuse_way_out(path: str, target: str, name: str) -> None:
    """Steps up come first or not at all: behind another link, one of them would lead elsewhere than it seems."""
    parts = target.split("/")
    up = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    if not target or target.startswith("/") or ".." in parts[up:] or up > path.count("/"):
        raise BadInput(f"{name} is refused: {path[:200]!a} is a link to {target[:200]!a}, which leads out of the archive or may do so.")


def _opened(location: str) -> t.IO[bytes]:
    path = Path(check_location(location))
    try:
        if not path.is_file():
            raise BadInput(f"repository: {path} is not there, or is no file.")
        return path.open("rb")
    except OSError as error:
        raise BadInput(f"repository: {path} cannot be read: {error.strerror or error}.") from None


def _checksum(file: t.IO[bytes]) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(BLOCK), b""):
        digest.update(block)
    return digest.hexdigest()
