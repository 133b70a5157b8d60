# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet's upgrade and its registry file as AWX makes them, by the user of the web server where this test may become it."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator

import pytest
from support.fleet import Fleet, a_fleet
from support.mariadb import MariaDB
from support.platforms import Platform
from support.web import PhpServer, free_port


@pytest.fixture(scope="module")
def fleet(standin_platform: Platform, database_server: MariaDB) -> Iterator[Fleet]:
    with a_fleet(standin_platform, database_server) as made:
        yield made


def state(fleet: Fleet, name: str) -> tuple[bool, bool]:
    """Whether a node is pending, and whether it is closed, past Moodle and past the job."""
    node = fleet.nodes[name]
    return fleet.site.config("allversionshash", node) == "old", (node.dataroot / "climaintenance.html").exists()


def report(fleet: Fleet) -> list[str]:
    """The lines of the newest report."""
    return max((fleet.folder / "notes").glob("report-*.txt")).read_text().splitlines()


def test_a_job_upgrades_the_fleet_and_the_next_one_does_what_is_left(fleet: Fleet) -> None:
    asked: dict[str, t.Any] = {"moodle_upgrade_dir": str(fleet.folder / "notes")}
    for node in fleet.nodes.values():
        fleet.site.query("UPDATE mdl_config SET value = 'old' WHERE name = 'allversionshash'", node)
    # One was closed by somebody, the other cannot be upgraded yet.
    (fleet.nodes["alpha"].dataroot / "climaintenance.html").write_text("closed by hand")
    fault = fleet.nodes["beta"].dataroot / "minimoodle.json"
    fault.write_text(json.dumps({"upgrade": "fail"}))
    fleet.give_away()

    before = fleet.files()
    done = fleet.job("fleet_upgrade", "upgrade-check", "--check", **asked)
    assert done.status == "successful", done.log[-3000:]
    assert "2 nodes, 2 with a pending upgrade" in done.log
    assert fleet.files() == before

    done = fleet.job("fleet_upgrade", "upgrade", **asked)
    assert done.status == "failed"
    assert (state(fleet, "alpha"), state(fleet, "beta")) == ((False, True), (True, True)), done.log[-3000:]
    lines = report(fleet)
    assert lines[0] == "1 of 2 nodes upgraded, 1 of 2 not ok, 1 closed for the upgrade"
    assert any(line.startswith("1 were closed by somebody, and stay closed: http://alpha") for line in lines)
    assert [line for line in lines if line.startswith("http")] == [line for line in lines if "beta" in line and "upgrade: failed:" in line]
    assert done.artifacts["moodle_fleet"] == {"nodes": 2, "pending": 2, "upgraded": 1, "not_ok": 1, "closed": 1}

    fault.unlink()
    done = fleet.job("fleet_upgrade", "again", **asked)
    assert done.status == "successful", done.log[-3000:]
    assert (state(fleet, "alpha"), state(fleet, "beta")) == ((False, True), (False, False))
    assert report(fleet)[0] == "1 of 1 nodes upgraded, 0 of 2 not ok, 0 closed for the upgrade"


def test_what_was_closed_before_a_delivery_that_failed_is_opened_again(fleet: Fleet) -> None:
    asked: dict[str, t.Any] = {"moodle_upgrade_dir": str(fleet.folder / "other-notes"), "moodle_nodes": ["beta"]}
    done = fleet.job("fleet_upgrade", "close", moodle_close_all="true", **asked)
    assert done.status == "successful", done.log[-3000:]
    assert state(fleet, "beta") == (False, True)
    done = fleet.job("fleet_upgrade", "open", **asked)
    assert done.status == "successful", done.log[-3000:]
    assert state(fleet, "beta") == (False, False)


def test_a_node_without_its_snapshot_is_not_upgraded_and_one_that_does_not_answer_is_told(fleet: Fleet) -> None:
    (fleet.nodes["alpha"].dataroot / "climaintenance.html").unlink(missing_ok=True)
    for node in fleet.nodes.values():
        fleet.site.query("UPDATE mdl_config SET value = 'old' WHERE name = 'allversionshash'", node)
    snapshots = fleet.folder / "snapshots"
    snapshots.mkdir()
    (snapshots / "beta.campus.test").write_text("in the way")
    fleet.give_away()
    port = free_port()
    with PhpServer(fleet.site.code, port, php=fleet.php()):
        asked: dict[str, t.Any] = {
            "moodle_upgrade_dir": str(fleet.folder / "notes"),
            "moodle_canary": 0,
            "moodle_snapshot": "before",
            "moodle_snapshots": str(snapshots),
            "moodle_nodes_health_url": f"http://127.0.0.1:{port}/",
        }
        done = fleet.job("fleet_upgrade", "snapshot", **asked)
        assert done.status == "failed"
        assert (state(fleet, "alpha"), state(fleet, "beta")) == ((False, False), (True, True)), done.log[-3000:]
        assert [line for line in report(fleet) if line.startswith("http")] == [
            line for line in report(fleet) if "beta" in line and ": snapshot: " in line
        ]
        assert (snapshots / "alpha.campus.test" / "before" / "snapshot.json").exists()

        (snapshots / "beta.campus.test").unlink()
        done = fleet.job("fleet_upgrade", "answer", moodle_nodes_health_status=[418], **asked)
    assert done.status == "failed"
    assert state(fleet, "beta") == (False, False), done.log[-3000:]
    assert any(line.startswith("http://beta.campus.test: answer: ") for line in report(fleet))
    assert (snapshots / "beta.campus.test" / "before" / "snapshot.json").exists()


def test_a_job_writes_the_registry_file_without_passwords_and_only_when_it_differs(fleet: Fleet) -> None:
    file = fleet.folder / "registry.json"
    done = [fleet.job("fleet_inventory", f"inventory-{number}", moodle_registry_file=str(file)) for number in range(2)]
    assert [job.status for job in done] == ["successful"] * 2, done[-1].log[-3000:]
    assert [sum(job.stats["changed"].values()) for job in done] == [1, 0]
    assert file.stat().st_mode & 0o777 == 0o640
    assert {node["name"] for node in json.loads(file.read_text())["nodes"]} == set(fleet.nodes)
    assert "vdbpass" not in file.read_text()
