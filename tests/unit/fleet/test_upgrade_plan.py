# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an upgrade of the fleet closes, upgrades and opens: what somebody else closed is never opened."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.lms.moodle.plugins.filter.fleet import (
    fleet_failed,
    fleet_origins,
    fleet_outcome,
    fleet_plan,
    fleet_spent,
    fleet_waves,
)

A, B, C = ("https://a.test", "https://b.test", "https://c.test")


def node(address: str, **state: t.Any) -> dict[str, t.Any]:
    known = {"enabled": True, "reachable": True, "upgrade_pending": False, "maintenance": False, "error": None}
    return {"wwwroot": address, **known, **state}


def ran(**verdicts: str) -> dict[str, t.Any]:
    return {"nodes": [{"wwwroot": f"https://{name}.test", "verdict": verdict, "reason": "why"} for name, verdict in verdicts.items()]}


@pytest.mark.parametrize(
    ("pending", "closed", "ours", "close", "opened", "kept"),
    [
        (True, False, False, True, False, True),
        (True, True, True, False, False, True),
        (True, True, False, False, False, False),
        # Left by a run that was killed: before it closed the node, after it upgraded it, after it opened it.
        (True, False, True, True, False, True),
        (False, True, True, False, True, True),
        (False, False, True, False, False, False),
        (False, True, False, False, False, False),
    ],
)
def test_each_state_that_a_node_may_be_in(*, pending: bool, closed: bool, ours: bool, close: bool, opened: bool, kept: bool) -> None:
    plan = fleet_plan([node(A, upgrade_pending=pending, maintenance=closed)], [A] if ours else [])
    assert plan["upgrade"] == ([A] if pending else [])
    assert (plan["close"], plan["open"], plan["closed_by_us"]) == ([A] * close, [A] * opened, [A] * kept)


def test_all_are_closed_before_the_swap_but_those_that_are() -> None:
    nodes = [node(A), node(B, maintenance=True), node(C, maintenance=True)]
    plan = fleet_plan(nodes, [C], close_all=True)
    assert (plan["close"], plan["open"], plan["upgrade"], plan["closed_by_us"]) == ([A], [], [], [C, A])
    after = fleet_outcome(plan, {"close": ran()}, [node(address, maintenance=True) for address in (A, B, C)])
    assert (after["failed"], after["lines"], after["closed_by_us"]) == (False, [], [C, A])


def test_disabled_nodes_are_left_alone_and_those_that_cannot_be_asked_are_told() -> None:
    silent = node(B, reachable=False, error="Connection refused", upgrade_pending=None, maintenance=None)
    plan = fleet_plan([node(A, enabled=False, upgrade_pending=True), silent], [])
    assert (plan["upgrade"], plan["close"], plan["asked"], plan["count"]) == ([], [], [], 1)
    assert f"1 cannot be asked: {B} (Connection refused)" in plan["findings"]
    assert fleet_outcome(plan, {}, [])["lines"] == [f"{B}: cannot be asked: Connection refused"]


def test_word_of_nodes_that_this_run_is_not_for_is_kept() -> None:
    plan = fleet_plan([node(A)], [B])
    assert (plan["open"], plan["closed_by_us"]) == ([], [B])
    assert fleet_outcome(plan, {}, [node(A)])["closed_by_us"] == [B]


def test_the_outcome_believes_the_nodes_and_not_the_verdicts_alone() -> None:
    nodes = [node(address, upgrade_pending=True) for address in (A, B, C)]
    plan = fleet_plan(nodes, [])
    after = [node(A), node(B, upgrade_pending=True, maintenance=True), node(C, maintenance=True)]
    told = fleet_outcome(plan, {"close": ran(), "upgrade": ran(), "open": {"skipped": True}}, after)
    assert told["lines"] == [f"{B}: its upgrade is pending still", f"{C}: is still closed"]
    assert (told["failed"], told["closed_by_us"], told["counts"]["upgraded"]) == (True, [B, C], 1)


def test_a_node_that_failed_is_told_once_and_may_be_allowed_for() -> None:
    plan = fleet_plan([node(address, upgrade_pending=True) for address in (A, B)], [])
    after = [node(A), node(B, upgrade_pending=True, maintenance=True)]
    runs = {"upgrade": ran(b="failed")}
    assert fleet_outcome(plan, runs, after)["failed"]
    told = fleet_outcome(plan, runs, after, "50%")
    assert (told["failed"], told["lines"]) == (False, [f"{B}: upgrade: failed: why"])


def test_a_run_that_could_not_begin_fails_whatever_is_allowed() -> None:
    told = fleet_outcome(fleet_plan([node(A)], []), {"upgrade": {"msg": "There is no script"}}, [node(A)], "100%")
    assert (told["failed"], told["lines"]) == (True, ["upgrade: There is no script"])


def test_what_failed_is_found_in_a_run_and_in_a_loop() -> None:
    loop = {"results": [{"item": A, "failed": True, "msg": "no room"}, {"item": B, "changed": True}, {"item": C, "failed": True}]}
    assert fleet_failed(loop) == {A: "no room", C: "failed"}
    assert fleet_failed(ran(a="ok", b="timeout")) == {B: "timeout: why"}
    assert fleet_failed({"skipped": True}) == fleet_failed({"msg": "There is no script"}) == {}
    plan = fleet_plan([node(A, upgrade_pending=True), node(B, upgrade_pending=True)], [])
    told = fleet_outcome(plan, {"snapshot": loop}, [node(A, upgrade_pending=True, maintenance=True), node(B)])
    assert told["lines"] == [f"{A}: snapshot: no room", f"{C}: snapshot: failed"]


def test_a_result_that_tells_of_no_node_is_the_failure_of_all_that_were_asked() -> None:
    assert fleet_failed({"msg": "There is no script"}, [A, B]) == {A: "There is no script", B: "There is no script"}
    assert fleet_failed({"skipped": True, "msg": "x"}, [A]) == {}


def test_the_first_wave_is_the_canary() -> None:
    sites = [A, B, C, "https://d.test", "https://master.test"]
    assert fleet_waves(sites[:4], sites, 1, 2) == [[A], [B, C], ["https://d.test"]]
    assert fleet_waves(sites[:4], sites, 0, 3) == [[A, B, C], ["https://d.test"]]
    assert fleet_waves([A], sites, 2, 10) == [[A]]
    assert fleet_waves([], sites, 1, 10) == []


def test_nodes_that_no_web_server_can_tell_apart_by_their_name_are_no_wave() -> None:
    with pytest.raises(AnsibleFilterError, match="cannot lead them"):
        fleet_waves(["https://master.test/law"], ["https://master.test", "https://master.test/law", A], 1, 10)
    assert fleet_waves([A], ["https://master.test", "https://master.test/law", A], 1, 10) == [[A]]


def test_each_node_goes_back_to_where_it_came_from() -> None:
    routes = {"a.test": "older", "b.test": "new"}
    assert fleet_origins([A, B, C], routes, "current", "new") == {"older": ["a.test"], "current": ["b.test", "c.test"]}


def test_only_a_budget_that_is_spent_stops_the_next_wave() -> None:
    plan = fleet_plan([node(address, upgrade_pending=True) for address in (A, B, C)], [])
    assert not fleet_spent({A: "why", B: "why", C: "why"}, plan)
    assert not fleet_spent({A: "why"}, plan, "1")
    assert fleet_spent({A: "why", B: "why"}, plan, "1")
