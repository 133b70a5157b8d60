# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table says of each component how far it is; a host that cannot be asked is never taken for one in order."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.lms.moodle.plugins.filter.reconciliation import reconciliation, revision_served

NEW, OLD = "a" * 40, "b" * 40


def part(component: str, commit: str = NEW, version: int = 2, ref: str = "v2") -> dict[str, t.Any]:
    return {"component": component, "commit": commit, "version": version, "ref": ref}


def info(**more: t.Any) -> dict[str, t.Any]:
    """All in order, but for what is given."""
    names = ("moodle", "mod_board")
    return {
        "planned": [part(name) for name in names],
        "desired": [{"component": name, "wanted": "tag v2"} for name in names],
        "locked": [part(name) for name in names],
        "built": {"components": [part(name) for name in names]},
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
    found = reconciliation(
        info(built={"components": [part("moodle"), part("mod_board", OLD)]}, deployed=old, in_sync=False), {"web1": serves("new")}
    )
    assert verdicts(found) == {"moodle": "in order", "mod_board": "to build, to deliver"}
    assert not found["in_sync"]


def test_what_was_taken_out_of_the_file_is_to_remove() -> None:
    built = {"components": [part("moodle"), part("mod_board"), part("mod_gone")]}
    assert verdicts(reconciliation(info(built=built, in_sync=False), {"web1": serves("new")}))["mod_gone"] == "to remove"


def test_a_newer_version_is_told_and_is_no_reason_to_act() -> None:
    newer = [{"component": "mod_board", "current": "2 (v2)", "available": "3 (v3)", "reason": "newest"}]
    found = reconciliation(info(outdated=newer), {"web1": serves("new")})
    assert verdicts(found)["mod_board"] == "newer available"
    assert found["rows"][1]["available"] == "3 (v3)"
    assert found["in_sync"]


@pytest.mark.parametrize(
    ("about", "word"),
    [
        ({"unreachable": True}, "unreachable"),
        ({"failed": True, "msg": "no"}, "unreachable"),
        ({"current": None, "releases": []}, "nothing"),
        (serves("somebody's own"), "unknown"),
    ],
)
def test_a_host_that_is_not_known_to_serve_it_is_out_of_step(about: dict[str, t.Any], word: str) -> None:
    found = reconciliation(info(), {"web1": serves("new"), "web2": about})
    assert not found["in_sync"]
    assert verdicts(found) == {"moodle": "to deliver", "mod_board": "to deliver"}
    assert found["rows"][0]["deployed"] == f"web1: 2, web2: {word}"


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
