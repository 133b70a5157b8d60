# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first release of a site whose code was put together by hand: its directory becomes a commit, and is not touched."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from ..common.errors import BadInput
from . import looks
from .layout import Layout
from .seen import Look, Notes
from .trees import SYMLINK, shown

LEFT_OUT = frozenset({".git", ".svn", ".hg", "CVS"})
CONFIG = "config.php"


def read(directory: Path, layout: Layout) -> Look:
    """What is there, without what version control keeps of its own; refused where it is no code that can be served from elsewhere."""
    if not (directory / "version.php").is_file() and not (directory / "public" / "version.php").is_file():
        raise BadInput(f"adopt: {directory} has no version.php: it is not the code of a Moodle.")
    real, root = directory.resolve(), layout.root.resolve()
    if root == real or root in real.parents or real in root.parents:
        raise BadInput(f"adopt: {directory} and the delivery root {layout.root} lie in each other: move one of them away.")
    for place in (directory, *(item for item in directory.iterdir() if item.is_dir() and not item.is_symlink())):
        if (place / "filedir").is_dir():
            raise BadInput(
                f"adopt: {place} looks like a data directory (it has a filedir): data does not belong into the code, move it away."
            )
    found = looks.scan(directory, Notes(), leave=LEFT_OUT)
    for path, seen in found.items():
        if seen.entry.mode == SYMLINK and _leads_out(path, os.readlink(directory / path)):  # noqa: PTH115
            raise BadInput(f"adopt: the link {shown(path)} leads out of {directory}: from another place it would lead elsewhere.")
    return found


def _leads_out(path: str, target: str) -> bool:
    """Of a relative link, by its text alone."""
    depth = 0
    for part in PurePosixPath(path).parent.joinpath(target).parts if not target.startswith("/") else ():
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False
