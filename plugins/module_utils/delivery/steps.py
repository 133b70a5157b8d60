# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which steps lead from where a delivery stands to the state that is asked for. Pure: check mode and the real run ask the same."""

from __future__ import annotations

from dataclasses import dataclass

from ..common.errors import BadInput

STATES = ("secured", "delivering", "updated", "live", "rolled_back", "abandoned")
_FORWARD = ("secured", "delivering", "updated")
_STEPS = {"secured": "secure", "delivering": "open", "updated": "update"}


@dataclass(frozen=True)
class Situation:
    """What the plan depends on, seen before anything is done."""

    phase: str | None
    serves_wanted: bool  # what is served is the wanted revision with the wanted rendered files, and has not drifted
    work_is_wanted: bool  # what is being prepared is what is wanted
    serves_target: bool = False  # for rolled_back: what is served is the very release to go back to
    nodes: bool = False  # only virtual nodes are asked to follow
    nodes_follow: bool = False  # and all of them do
    complete: bool = False  # the release is there under its name, whether it is served or not
    left_behind: bool = False  # there are links of nodes to the very release that is served to all
    lacks_copy: bool = False  # a third copy is asked for, and there is none of what is safe


def plan(wanted: str, now: Situation) -> list[str]:
    """The steps, in order; empty when the wanted state holds."""
    steps = _plan(wanted, now)
    if now.lacks_copy and ("secure" in steps or wanted == "secured"):
        steps.insert(steps.index("secure") + 1 if "secure" in steps else 0, "copy")
    return steps


def _plan(wanted: str, now: Situation) -> list[str]:
    if wanted == "abandoned":
        return ["abandon"] if now.phase else []
    if now.nodes and (now.complete or wanted == "rolled_back"):
        return [] if now.complete and now.nodes_follow else ["route"]
    if wanted == "rolled_back":
        going_back = [] if now.serves_target else ["go_back"]
        return [*going_back, "abandon"] if now.phase else going_back
    if now.serves_wanted and (wanted == "live" or (wanted == "updated" and now.phase != "updated")):
        # Nothing to deliver; what an interrupted call left open is closed.
        closing = ["abandon"] if now.phase and wanted == "live" else []
        return [*closing, "join"] if now.left_behind and wanted == "live" else closing
    steps = [_STEPS[state] for state in _missing(wanted, now)]
    return [*steps, "route" if now.nodes else "switch"] if wanted == "live" else steps


def _missing(wanted: str, now: Situation) -> list[str]:
    if now.phase is not None and now.phase not in _FORWARD:
        raise BadInput(
            f"The open delivery is in the phase '{now.phase}', which this version does not know: finish it with the one that began it."
        )
    goal = _FORWARD.index("updated" if wanted == "live" else wanted)
    reached = _FORWARD.index(now.phase) if now.phase else -1
    if reached == len(_FORWARD) - 1 and goal == reached and not now.work_is_wanted:
        return ["updated"]
    return list(_FORWARD[reached + 1 : goal + 1])
