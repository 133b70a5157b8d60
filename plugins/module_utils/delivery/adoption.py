# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first release of a site whose code was put together by hand: its directory becomes a commit, and is not touched."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from ..common.errors import BadInput
from . import looks
from .layout import Layout
from .seen import Stamp
from .trees import SYMLINK, Entry, leads_out, shown

LEFT_OUT = frozenset({".git", ".svn", ".hg", "CVS"})
CONFIG = "config.php"


def read(directory: Path, layout: Layout, rendered: Collection[str]) -> dict[str, Entry]:
    """What is there, without what version control keeps of its own; refused where it is no code that can be served from elsewhere.

    What is ``rendered`` into each release need not be as it is here.
    """
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
    look = looks.look(real, leave=sorted(LEFT_OUT))
    found = {path: looks.entry(directory, path, Stamp.of(stamp)) for path, stamp in look.files.items()}
    for path, entry in found.items():
        if entry.mode == SYMLINK and path not in rendered:
            _check_link(directory, path)
    return found


def _check_link(directory: Path, path: str) -> None:
    link = directory / path
    target = os.readlink(link)  # noqa: PTH115
    if not os.path.isabs(target):  # noqa: PTH117
        if leads_out(path, target):
            raise BadInput(f"adopt: the link {shown(path)} leads out of {directory}: from another place it would lead elsewhere.")
    elif directory.resolve() in (link.resolve(), *link.resolve().parents):
        # VMoodle makes such ones for nodes in sub-directories.
        inside = os.path.relpath(link.resolve(), link.parent.resolve())
        raise BadInput(
            f"adopt: the link {shown(path)} leads to {shown(target)}, and would go on leading to this code when a release is served: "
            f"name it in 'shared_files' as {{dest: {shown(path)}, link: {shown(inside)}}}."
        )
