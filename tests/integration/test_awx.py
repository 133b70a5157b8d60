# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks as AWX runs them: ansible-runner, a private data directory, extra variables, job events."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import ansible_runner
import pytest
from support.campus import Campus, make_campus

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def campus(tmp_path: Path) -> Campus:
    return make_campus(tmp_path / "campus")


def job(
    campus: Campus, playbook: str, name: str, cmdline: str = "", **variables: t.Any
) -> tuple[str, list[dict[str, t.Any]], dict[str, t.Any]]:
    """Launch a job template: its status, its events' data, and the figures of the recap."""
    private = campus.folder / f"job-{name}"
    for folder in ("inventory", "env", "project"):
        (private / folder).mkdir(parents=True)
    (private / "inventory" / "hosts.json").write_text(json.dumps({"all": {"children": campus.inventory()}}))
    (private / "env" / "ansible.cfg").touch()
    done = ansible_runner.run(
        private_data_dir=str(private),
        playbook=f"lms.moodle.{playbook}",
        extravars=campus.variables(**variables),
        envvars={"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache"), "ANSIBLE_CONFIG": str(private / "env" / "ansible.cfg")},
        cmdline=cmdline,
        quiet=True,
    )
    events = [event for event in done.events if event["event"].startswith("runner_on_")]
    return done.status, events, done.stats


def results_of(events: list[dict[str, t.Any]], module: str, event: str = "runner_on_ok") -> list[dict[str, t.Any]]:
    chosen = [one["event_data"] for one in events if one["event"] == event]
    return [data["res"] for data in chosen if data["task_action"] == f"lms.moodle.{module}"]


def test_a_code_base_is_built_delivered_changed_and_rolled_back_by_jobs(campus: Campus) -> None:
    campus.declare("4.2.0", tool_steward="v1.0.0")
    status, events, _stats = job(campus, "deliver", "first")
    assert status == "successful", events[-1:]
    assert campus.version() == "4.2"
    first = campus.served()
    assert [result["changed"] for result in results_of(events, "moodle_codebase")] == [True]

    status, events, stats = job(campus, "deliver", "again")
    assert status == "successful"
    assert not stats["changed"], "the same job once more must change nothing"
    assert campus.served() == first

    campus.declare("4.3.0", tool_steward="v1.1.0")
    status, events, _stats = job(campus, "deliver", "second")
    assert status == "successful"
    assert campus.version() == "4.3"
    assert (campus.site / "current/admin/tool/steward/version.php").is_file()

    status, events, _stats = job(campus, "rollback", "back", moodle_release_id=first)
    assert status == "successful"
    assert campus.served() == first
    assert campus.version() == "4.2"


def test_a_job_with_a_wrong_version_fails_with_one_sentence_and_leaves_the_site_alone(campus: Campus) -> None:
    campus.declare("4.2.0")
    assert job(campus, "deliver", "first")[0] == "successful"
    served = campus.served()
    campus.declare("4.2.9")
    status, events, _stats = job(campus, "deliver", "wrong")
    assert status == "failed"
    (message,) = [result["msg"] for result in results_of(events, "moodle_codebase", "runner_on_failed")]
    assert "4.2.9" in message
    assert "v4.2.0, v4.2.1" in message, "it says what there is instead"
    assert campus.served() == served


def test_a_site_that_does_not_answer_after_the_swap_goes_back_by_itself(campus: Campus) -> None:
    campus.declare("4.2.0")
    assert job(campus, "deliver", "first")[0] == "successful"
    served = campus.served()
    campus.declare("4.3.0")
    # Nobody listens on port 9 (discard) of this machine.
    status, events, _stats = job(campus, "deliver", "dead", moodle_health_url="http://127.0.0.1:9/")
    assert status == "failed"
    assert campus.served() == served
    assert campus.version() == "4.2"
    assert not (campus.site / "work").is_symlink()
    last_words = [event["event_data"]["res"].get("msg", "") for event in events if event["event"] == "runner_on_failed"][-1]
    assert f"The site serves {served}, as before." in last_words


def test_check_mode_of_a_delivery_shows_the_plan_and_writes_nothing(campus: Campus) -> None:
    campus.declare("4.2.0")
    assert job(campus, "deliver", "first")[0] == "successful"
    before = listing(campus.site)
    campus.declare("4.3.0")
    assert job(campus, "deliver", "check", cmdline="--check --diff")[0] == "successful"
    assert listing(campus.site) == before


def listing(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns, path.lstat().st_ino) for path in folder.rglob("*"))
