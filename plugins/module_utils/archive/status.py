# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a run is, from its journal alone: nothing is written, no lease is needed, and whoever acts on it is not disturbed."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timedelta

from ..common.errors import BadInput
from .course import figures
from .journal import Journal
from .lease import is_alive, read_holder


def status_of(journal: Journal, moment: datetime) -> dict[str, t.Any]:
    """The figures of a run at a moment."""
    about = journal.about()
    if about is None:
        raise BadInput(f"The storage has no run {journal.folder.name}.")
    courses = sorted(journal.courses().values(), key=lambda course: (course.place, course.id))
    holder = read_holder(journal.folder)
    running = is_alive(holder)
    return {
        "run": journal.folder.name,
        "about": about,
        "running": running,
        "holder": {name: holder.get(name) for name in ("host", "process", "since", "age")} if holder else {},
        "progress": _progress(journal, moment) if running else {},
        **figures(courses),
        "courses": [course.result() for course in courses],
    }


def _progress(journal: Journal, moment: datetime) -> dict[str, t.Any]:
    """How far the work is that is going on, and when it will have ended."""
    try:
        found = json.loads((journal.folder / "progress.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    left = found.get("left")
    ends = (moment + timedelta(seconds=left)).isoformat(timespec="seconds") if left is not None else None
    shown = ("done", "total", "failed", "rate", "left")
    return {**{name: found.get(name) for name in shown}, "ends": ends}
