# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the resolver is given: the core, the plugins that are wished for, and the refs that each could be taken from."""

from __future__ import annotations

import re
import typing as t
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

MATURITIES = {"alpha": 50, "beta": 100, "rc": 150, "stable": 200}
ANY = "any"
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_FIRST_OF_THREE_DIGITS = 100

# The day in the version of each series' first release.
_SERIES = {
    20180517: "3.5",
    20181203: "3.6",
    20190520: "3.7",
    20191118: "3.8",
    20200615: "3.9",
    20201109: "3.10",
    20210517: "3.11",
    20220419: "4.0",
    20221128: "4.1",
    20230424: "4.2",
    20231009: "4.3",
    20240422: "4.4",
    20241007: "4.5",
    20250414: "5.0",
    20251006: "5.1",
}
_DAYS = list(_SERIES)


@dataclass(frozen=True)
class Candidate:
    """A ref that a plugin could be taken from, with the properties of ``$plugin`` there."""

    kind: str  # tag, branch, commit or zip
    name: str
    commit: str
    version: Mapping[str, t.Any] | None
    refused: str = ""  # why there is no version
    brings: Mapping[str, t.Any] = field(default_factory=dict)  # the versions of sub-plugins inside it, None where unknown

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Wish:
    """A plugin of the code base file. A pinned one has one candidate: the ref that was asked for, or what the lock holds."""

    component: str
    pinned: bool
    force: bool
    maturity: str  # the lowest that is taken by itself: alpha, beta, rc or stable
    exact: str = ""  # the plugin's version or release that is asked for
    candidates: Sequence[Candidate] = ()
    source: str = ""
    locked: bool = False  # pinned by the lock, not by the code base file


@dataclass(frozen=True)
class Core:
    version: t.Any
    branch: str | int
    release: str
    plugins: Mapping[str, t.Any] = field(default_factory=dict)  # the versions of core's own plugins, None where unknown


def number(value: object) -> Decimal | None:
    """A version exactly as it is written, or None for what is no number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        exact = Decimal(str(value))
        return exact if exact.is_finite() else None
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return Decimal(value.strip())
    return None


def shown(version: Decimal | None) -> str:
    if version is None:
        return "an unknown version"
    text = format(version, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def series_of_branch(branch: int) -> str:
    """The series in words: 39 is 3.9, 310 is 3.10, 405 is 4.5."""
    if branch < _FIRST_OF_THREE_DIGITS:
        return f"{branch // 10}.{branch % 10}"
    return f"{branch // 100}.{branch % 100}"


def series_of_version(version: Decimal) -> str:
    """The first release that has this version of the core: 2023042402 is 4.2.2, 2023012600 was made on the way to 4.2."""
    day, release = divmod(int(version), 100)
    if day in _SERIES:
        return f"{_SERIES[day]}.{release}" if release else _SERIES[day]
    place = bisect_left(_DAYS, day)
    return _SERIES[_DAYS[place]] if 0 < place < len(_DAYS) else ""
