# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses a ref for every plugin: the newest that this Moodle and the other plugins can live with, and says why. Plain data in and out."""

from __future__ import annotations

import graphlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ...common.errors import BadInput
from .candidates import ANY, Candidate, Core, Wish, shown
from .compatibility import Moodle, span_in_words, understood
from .conflicts import SHOWN, problem
from .ladders import Ladder, Ladders, Left, too_old
from .ratings import Rated, rate

__all__ = ["Candidate", "Choice", "Core", "Missing", "Rejected", "Resolution", "Wish", "missing_message", "resolve"]

ONE_BY_ONE = 5  # as many refs with the same version and the same fault are listed singly


@dataclass(frozen=True)
class Rejected:
    ref: str
    reason: str


@dataclass(frozen=True)
class Choice:
    component: str
    candidate: Candidate
    reason: str
    rejected: tuple[Rejected, ...]  # newer ones and those of the same version, the newest first


@dataclass(frozen=True)
class Missing:
    """A component that neither the wishes nor the core have; the version is a number in words, or 'any'."""

    component: str
    needed_by: str
    version: str


@dataclass(frozen=True)
class Resolution:
    choices: dict[str, Choice]
    warnings: tuple[str, ...]
    missing: tuple[Missing, ...]


def resolve(core: Core, wishes: Sequence[Wish]) -> Resolution:
    """BadInput has a sentence for each plugin that cannot be had. What is missing is no error yet: it may be found and added."""
    moodle = understood(core)
    ladders = Ladders(core, (Ladder(wish, rate(wish, moodle)) for wish in wishes))
    ladders.settle()
    problems = [problem(ladder, moodle) for ladder in ladders.by_component.values() if not ladder.stand]
    if problems:
        raise BadInput(" ".join(problems))
    settled = [(ladder, ladder.stand) for ladder in ladders.by_component.values() if ladder.stand]
    return Resolution(
        choices={ladder.wish.component: _choice(ladder, stand, moodle) for ladder, stand in settled},
        warnings=tuple(warning for ladder, stand in settled for warning in _warnings(ladders, ladder, stand)) + tuple(_circles(settled)),
        missing=tuple(
            Missing(need.component, ladder.wish.component, ANY if need.version is None else shown(need.version))
            for ladder, stand in settled
            if not ladder.forced
            for need, offer in ladders.offers(stand)
            if offer is None
        ),
    )


def missing_message(missing: Sequence[Missing]) -> str:
    """One sentence that names every missing component, who needs it, and the way out."""
    needed: dict[str, list[str]] = defaultdict(list)
    for one in missing:
        needed[one.component].append(f"{one.needed_by} needs {'any version' if one.version == ANY else f'{one.version} or newer'}")
    listed = ", ".join(f"{component} ({', '.join(needers)})" for component, needers in needed.items())
    return f"Missing: {listed}: declare what is missing under 'plugins', or set 'resolve_dependencies: true' with a 'plugin_list'."


def _choice(ladder: Ladder, chosen: Rated, moodle: Moodle) -> Choice:
    wish = ladder.wish
    if wish.pinned:
        reason = f"held by the lock: {chosen.candidate}" if wish.locked else f"asked for by {chosen.candidate}"
        return Choice(wish.component, chosen.candidate, reason, ())
    others = [one for one in ladder.rated if one is not chosen and not _older(one, chosen)]
    same = [str(one.candidate) for one in others if one.version == chosen.version and not one.faults]
    reason = f"version {wish.exact} was asked for" if wish.exact else _newest(ladder, chosen, moodle)
    if same:
        reason += f"; the same version is on {_listed(same)}"
    return Choice(wish.component, chosen.candidate, reason, _rejected(ladder, chosen, others))


def _newest(ladder: Ladder, chosen: Rated, moodle: Moodle) -> str:
    supports = (
        f"supports {span_in_words(chosen.supported)}" if chosen.supported else "declares no 'supported', and nothing speaks against it"
    )
    limit = " and the other plugins" if ladder.left else ""
    return f"newest compatible with Moodle {moodle.series}{limit}: {shown(chosen.version)} {supports}"


def _older(one: Rated, chosen: Rated) -> bool:
    return one.version is not None and chosen.version is not None and one.version < chosen.version


def _rejected(ladder: Ladder, chosen: Rated, others: list[Rated]) -> tuple[Rejected, ...]:
    """Hundreds of tags may lie on one commit: those of the same version, left for the same reason, share a line."""
    groups: dict[tuple[object, str], list[str]] = defaultdict(list)
    for one in others:
        reason = ladder.why_left(one) or f"has the same version as {chosen.candidate}" + (
            ", at the same commit" if one.candidate.commit == chosen.candidate.commit else ""
        )
        groups[one.version, reason].append(str(one.candidate))
    return tuple(
        Rejected(ref, reason) for (_dummy, reason), refs in groups.items() for ref in (refs if len(refs) <= ONE_BY_ONE else [_listed(refs)])
    )


def _listed(refs: list[str]) -> str:
    return ", ".join(refs) if len(refs) <= SHOWN else f"{', '.join(refs[:SHOWN])} and {len(refs) - SHOWN} more"


def _warnings(ladders: Ladders, ladder: Ladder, stand: Rated) -> Iterator[str]:
    name = ladder.wish.component
    for fault in stand.judgement.waived:
        yield f"{name}: 'force' takes {stand}, which {fault.text}."
    for need, offer in ladders.offers(stand):
        if ladder.forced and offer is None:
            yield f"{name}: 'force' takes {stand}, which needs {need}, and nothing brings it."
        elif ladder.forced and offer and too_old(need, offer):
            yield f"{name}: 'force' takes {stand}, which {Left(need, offer)}."
        elif offer and offer.version is None and need.version is not None:
            yield f"{name}: {stand} needs {need}, which could not be checked: {offer}."


def _circles(settled: Iterable[tuple[Ladder, Rated]]) -> Iterator[str]:
    """Moodle only looks whether the other one is there, so plugins may need each other."""
    needs = {ladder.wish.component: [need.component for need in stand.needs] for ladder, stand in settled}
    graph = {name: [other for other in others if other in needs and other != name] for name, others in needs.items()}
    while circle := _circle(graph):
        if not circle[2:]:
            yield f"{circle[0]} and {circle[1]} need each other: Moodle accepts that, as long as both are there."
        else:
            yield f"{circle[0]} needs {', which needs '.join([*circle[1:], circle[0]])}: Moodle accepts that, as long as all are there."
        for name, other in zip(circle, [*circle[1:], circle[0]]):
            graph[name].remove(other)


def _circle(graph: dict[str, list[str]]) -> list[str]:
    """Plugins of which each needs the next, and the last the first."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle: list[str] = error.args[1][:0:-1]
        first = circle.index(min(circle))
        return circle[first:] + circle[:first]
    return []
