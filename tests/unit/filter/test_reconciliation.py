# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table says of each component how far it is; a host that cannot be asked is never taken for one in order."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.lms.moodle.plugins.filter.reconciliation import COLUMNS, reconciliation, revision_served

NEW, OLD = "a" * 40, "b" * 40


def part(component: str, commit: str = NEW, version: int = 2, ref: str = "v2") -> dict[str, t.Any]:
    return {"component": component, "commit": commit, "version": version, "ref": ref}


def built(component: str, *, same: bool = True, **more: t.Any) -> dict[str, t.Any]:
    return {**part(component, **more), "same": same}


def info(**more: t.Any) -> dict[str, t.Any]:
    """All in order, but for what is given."""
    names = ("moodle", "mod_board")
    return {
        "planned": [part(name) for name in names],
        "desired": [{"component": name, "wanted": "tag v2"} for name in names],
        "locked": [part(name) for name in names],
        "built": {"components": [built(name) for name in names]},
        "outdated": [],
        "deployed": {"new": [{"component": name, "version": 2, "same": True} for name in names]},
        "in_sync": True,
        **more,
    }


def serves(revision: str, **more: t.Any) -> dict[str, t.Any]:
    return {"current": "r1", "releases": [{"id": "r1", "revision": revision}], **more}


def verdicts(found: dict[str, t.Any]) -> dict[str, str]:
    return {row["component"]: row["verdict"] for row in found["rows"]}


def test_all_in_order() -> None:
    found = reconciliation(info(), {"web1": serves("new"), "web2": serves("new")})
    assert found["in_sync"]
    assert found["table"] == [
        "component  wanted  locked  deployed  available  verdict",
        "moodle     tag v2  v2      2         2 (v2)     in order",
        "mod_board  tag v2  v2      2         2 (v2)     in order",
    ]


def test_what_the_file_asks_for_and_nobody_built_is_to_build_and_to_deliver() -> None:
    old = {"new": [{"component": "moodle", "version": 2, "same": True}, {"component": "mod_board", "version": 1, "same": False}]}
    last = {"components": [built("moodle"), built("mod_board", same=False, commit=OLD)]}
    found = reconciliation(info(built=last, deployed=old, in_sync=False), {"web1": serves("new")})
    assert verdicts(found) == {"moodle": "in order", "mod_board": "to build, to deliver"}
    assert found["rows"][1]["deployed"] == "1"
    assert not found["in_sync"]


@pytest.mark.parametrize("change", [{"same": False}, {"ref": "v2-again"}, {"commit": OLD}])
def test_files_as_well_as_names_make_something_to_build(change: dict[str, t.Any]) -> None:
    found = reconciliation(info(built={"components": [built("moodle"), built("mod_board", **change)]}), {"web1": serves("new")})
    assert verdicts(found) == {"moodle": "in order", "mod_board": "to build"}
    assert not found["in_sync"]


def test_other_files_of_the_same_version_are_told_with_their_host() -> None:
    rows = [{"component": "moodle", "version": 2, "same": True}, {"component": "mod_board", "version": 2, "same": False}]
    found = reconciliation(info(deployed={**info()["deployed"], "fixed": rows}), {"web1": serves("new"), "web2": serves("fixed")})
    assert [row["deployed"] for row in found["rows"]] == ["2", "web1: 2, web2: 2 (other files)"]
    assert verdicts(found) == {"moodle": "in order", "mod_board": "to deliver"}
    assert not found["in_sync"]


def test_what_was_taken_out_of_the_file_is_to_remove() -> None:
    last = {"components": [built("moodle"), built("mod_board"), built("mod_gone", same=False)]}
    found = reconciliation(info(built=last, in_sync=False), {"web1": serves("new")})
    assert found["rows"][2] == {**dict.fromkeys(COLUMNS, "-"), "component": "mod_gone", "locked": "v2", "verdict": "to remove"}


def test_what_only_a_host_still_has_is_to_remove() -> None:
    """It was built without the plugin, and never delivered since."""
    old = [*info()["deployed"]["new"], {"component": "mod_gone", "version": "1", "same": False}]
    found = reconciliation(info(deployed={**info()["deployed"], "old": old}), {"web1": serves("new"), "web2": serves("old")})
    assert verdicts(found) == {"moodle": "in order", "mod_board": "in order", "mod_gone": "to remove"}
    assert found["rows"][2]["deployed"] == "web1: -, web2: 1"
    assert not found["in_sync"]


def test_a_newer_version_is_told_and_is_no_reason_to_act() -> None:
    newer = [{"component": "mod_board", "current": "2 (v2)", "available": "3 (v3)", "reason": "newest"}]
    found = reconciliation(info(outdated=newer), {"web1": serves("new")})
    assert verdicts(found)["mod_board"] == "newer available"
    assert found["rows"][1]["available"] == "3 (v3)"
    assert found["in_sync"]


@pytest.mark.parametrize(
    ("about", "word", "verdict"),
    [
        ({"unreachable": True, "msg": "Connection\ntimed out"}, "unreachable", "not known"),
        ({"failed": True, "msg": "no"}, "failed", "not known"),
        ({}, "not asked", "not known"),
        ({"current": None, "releases": []}, "nothing", "to deliver"),
        (serves("somebody's own"), "unknown", "to deliver"),
        ({"current": "by hand", "releases": []}, "unknown", "to deliver"),
    ],
)
def test_a_host_that_is_not_known_to_serve_it_is_out_of_step(about: dict[str, t.Any], word: str, verdict: str) -> None:
    found = reconciliation(info(), {"web1": serves("new"), "web2": about})
    assert not found["in_sync"]
    assert verdicts(found) == {"moodle": verdict, "mod_board": verdict}
    assert found["rows"][0]["deployed"] == f"web1: 2, web2: {word}"


def test_a_host_that_said_nothing_is_named_below_the_table_with_the_reason() -> None:
    found = reconciliation(info(), {"web1": {"unreachable": True, "msg": "Connection\ntimed out"}, "web2": {}})
    assert found["table"][-2:] == ["web1: unreachable: Connection timed out", "web2: not asked"]
    assert verdicts(found) == {"moodle": "not known", "mod_board": "not known"}


def test_drift_is_listed_file_by_file() -> None:
    drifted = serves("new", drift={"modified": ["lib/a.php"], "missing": [], "unexpected": ["x.php"]})
    found = reconciliation(info(), {"web1": drifted})
    assert found["table"][-2:] == ["web1: modified lib/a.php", "web1: unexpected x.php"]
    assert not found["in_sync"]


def test_what_is_no_result_is_told() -> None:
    with pytest.raises(AnsibleFilterError, match="moodle_codebase_info"):
        reconciliation({}, {})


def test_a_host_that_serves_nothing_has_no_revision() -> None:
    assert revision_served({}) == revision_served({"failed": True}) == revision_served({"current": None, "releases": []}) == ""
    assert revision_served(serves("new")) == "new"
