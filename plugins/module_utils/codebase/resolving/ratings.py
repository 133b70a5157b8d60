# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every ref of a plugin, the newest first, each with what is against taking it."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from itertools import groupby

from .candidates import MATURITIES, Candidate, Wish, number, shown
from .compatibility import (
    MATURITY,
    NAME,
    OTHER,
    OUTWEIGHED,
    USELESS,
    WAIVABLE,
    Fault,
    Moodle,
    Need,
    Span,
    faults_of_incompatible,
    faults_of_requires,
    needs_of,
    not_supported,
    said,
    support,
    within,
)
from .refnames import is_release_branch, names_series, natural, prerelease


class Judgement(t.NamedTuple):
    """What a candidate is in the eyes of this Moodle, on its own."""

    faults: tuple[Fault, ...]
    waived: tuple[Fault, ...] = ()
    supported: Span | None = None
    needs: tuple[Need, ...] = ()


class Rated:
    """A candidate and all that is against it, judged when somebody asks: of hundreds of old ones nobody does."""

    def __init__(self, candidate: Candidate, wish: Wish, moodle: Moodle) -> None:
        self.candidate = candidate
        self.version = number((candidate.version or {}).get("version")) if not candidate.refused else None
        self._wish, self._moodle = wish, moodle
        self.siblings = _Siblings(())

    def __str__(self) -> str:
        return f"{self.candidate} ({shown(self.version)})" if self.version is not None else str(self.candidate)

    @cached_property
    def judgement(self) -> Judgement:
        return _judge(self.candidate, self.version, self._wish, self._moodle)

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """By itself a candidate may be taken if there are none."""
        return (*self.judgement.faults, *_outweighed(self, self._moodle.branch))

    @property
    def supported(self) -> Span | None:
        return self.judgement.supported

    @property
    def needs(self) -> tuple[Need, ...]:
        return self.judgement.needs

    @property
    def why_not(self) -> str:
        first = self.faults[0]
        return first.text if first.kind in (NAME, USELESS, OTHER) else "; ".join(fault.text for fault in self.faults)

    def has(self, *kinds: str) -> bool:
        return any(fault.kind in kinds for fault in self.faults)

    def rules_out(self, branch: int) -> bool:
        """Whether it is a release whose maintainer says that it is not for this Moodle."""
        supported, faults = self.judgement.supported, self.judgement.faults
        return supported is not None and not within(branch, supported) and not any(fault.kind in (NAME, USELESS) for fault in faults)


def rate(wish: Wish, moodle: Moodle) -> list[Rated]:
    """The candidates of a plugin, the newest first; those whose version nobody can read stand at the end."""
    rated = [Rated(candidate, wish, moodle) for candidate in wish.candidates]
    known = sorted((one for one in rated if one.version is not None), key=_version, reverse=True)
    same = (list(group) for _dummy, group in groupby(known, key=_version))
    known = [one for group in same for one in (_best_names_first(group, moodle.branch) if len(group) > 1 else group)]
    siblings = _Siblings(() if wish.pinned or wish.exact else known)
    for one in known:
        one.siblings = siblings
    return known + _best_names_first((one for one in rated if one.version is None), moodle.branch)


def _version(one: Rated) -> Decimal:
    return t.cast(Decimal, one.version)


def _best_names_first(same: Iterable[Rated], branch: int) -> list[Rated]:
    """Of those that carry the same version: a tag never moves, so it goes before a branch."""
    by_name = sorted(same, key=lambda one: one.candidate.name)
    tags = sorted((one for one in by_name if one.candidate.kind == "tag"), key=lambda one: natural(one.candidate.name), reverse=True)
    others = sorted((one for one in by_name if one.candidate.kind != "tag"), key=lambda one: not names_series(one.candidate.name, branch))
    return sorted(tags, key=lambda one: prerelease(one.candidate.name) != "") + others


class _Siblings:
    """All candidates of a plugin, looked through once and no further than needed."""

    def __init__(self, known: Sequence[Rated]) -> None:
        self._known = iter(known)
        self._next = next(self._known, None)
        self._judge: Rated | None = None

    def that_rules_out(self, branch: int, below: Rated) -> Rated | None:
        """The newest release whose maintainer says that it is not for this Moodle, if it is newer than ``below``."""
        while self._judge is None and self._next and _version(self._next) > _version(below):
            self._judge = self._next if self._next.rules_out(branch) else None
            self._next = next(self._known, None)
        return self._judge if self._judge and _version(self._judge) > _version(below) else None


def _outweighed(one: Rated, branch: int) -> list[Fault]:
    """A forgotten old version that declares nothing looks compatible with everything: a newer one that declares knows better."""
    if one.version is None or (one.candidate.version or {}).get("supported") is not None:
        return []
    judge = one.siblings.that_rules_out(branch, one)
    if judge is None or judge.supported is None:
        return []
    return [Fault(OUTWEIGHED, f"declares no 'supported', and the newer {judge} {not_supported(judge.supported, branch)}")]


def _judge(candidate: Candidate, version: Decimal | None, wish: Wish, moodle: Moodle) -> Judgement:
    faults = [] if wish.pinned else _faults_of_name(candidate, wish)
    properties = candidate.version
    if properties is None or candidate.refused:
        return Judgement((*faults, Fault(USELESS, f"gives no version: {candidate.refused or 'it has no version.php'}")))
    if version is None:
        faults.append(Fault(USELESS, f"has a version ({said(properties.get('version'))}) that is no number"))
    if properties.get("component") not in (None, wish.component):
        faults.append(Fault(USELESS, f"calls itself {properties['component']}"))
    if wish.exact and not wish.pinned:
        faults += _faults_of_exact(properties, version, wish.exact)
    elif not wish.pinned:
        faults += _faults_of_maturity(properties.get("maturity"), wish)
    supported, faults_of_support = support(properties.get("supported"), moodle.branch)
    needs, faults_of_needs = needs_of(properties.get("dependencies"))
    faults += faults_of_requires(properties.get("requires"), moodle)
    faults += [*faults_of_incompatible(properties.get("incompatible"), moodle), *faults_of_support, *faults_of_needs]
    if not (wish.force and (wish.pinned or wish.exact)):
        return Judgement(tuple(faults), (), supported, needs)
    waived = tuple(fault for fault in faults if fault.kind in WAIVABLE)
    return Judgement(tuple(fault for fault in faults if fault not in waived), waived, supported, needs)


def _faults_of_name(candidate: Candidate, wish: Wish) -> list[Fault]:
    if candidate.kind == "branch" and not is_release_branch(candidate.name):
        return [Fault(NAME, "is a working branch, not a release")]
    word = prerelease(candidate.name) if candidate.kind == "tag" and not wish.exact else ""
    if word and MATURITIES.get(word, 0) < MATURITIES[wish.maturity]:
        return [Fault(NAME, f"is named {word}" + (f"; 'maturity: {word}' takes it" if word in MATURITIES else ", which is not a release"))]
    return []


def _faults_of_exact(properties: Mapping[str, t.Any], version: Decimal | None, exact: str) -> list[Fault]:
    release = str(properties.get("release", ""))
    if (version is not None and version == number(exact)) or exact in (release, release.partition(" (")[0]):
        return []
    return [Fault(OTHER, f"is not version {exact}, which was asked for")]


def _faults_of_maturity(declared: object, wish: Wish) -> list[Fault]:
    maturity = number(MATURITIES["stable"] if declared is None else declared)
    if maturity is None:
        return [Fault(MATURITY, f"has a maturity ({said(declared)}) that Moodle does not know")]
    if maturity >= MATURITIES[wish.maturity]:
        return []
    word = max((word for word in MATURITIES if MATURITIES[word] <= maturity), key=lambda word: MATURITIES[word], default="alpha")
    name = {"alpha": "an alpha", "beta": "a beta", "rc": "a release candidate"}[word]
    return [Fault(MATURITY, f"is {name}; 'maturity: {word}' takes it")]
