# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a course backup, independently of Moodle and of the collection."""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree


@dataclass(frozen=True)
class BackupFile:
    """What a backup says of itself, and the files that it holds."""

    names: list[str]
    information: dict[str, str]
    activities: list[str]
    """Module names, sorted."""
    declared: set[str]
    """Content hashes that files.xml names, empty files and folders left out."""
    held: set[str]
    """Content hashes of the files that are inside, computed from their bytes."""


def read_backup(file: Path) -> BackupFile:
    with tarfile.open(file, "r:gz") as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        contents = {member.name: _content(archive, member) for member in members}
    description = ElementTree.fromstring(contents["moodle_backup.xml"]).find("information")  # noqa: S314 - a test's own file
    assert description is not None
    listed = ElementTree.fromstring(contents["files.xml"])  # noqa: S314
    return BackupFile(
        names=list(contents),
        information={element.tag: element.text or "" for element in description if not len(element)},
        activities=sorted(element.text or "" for element in description.iter("modulename")),
        declared={entry.findtext("contenthash", "") for entry in listed if int(entry.findtext("filesize", "0"))},
        held={hashlib.sha1(content).hexdigest() for name, content in contents.items() if name.startswith("files/")},  # noqa: S324
    )


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream else b""
