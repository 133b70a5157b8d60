# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs ways of doing the same work in turn, round after round, and compares how long they took."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Act = Callable[[int], object]
"""Something that is done in a round; it is told which, from 0 on."""


def _nothing(_round: int) -> None:
    pass


@dataclass(frozen=True)
class Way:
    """One way of doing a piece of work: `act` is timed, `before` is not."""

    name: str
    act: Act
    before: Act = _nothing


@dataclass(frozen=True)
class Row:
    """Two ways that lead to the same end; what `note` says of them stands below the table."""

    work: str
    ours: Way
    ordinary: Way
    note: str = ""


@dataclass(frozen=True)
class Race:
    """Rows that are measured together: each way once a round, in the order in which the rows name them first."""

    code: str
    rounds: int
    rows: Sequence[Row]

    def ways(self) -> list[Way]:
        return list({way.name: way for row in self.rows for way in (row.ours, row.ordinary)}.values())


@dataclass(frozen=True)
class Measured:
    """A row with the seconds that its two ways took, round by round."""

    row: Row
    ours: Sequence[float]
    ordinary: Sequence[float]

    @property
    def ratio(self) -> float:
        """How many times faster ours is, below 1 where it is slower. Each round is compared with itself: its load was the same."""
        return statistics.median(slow / fast for slow, fast in zip(self.ordinary, self.ours))


@dataclass(frozen=True)
class Growth:
    """Work that is done at several sizes: `ways` has, for each name, a way for each size."""

    code: str
    rounds: int
    unit: str
    ways: Mapping[str, Mapping[int, Way]]


@dataclass(frozen=True)
class Grown:
    """The seconds that each way took at each size, round by round."""

    growth: Growth
    seconds: Mapping[str, Mapping[int, Sequence[float]]]

    def median(self, name: str, size: int) -> float:
        return statistics.median(self.seconds[name][size])

    def slope(self, name: str) -> float:
        """Seconds for one more, between the smallest size and the largest."""
        least, most = min(self.seconds[name]), max(self.seconds[name])
        return (self.median(name, most) - self.median(name, least)) / (most - least)


@dataclass(frozen=True)
class Counted:
    """What was counted, for each way."""

    title: str
    columns: Sequence[str]
    rows: Mapping[str, Sequence[int]]


def grow(growth: Growth, say: Callable[[str], None]) -> Grown:
    seconds: dict[str, dict[int, list[float]]] = {name: {size: [] for size in sizes} for name, sizes in growth.ways.items()}
    for number in range(growth.rounds):
        for name, sizes in growth.ways.items():
            for size, way in sizes.items():
                seconds[name][size].append(_timed(way, number))
            taken = ", ".join(f"{values[-1]:.2f} s for {size}" for size, values in seconds[name].items())
            say(f"round {number + 1} of {growth.rounds}: {name}: {taken}")
    return Grown(growth, seconds)


def run(race: Race, say: Callable[[str], None]) -> list[Measured]:
    seconds: dict[str, list[float]] = {way.name: [] for way in race.ways()}
    for number in range(race.rounds):
        for way in race.ways():
            seconds[way.name].append(_timed(way, number))
        say(f"round {number + 1} of {race.rounds}: " + ", ".join(f"{name} {taken[-1]:.2f} s" for name, taken in seconds.items()))
    return [Measured(row, seconds[row.ours.name], seconds[row.ordinary.name]) for row in race.rows]


def _timed(way: Way, number: int) -> float:
    way.before(number)
    # What the way before left to be written must not be paid by this one.
    os.sync()
    started = time.perf_counter()
    way.act(number)
    return time.perf_counter() - started
