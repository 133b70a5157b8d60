# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no archive may hold, whatever its format. ``name`` is what messages call the archive."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import BadInput

MEGABYTE = 1 << 20
# Nothing but text shrinks to a tenth; an archive that is a small fraction of its content is made to fill a disk.
MOST_RATIO = 200
ANY_RATIO = 16 * MEGABYTE


def shown(path: str) -> str:
    return ascii(path[:200])


def sentence(error: Exception) -> str:
    return ascii(str(error))[1:-1].rstrip(".") or type(error).__name__


def check_path(path: str, name: str) -> str:
    if any(part.lower() in ("", ".", "..", ".git") for part in path.split("/")) or "\\" in path or "\0" in path:
        raise BadInput(f"{name} is refused: the path {shown(path)} is not safe to unpack.")
    return path


def refuse_bomb(size: int, packed: int, most: int, name: str) -> None:
    """``size`` is what the archive unpacks to, ``packed`` its own, ``most`` what there is room for."""
    if size > most:
        raise BadInput(f"{name} is refused: unpacked it would be {size / MEGABYTE:.0f} MB, more than {most // MEGABYTE}.")
    if size > ANY_RATIO and size > packed * MOST_RATIO:
        raise BadInput(f"{name} is refused: unpacked it would be {size // max(packed, 1)} times as large, more than {MOST_RATIO} times.")


def refuse_files_as_directories(paths: Iterable[str], name: str) -> None:
    """Of a link, too, for a path below it would lead to wherever that points."""
    known = set(paths)
    checked: set[str] = set()
    for path in known:
        parent = path.rpartition("/")[0]
        while parent and parent not in checked:
            if parent in known:
                raise BadInput(f"{name} is refused: {parent!a} is a file and a directory in it.")
            checked.add(parent)
            parent = parent.rpartition("/")[0]
