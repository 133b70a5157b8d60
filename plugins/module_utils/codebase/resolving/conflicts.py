# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One sentence for each plugin that cannot be had: what was asked, what was found, which ref is the nearest and how to take it."""

from __future__ import annotations

import typing as t
from decimal import Decimal

from .compatibility import DEMAND, MATURITY, NAME, OTHER, USELESS, WAIVABLE, Moodle
from .ladders import Ladder, Left
from .ratings import Rated
from .refnames import names_series

SHOWN = 3
_FAR = 10**6  # further than any two branches are apart


def problem(ladder: Ladder, moodle: Moodle) -> str:
    told = _conflict(ladder) if ladder.left else _incompatible(ladder, moodle)
    return f"{ladder.wish.component}: {told}."


def _incompatible(ladder: Ladder, moodle: Moodle) -> str:
    wish, rated = ladder.wish, ladder.rated
    here = f"fits Moodle {moodle.series} ({moodle.branch})"
    if not rated:
        return f"no version {here}, since its source has neither tags nor branches: is it the right repository?"
    if wish.pinned:
        return f"{rated[0]} {_asked(ladder)}, but {_all_against(rated[0])}: {_way_out(ladder, rated[0])}"
    usable = [one for one in rated if not one.has(USELESS)]
    if not usable:
        first = f"{rated[0]} {rated[0].why_not}"
        return f"no version {here}, since none of its {len(rated)} refs can be used ({first}): is its source the right one?"
    carriers = [one for one in usable if not one.has(OTHER)]
    if not carriers:
        newest = ", ".join(str(one) for one in [*(one for one in usable if not one.has(NAME)), *usable][:SHOWN])
        return f"version {wish.exact} was asked for, and no ref of its source carries it; the newest are {newest}: ask for one of them"
    near = _nearest(carriers, moodle.branch)
    none = f"version {wish.exact} was asked for, and no release of it {here}" if wish.exact else f"no version {here}"
    pin = _pin(near, near.has(*WAIVABLE))
    return f"{none}; the nearest, {near}, {_all_against(near)}; to take it nevertheless, pin it: {pin}{_warning(near)}"


def _conflict(ladder: Ladder) -> str:
    first, left = next(iter(ladder.left.items()))
    ends = f"{left}{_why_not_more(left)}"
    if ladder.wish.pinned:
        return f"{first} {_asked(ladder)}, but {ends}: {_way_out(ladder, first)}"
    way_out = f"ask for other refs of the two, or pin this one: {_pin(first, True)}"
    return f"no version fits together with the other plugins; the nearest, {first}, {ends}; {way_out}"


def _all_against(one: Rated) -> str:
    return "; ".join(fault.text for fault in one.faults)


def _nearest(pool: list[Rated], branch: int) -> Rated:
    """The newest of those with the least against them: the only young, then those for this series, then what Moodle takes."""

    def distance(one: Rated) -> int:
        return max(one.supported[0] - branch, branch - one.supported[1], 0) if one.supported else _FAR

    def against(one: Rated) -> tuple[int, ...]:
        only_young = all(fault.kind == MATURITY for fault in one.faults)
        named = one.supported is None and names_series(one.candidate.name, branch)
        return one.has(NAME), not only_young, distance(one) > 0, not named, one.has(DEMAND), distance(one)

    return min(pool, key=against)


def _why_not_more(left: Left) -> str:
    other, needed = left.offer.ladder, t.cast(Decimal, left.need.version)
    if other is None or other.wish.component != left.need.component:
        return ""
    if other.wish.pinned:
        return f", which {_asked(other)}"
    above = [one for one in other.rated if one.version is not None and one.version >= needed]
    releases = [one for one in above if not one.has(NAME, USELESS)]
    if not above:
        return ", and its source has nothing newer"
    closest = (releases or above)[-1]
    return f", since {closest} {other.why_left(closest)}"


def _asked(ladder: Ladder) -> str:
    return "is held by the lock" if ladder.wish.locked else "was asked for"


def _way_out(ladder: Ladder, one: Rated) -> str:
    other = f"name {ladder.wish.component} under 'update', to have it decided afresh" if ladder.wish.locked else "ask for another ref"
    if one.has(USELESS):
        return f"{other}, or correct its source"
    return f"{other}, or take it nevertheless with 'force: true'{_warning(one)}"


def _pin(one: Rated, force: bool) -> str:
    candidate = one.candidate
    pin = [f"'{candidate.kind}: {candidate.commit if candidate.kind == 'commit' else candidate.name}'"] if candidate.kind != "zip" else []
    return " and ".join(pin + ["'force: true'"] * force)


def _warning(one: Rated) -> str:
    return " (Moodle's own upgrade goes on refusing it)" if one.has(DEMAND) else ""
