# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a backup back: it counts only when every byte of it can be read and it is the backup of that very course."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import typing as t
import xml.etree.ElementTree as ET
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import MoodleError

_CHUNK = 1 << 20
_INDEX = "moodle_backup.xml"


@dataclass(frozen=True)
class Checked:
    """A backup that was read from its first byte to its last."""

    size: int
    checksum: str


def check_backup(file: Path, courseid: int) -> Checked:
    """Read the whole archive (zip or tar.gz, as the site makes them); its index must name the course."""
    try:
        with file.open("rb") as raw:
            # What is recorded must survive a power cut.
            os.fsync(raw.fileno())
            digest = hashlib.sha256()
            while chunk := raw.read(_CHUNK):
                digest.update(chunk)
            size = raw.tell()
        found = _course_in_zip(file) if zipfile.is_zipfile(file) else _course_in_tar(file)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, ET.ParseError) as error:
        raise MoodleError(f"the backup {file.name} cannot be read back: {error}") from error
    if found is None:
        raise MoodleError(f"the backup {file.name} has no {_INDEX} in it")
    if found != str(courseid):
        raise MoodleError(f"the backup {file.name} is of course {found}, not of course {courseid}")
    return Checked(size, digest.hexdigest())


def _course_in_zip(file: Path) -> str | None:
    found = None
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as member:
                found = _read_member(entry.filename, member) or found
    return found


def _course_in_tar(file: Path) -> str | None:
    found = None
    # gzip compares its checksum when it gets to the end; tarfile's own way of reading a stream does not.
    with gzip.open(file) as stream:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for entry in archive:
                member = archive.extractfile(entry)
                if member:
                    found = _read_member(entry.name, member) or found
        while stream.read(_CHUNK):
            pass
    return found


def _read_member(name: str, member: t.IO[bytes]) -> str | None:
    """Read one file of the archive to its end; from the index, the course's id."""
    found = None
    if name == _INDEX:
        # Written a moment ago by the site itself.
        for event in ET.iterparse(member):  # noqa: S314
            element = event[1]
            if element.tag == "original_course_id":
                found = element.text or ""
            element.clear()
    while member.read(_CHUNK):
        pass
    return found
