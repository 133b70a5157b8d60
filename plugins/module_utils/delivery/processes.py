# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of this host that work in a release: PHP reads files of Moodle long after it began."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def at_work(releases: Path, proc: Path = Path("/proc")) -> dict[str, int]:
    """The releases that a process stands in or was started from, by name, and the number of one such process.

    A request of PHP-FPM stands in its script's directory, which only root and its own user may see; a command line everybody may.
    """
    root, found = f"{os.path.realpath(releases)}/", dict[str, int]()
    for number in os.listdir(proc) if proc.is_dir() else ():  # noqa: PTH208 - names are enough, of some hundred processes
        if number.isdigit():
            for path in _paths(f"{proc}/{number}", root):
                found.setdefault(path.partition("/")[0], int(number))
    return found


def _paths(process: str, root: str) -> list[str]:
    """Below ``root``, without it. A process that ends meanwhile works nowhere."""
    said = []
    with contextlib.suppress(OSError):
        said.append(os.readlink(f"{process}/cwd"))  # noqa: PTH115
    with contextlib.suppress(OSError), open(f"{process}/cmdline", "rb") as file:  # noqa: PTH123
        said += os.fsdecode(file.read()).split("\0")
    return [word[len(root) :] for word in said if word.startswith(root)]
