# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for the tests of the resolver: a core, candidates, wishes, and what comes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.codebase.resolving.resolver import (
    Candidate,
    Choice,
    Core,
    Resolution,
    Wish,
    resolve,
)
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

SERIES = {"3.7": (2019052000, 37), "3.9": (2020061500, 39), "3.10": (2020110900, 310), "3.11": (2021051700, 311)}
SERIES |= {"4.0": (2022041900, 400), "4.1": (2022112800, 401), "4.2": (2023042400, 402), "4.3": (2023100900, 403)}
SERIES |= {"4.4": (2024042200, 404), "4.5": (2024100700, 405), "5.0": (2025041400, 500)}


def core(series: str = "4.2", **plugins: Any) -> Core:
    version, branch = SERIES[series]
    return Core(version, str(branch), f"{series} (Build: {version // 100})", plugins)


def at(ref: str, version: object, commit: str = "", brings: Mapping[str, Any] | None = None, **properties: Any) -> Candidate:
    """A candidate like ``branch main``; without a version its version.php could not be read."""
    kind, _dummy, name = ref.partition(" ")
    found = None if version is None else {"version": version, **properties}
    return Candidate(kind, name, commit or f"commit of {ref}", found, "" if found else "line 3: '<' is beyond this reader", brings or {})


def wish(component: str, *candidates: Candidate, maturity: str = "stable", exact: str = "") -> Wish:
    return Wish(component, False, False, maturity, exact, candidates)


def pinned(component: str, candidate: Candidate, force: bool = False, locked: bool = False) -> Wish:
    return Wish(component, True, force, "stable", "", [candidate], locked=locked)


def only(wished: Wish, series: str = "4.2", **plugins: Any) -> Choice:
    return resolve(core(series, **plugins), [wished]).choices[wished.component]


def refs(resolution: Resolution) -> dict[str, str]:
    return {component: str(choice.candidate) for component, choice in resolution.choices.items()}


def reasons(choice: Choice) -> dict[str, str]:
    return {rejected.ref: rejected.reason for rejected in choice.rejected}


def error(wishes: Sequence[Wish], series: str = "4.2", **plugins: Any) -> str:
    with pytest.raises(BadInput) as caught:
        resolve(core(series, **plugins), wishes)
    return caught.value.message
