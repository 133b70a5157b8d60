# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Canary, batches and the budget of failures."""

from __future__ import annotations

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node
from ansible_collections.lms.moodle.plugins.module_utils.fleet.pace import Budget, waves

NODES = [Node(f"https://{number}.test", str(number), f"db{number}") for number in range(5)]


def sizes(**pace: int) -> list[tuple[int, bool]]:
    return [(len(wave.nodes), wave.canary) for wave in waves(NODES, **pace)]


def test_waves() -> None:
    assert sizes(canary=0, batch=0) == [(5, False)]
    assert sizes(canary=1, batch=0) == [(1, True), (4, False)]
    assert sizes(canary=1, batch=3) == [(1, True), (3, False), (1, False)]
    assert sizes(canary=9, batch=0) == [(5, True)]
    assert list(waves([], canary=0, batch=0)) == []


def test_without_a_budget_nothing_stops_and_any_failure_fails() -> None:
    budget = Budget.parse(None, 10)
    assert (budget.stops(10), budget.fails(0), budget.fails(1)) == (False, False, True)


@pytest.mark.parametrize(("text", "total", "allowed"), [("0", 9, 0), ("3", 9, 3), ("5%", 100, 5), ("5%", 10, 0), (" 50 % ", 9, 4)])
def test_budget_is_a_count_or_a_share(text: str, total: int, allowed: int) -> None:
    budget = Budget.parse(text, total)
    assert (budget.stops(allowed), budget.stops(allowed + 1), budget.fails(allowed)) == (False, True, False)


@pytest.mark.parametrize("text", ["", "-1", "many", "5 percent", "101%", "1.5"])
def test_other_budgets_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="max_failures"):
        Budget.parse(text, 10)
