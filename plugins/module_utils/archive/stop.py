# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A wish that the work on a run end now: nothing new begins, what is going on is finished."""

from __future__ import annotations

import json
from pathlib import Path

from .journal import on_storage, write_private
from .lease import Lease, read_holder

_NAME = "stop"


def ask_to_stop(folder: Path, *, write: bool = True) -> bool:
    """Ask whoever acts on the run now to stop; False when nobody does, or was asked already. A later call is not concerned."""
    with on_storage(folder):
        token = read_holder(folder).get("token")
    if not token or _wish(folder) == token:
        return False
    if write:
        write_private(folder / _NAME, {"token": token})
    return True


def stop_asked(folder: Path, lease: Lease | None) -> bool:
    """Whether the holder of that lease is asked to stop. A file that somebody made by hand concerns everybody, until it is removed."""
    wish = _wish(folder)
    return wish == "" or (lease is not None and wish == lease.token)


def _wish(folder: Path) -> str | None:
    """For whom the wish is; empty for everybody, None when there is none."""
    try:
        text = (folder / _NAME).read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return ""
    return str(found.get("token", "")) if isinstance(found, dict) else ""
