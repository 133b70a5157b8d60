# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A script on the fleet and a backup of courses as AWX runs them, by the user of the web server where this test may become it."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterator

import pytest
from support.fleet import Fleet, a_fleet
from support.mariadb import MariaDB
from support.platforms import Platform

UNKNOWN = "nobody.campus.test"


@pytest.fixture(scope="module")
def fleet(standin_platform: Platform, database_server: MariaDB) -> Iterator[Fleet]:
    with a_fleet(standin_platform, database_server) as made:
        yield made


def test_a_job_runs_a_script_on_the_fleet_and_names_the_node_that_is_not_there(fleet: Fleet) -> None:
    kept = fleet.folder / "kept"
    asked: dict[str, t.Any] = {
        "moodle_script": "local/vmoodle/cli/purge_caches.php",
        "moodle_nodes": ["alpha", "beta", UNKNOWN],
        "moodle_log_dir": str(kept),
        "moodle_retry_file": str(fleet.folder / "retry"),
        "moodle_records": str(fleet.folder / "records"),
    }
    # Longer than the ten seconds between two lines about the progress.
    (fleet.nodes["alpha"].dataroot / "minimoodle.json").write_text(json.dumps({"purge_caches": {"do": "slow", "seconds": 12}}))
    fleet.give_away()

    before = fleet.files(), fleet.purged()
    done = fleet.job("fleet_run", "fleet-check", "--check", moodle_max_failures="1", **asked)
    assert done.status == "successful", done.log[-3000:]
    (result,) = done.results("vmoodle_cli")
    assert {node["name"]: node["verdict"] for node in result["nodes"]} == {"alpha": "skipped", "beta": "skipped", UNKNOWN: "failed"}
    assert (fleet.files(), fleet.purged()) == before

    done = fleet.job("fleet_run", "fleet", **asked)
    assert done.status == "failed"
    (result,) = done.results("vmoodle_cli", "runner_on_failed")
    assert {node["name"]: node["verdict"] for node in result["nodes"]} == {"alpha": "ok", "beta": "ok", UNKNOWN: "failed"}
    assert result["msg"].startswith(f"1 of 3 nodes failed: {UNKNOWN}: unknown")
    assert (fleet.folder / "retry").read_text() == f"{UNKNOWN}\n"
    assert {path.owner() for path in (kept, *kept.iterdir())} == {fleet.run_by}
    assert all(fleet.purged().values())
    assert "web1: 2/3 nodes, 1 failed," in done.log, "the log says how far it is, the unknown node among the failed"
    assert "2 of 3 nodes ok, 1 failed" in done.log, "a run with failures is summed up too"


def test_a_slice_of_a_job_runs_the_script_on_its_own_nodes_alone(fleet: Fleet) -> None:
    asked = {"moodle_script": "local/vmoodle/cli/purge_caches.php", "moodle_sliced": True}
    for number, names in enumerate([("alpha",), ("beta", "alpha")]):
        done = fleet.job("fleet_run", f"slice-{number}", slice_of=names, moodle_nodes="", **asked)
        assert done.status == "successful", done.log[-3000:]
        (result,) = done.results("vmoodle_cli")
        assert {node["name"]: node["verdict"] for node in result["nodes"]} == dict.fromkeys(names, "ok")
    done = fleet.job("fleet_run", "slice-limited", "--limit beta", slice_of=("beta", "alpha"), **asked)
    (result,) = done.results("vmoodle_cli")
    assert [node["name"] for node in result["nodes"]] == ["beta"]
    done = fleet.job("fleet_run", "slice-asked", slice_of=("alpha",), moodle_nodes="beta", **asked)
    assert done.status == "failed"
    assert "moodle_nodes: with moodle_sliced the nodes are the hosts of the play" in done.log
    assert not done.results("vmoodle_cli")


def test_a_survey_is_answered_with_text_and_what_was_left_empty_is_as_good_as_none(fleet: Fleet) -> None:
    answers = {
        "moodle_script": "admin/cli/cfg.php",
        "moodle_args": "--name=theme,--no-eol",
        "moodle_nodes": "alpha,b*",
        "moodle_select": None,
        "moodle_pending": "false",
        "moodle_read_only": "true",
        "moodle_repeatable": "false",
    }
    done = fleet.job("fleet_run", "survey", **answers)
    assert done.status == "successful", done.log[-3000:]
    (result,) = done.results("vmoodle_cli")
    assert {node["name"]: node["verdict"] for node in result["nodes"]} == {"alpha": "ok", "beta": "ok"}
    assert not result["changed"]
    storage = {"moodle_archive_storage": str(fleet.folder / "storage"), "moodle_archive_run": "survey"}
    answers = {"moodle_archive_category": '{"path": "Category 1"}', "moodle_archive_state": "planned", "moodle_archive_again": "false"}
    done = fleet.job("archive", "survey-archive", **storage, **answers)
    assert done.status == "successful", done.log[-3000:]
    assert "Run survey: 2 courses (2 planned)" in done.log
    left_empty = {"moodle_archive_confirm": None, "moodle_archive_older_than": "", "moodle_archive_empty_categories": "false"}
    done = fleet.job("archive_purge", "survey-purge", **storage, **left_empty)
    assert "2 planned" in done.log, done.log[-3000:]


def test_a_job_plans_and_backs_up_the_courses_of_a_category(fleet: Fleet) -> None:
    storage = fleet.folder / "storage"
    asked: dict[str, t.Any] = {
        "moodle_archive_storage": str(storage),
        "moodle_archive_run": "2025-2026",
        "moodle_archive_category": {"path": "Category 1"},
        # Text, as -e name=value and a survey's text field give it.
        "moodle_archive_workers": "2",
        "moodle_archive_max_courses": "0",
    }
    before = fleet.files()
    done = fleet.job("archive", "archive-check", "--check", **asked)
    assert done.status == "successful", done.log[-3000:]
    (result,) = done.results("course_archive")
    assert (result["changed"], result["remaining"]) == (True, 2)
    assert fleet.files() == before

    done = fleet.job("archive", "plan", moodle_archive_state="planned", **asked)
    assert done.status == "successful", done.log[-3000:]
    assert "Run 2025-2026: 2 courses (2 planned), 0.00 Bytes in the storage" in done.log

    (fleet.site.dataroot / "minimoodle.json").write_text(json.dumps({"course_backup": {"do": "die", "times": 1}}))
    fleet.give_away()
    done = fleet.job("archive", "struck", **asked)
    assert done.status == "failed"
    (result,) = done.results("course_archive", "runner_on_failed")
    assert result["msg"].startswith("1 course could not be backed up: awx-")
    assert "2 courses (1 backed_up, 1 failed)" in done.log, "a run with failures is summed up too"

    done = fleet.job("archive", "again", **asked)
    assert done.status == "successful", done.log[-3000:]
    (result,) = done.results("course_archive")
    assert (result["finished"], result["counts"]["backed_up"]) == (True, 2)
    assert "2 courses (2 backed_up)" in done.log
    assert {path.owner() for path in storage.rglob("*")} == {fleet.run_by}
    for course in result["courses"]:
        assert (storage / "2025-2026" / course["file"]).stat().st_size == course["size"]


def test_jobs_make_nodes_of_a_list_keep_them_in_snapshots_and_remove_them(fleet: Fleet) -> None:
    server, folder = fleet.site.server, fleet.folder
    made, snapshots = folder / "data-gamma", folder / "snapshots"
    names = "vhostname;vtemplate;name;vdblogin;vdbpass;vdbname;vdatapath"
    values = f"http://gamma.campus.test;alpha;Gamma &#44 Co;{server.user};{server.password};{fleet.site.database}_gamma;{made}"
    (folder / "nodes.csv").write_text(f"# of the spring\n{names};config_colour\n{values};green\n")
    snapshots.mkdir()
    asked = {"moodle_nodes_file": str(folder / "nodes.csv"), "moodle_snapshots": str(snapshots)}
    fleet.give_away()

    before = fleet.files(), server.databases()
    done = fleet.job("fleet_nodes", "nodes-check", "--check --diff", **asked)
    assert done.status == "successful", done.log[-3000:]
    (result,) = done.results("vmoodle_node")
    assert (result["changed"], result["nodes"][0]["actions"]) == (True, ["made from alpha"])
    assert (fleet.files(), server.databases()) == before

    done = fleet.job("fleet_nodes", "nodes", "--diff", **asked)
    assert done.status == "successful", done.log[-3000:]
    assert "1 nodes in the list, 1 changed, 0 failed" in done.log
    assert {path.owner() for path in (made, *made.rglob("*"))} == {fleet.run_by}
    assert {node["wwwroot"] for node in fleet.site.query("SELECT vhostname AS wwwroot FROM mdl_local_vmoodle WHERE enabled = 1")} == {
        *(node.wwwroot for node in fleet.nodes.values()),
        "http://gamma.campus.test",
    }
    # Text, as -e name=value gives it.
    done = fleet.job("fleet_nodes", "nodes-off", moodle_nodes_enabled="false", **asked)
    assert [result["nodes"][0]["actions"] for result in done.results("vmoodle_node")] == [["changed enabled"]], done.log[-3000:]

    done = fleet.job(
        "fleet_snapshot", "snapshot", moodle_snapshot="kept", moodle_nodes=["gamma.campus.test"], moodle_snapshots=str(snapshots)
    )
    assert done.status == "successful", done.log[-3000:]
    assert sorted(path.name for path in (snapshots / "gamma.campus.test" / "kept").iterdir()) == [
        "data.tar",
        "database.sql.gz",
        "snapshot.json",
    ]

    done = fleet.job("fleet_nodes", "nodes-gone-unconfirmed", moodle_nodes_state="absent", **asked)
    assert done.status == "failed"
    assert made.exists()
    done = fleet.job("fleet_nodes", "nodes-gone", moodle_nodes_state="absent", moodle_nodes_confirm="nodes.csv", **asked)
    assert done.status == "successful", done.log[-3000:]
    assert not made.exists()
    assert server.databases() == before[1]
    assert len(list((snapshots / "gamma.campus.test").iterdir())) == 2, "a last snapshot before the end"
