# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in the zip of a plugin, checked, and ready to become a commit."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from ...common import zips
from ...common.archives import MEGABYTE
from ...common.errors import BadInput
from ...common.fast_import import ImportedFile

MOST_FILES = 50_000
MOST_BYTES = 512 * MEGABYTE


def read_zip(path: Path, component: str) -> list[ImportedFile]:
    """The files of the zip at ``path``, which messages call that of ``component``, in Git's order and without their top folder."""
    name = f"The zip of {component}"
    with zips.opened(str(path), name) as archive:
        return files_of(archive, name)


def files_of(archive: zipfile.ZipFile, name: str) -> list[ImportedFile]:
    """Everything is checked before the first byte is unpacked."""
    members = zips.members_of(archive, name, most_files=MOST_FILES, most_bytes=MOST_BYTES)
    top = _top(members, name)
    zips.refuse_confusion(members, name)
    unpacked = [
        ImportedFile(path[len(top) :], zips.mode_of(item, name), zips.content_of(archive, item, name)) for path, item in members.items()
    ]
    return sorted(unpacked, key=lambda file: file.path.encode())


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
