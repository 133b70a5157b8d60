# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets every plugin stand on its newest compatible candidate, and step down as long as another one cannot give what it needs.

A lower candidate never offers more than a higher one, so whatever is stepped over fits in no solution, and what is reached is the one
solution in which each plugin is as new as it is in any. Only sub-plugins, which come and go with their bringer, may break this: what is
reached then is still sound.
"""

from __future__ import annotations

import typing as t
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from decimal import Decimal

from .candidates import Core, Wish, number, shown
from .compatibility import Need
from .ratings import Rated


class Offer(t.NamedTuple):
    """What there is of a component, and from whom: a plugin of that name, one that brings it inside, or the core."""

    component: str
    version: Decimal | None  # None is unknown
    ladder: Ladder | None = None
    stand: Rated | None = None

    def __str__(self) -> str:
        if self.ladder is None:
            return f"core's own {self.component} is {shown(self.version)}"
        if self.ladder.wish.component != self.component:
            return f"the {self.component} inside {self.ladder.wish.component} is {shown(self.version)} ({self.stand})"
        most = "" if self.ladder.wish.pinned else " at most"
        return f"{self.component} is {shown(self.version)}{most} ({self.stand.candidate if self.stand else 'none'})"


class Left(t.NamedTuple):
    """Why a candidate that fits this Moodle was stepped over."""

    need: Need
    offer: Offer

    def __str__(self) -> str:
        return f"needs {self.need}, and {self.offer}"


class Ladder:
    """The candidates of one plugin, the newest first, and the one it stands on."""

    def __init__(self, wish: Wish, rated: list[Rated]) -> None:
        self.wish = wish
        self.rated = rated
        self.left: dict[Rated, Left] = {}  # those that fit this Moodle, but not the other plugins
        self.forced = wish.force and (wish.pinned or wish.exact != "")
        self.brings = sorted({component for one in rated for component in one.candidate.brings})
        self._going_down = (one for one in rated if not one.faults)
        self.stand = next(self._going_down, None)

    def step_down(self, left: Left) -> None:
        if self.stand:
            self.left[self.stand] = left
            self.stand = next(self._going_down, None)

    def why_left(self, one: Rated) -> str:
        """What is against ``one``, which is above the one it stands on; the empty text for one that is no better and no worse."""
        return one.why_not if one.faults else str(self.left.get(one, ""))


class Ladders:
    """All plugins of a code base, and the core below them."""

    def __init__(self, core: Core, ladders: Iterable[Ladder]) -> None:
        self.core: Mapping[str, t.Any] = core.plugins
        self.by_component = {ladder.wish.component: ladder for ladder in sorted(ladders, key=lambda ladder: ladder.wish.component)}
        self.bringers: dict[str, list[Ladder]] = defaultdict(list)
        for ladder in self.by_component.values():
            for component in ladder.brings:
                self.bringers[component].append(ladder)

    def settle(self) -> None:
        waiting = deque(self.by_component)
        dependents: dict[str, set[str]] = defaultdict(set)
        while waiting:
            name = waiting.popleft()
            ladder = self.by_component[name]
            before = ladder.stand
            while ladder.stand and (left := self._unmet(ladder)):
                ladder.step_down(left)
            for need in ladder.stand.needs if ladder.stand else ():
                dependents[need.component].add(name)
            if ladder.stand is not before:
                waiting.extend(sorted(set().union(*(dependents[component] for component in (name, *ladder.brings)))))

    def _unmet(self, ladder: Ladder) -> Left | None:
        if ladder.forced or not ladder.stand:
            return None
        return next((Left(need, offer) for need, offer in self.offers(ladder.stand) if offer and too_old(need, offer)), None)

    def offers(self, one: Rated) -> list[tuple[Need, Offer | None]]:
        return [(need, self.offer(need.component)) for need in one.needs]

    def offer(self, component: str) -> Offer | None:
        """A component that nobody has is no reason to step down: the caller may find it."""
        if component in self.by_component:
            ladder = self.by_component[component]
            # One that stands nowhere has a sentence of its own in the error.
            return Offer(component, ladder.stand.version if ladder.stand else None, ladder, ladder.stand)
        for ladder in self.bringers.get(component, ()):
            if ladder.stand and component in ladder.stand.candidate.brings:
                return Offer(component, number(ladder.stand.candidate.brings[component]), ladder, ladder.stand)
        return Offer(component, number(self.core[component])) if component in self.core else None


def too_old(need: Need, offer: Offer) -> bool:
    return need.version is not None and offer.version is not None and offer.version < need.version
