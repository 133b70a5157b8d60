# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks at a delivery root and changes nothing: what is served, what is kept, who is at work, what has drifted."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from . import disk
from .history import History
from .layout import Layout
from .memory import Memory, Release
from .releases import Releases
from .seen import Proofs
from .sessions import Sessions
from .trees import Drift


def survey(layout: Layout, drift: bool, last: int) -> dict[str, t.Any]:
    memory = Memory(layout)
    releases = Releases(layout, memory, History(layout.repository), disk.Ownership(), Proofs(layout, None))
    state = memory.state()
    current = layout.linked("current")
    session = Sessions(layout).open()
    served = memory.release(current) if current and layout.release(current).is_dir() else None
    if drift and served:
        releases.history.need(served.id, served.revision)
    return {
        "state": state.phase or ("live" if current else "empty"),
        "current": current,
        "safe": layout.linked("safe"),
        "supersafe": layout.linked("supersafe"),
        "work": layout.linked("work"),
        "nodes": layout.routes(),
        "releases": [_shown(release, layout) for release in memory.releases()],
        "record": asdict(state.record) if state.record else None,
        "session": session.told() if session else None,
        "journal": memory.journal(last),
        "drift": _drift(releases, served).as_result() if drift and served else None,
    }


def _drift(releases: Releases, served: Release) -> Drift:
    """Nothing is taken on trust here: every file is read."""
    return releases.examine(served, releases.layout.release(served.id)).drift


def _shown(release: Release, layout: Layout) -> dict[str, t.Any]:
    directory = layout.release(release.id)
    return {
        "id": release.id,
        "revision": release.revision,
        "tree": release.tree,
        "created": release.created,
        "size": release.size,
        "sealed": not directory.stat().st_mode & 0o222,
        "good": release.good,
    }
