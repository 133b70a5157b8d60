# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a version.php says about the Moodle and the plugins that it wants, compared as Moodle itself compares."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from decimal import Decimal

from ...common.errors import BadInput
from .candidates import ANY, Core, number, series_of_branch, series_of_version, shown

Span = tuple[int, int]
_BRANCH = re.compile(r"0*[1-9][0-9]{0,18}")

# What is against a candidate, by what helps.
USELESS = "useless"  # nothing: it is not that plugin, or nobody can tell
OTHER = "other"  # nothing: another version was asked for
NAME = "name"  # asking for it
MATURITY = "maturity"  # asking for it, or for less maturity
OUTWEIGHED = "outweighed"  # asking for it
SUPPORT = "support"  # force: only the maintainer says so
DEMAND = "demand"  # force, but Moodle itself goes on refusing
WAIVABLE = (SUPPORT, DEMAND)


class Fault(t.NamedTuple):
    kind: str
    text: str


class Need(t.NamedTuple):
    """Another plugin that must be there; the version None stands for any."""

    component: str
    version: Decimal | None

    def __str__(self) -> str:
        return f"{self.component} {shown(self.version)} or newer" if self.version is not None else f"{self.component} (any version)"


class Moodle(t.NamedTuple):
    """The core, its numbers understood."""

    version: Decimal
    branch: int
    series: str
    release: str


def understood(core: Core) -> Moodle:
    version, branch = number(core.version), number(core.branch)
    if version is None or branch is None or branch != int(branch):
        raise BadInput(f"The core says version {core.version!r} and branch {core.branch!r}, which are no numbers: is its source a Moodle?")
    series = series_of_branch(int(branch))
    return Moodle(version, int(branch), series, core.release.split(" ")[0] or series)


def faults_of_requires(requires: object, moodle: Moodle) -> list[Fault]:
    if not requires or requires == ANY:
        return []
    needed = number(requires)
    if needed is None:
        return [Fault(DEMAND, f"has a 'requires' ({said(requires)}) that is no number")]
    if needed <= moodle.version:
        return []
    series = series_of_version(needed)
    wanted = f"{shown(needed)} ({series})" if series else shown(needed)
    return [Fault(DEMAND, f"needs Moodle version {wanted}, this is {shown(moodle.version)} ({moodle.release})")]


def faults_of_incompatible(declared: object, moodle: Moodle) -> list[Fault]:
    """The first branch that does not work; all later ones do not either."""
    if declared is None:
        return []
    text = str(declared) if isinstance(declared, (int, str)) else ""
    if not _BRANCH.fullmatch(text):
        return [Fault(DEMAND, f"has an 'incompatible' ({said(declared)}) that is no branch number, which Moodle refuses")]
    if moodle.branch < int(text):
        return []
    return [Fault(DEMAND, f"is incompatible with {text} and later, this is {moodle.branch}")]


def support(declared: object, branch: int) -> tuple[Span | None, list[Fault]]:
    if declared is None:
        return None, []
    pair = declared if isinstance(declared, list) and [type(item) for item in declared] == [int, int] else None
    if pair is None or pair[0] > pair[1]:
        return None, [Fault(DEMAND, f"has a 'supported' ({said(declared)}) that is not a first and a last branch, which Moodle refuses")]
    span = (pair[0], pair[1])
    return span, [] if within(branch, span) else [Fault(SUPPORT, not_supported(span, branch))]


def needs_of(declared: object) -> tuple[tuple[Need, ...], list[Fault]]:
    if not declared:
        return (), []
    if not isinstance(declared, Mapping):
        return (), [Fault(DEMAND, f"has 'dependencies' ({said(declared)}) that name no plugins")]
    needs, faults = [], []
    for component, declared_version in declared.items():
        version = None if declared_version == ANY else number(declared_version)
        if version is None and declared_version != ANY:
            faults.append(Fault(DEMAND, f"needs {component} at '{said(declared_version)}', which is no version"))
        needs.append(Need(str(component), version))
    return tuple(needs), faults


def within(branch: int, span: Span) -> bool:
    return span[0] <= branch <= span[1]


def not_supported(span: Span, branch: int) -> str:
    return f"supports {span_in_words(span)}, not {branch}"


def span_in_words(span: Span) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]} to {span[1]}"


def said(value: object) -> str:
    return "nothing" if value is None else str(value)[:60]
