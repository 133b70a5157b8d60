# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Build, deliver and roll back as AWX runs them."""

from __future__ import annotations

import typing as t
from pathlib import Path

from support.awx import Job, launch
from support.campus import Campus


def job(campus: Campus, playbook: str, name: str, cmdline: str = "", **variables: t.Any) -> Job:
    return launch(campus.folder / f"job-{name}", playbook, campus.inventory(), campus.variables(**variables), cmdline)


def test_a_code_base_is_built_delivered_changed_and_rolled_back_by_jobs(campus: Campus) -> None:
    campus.declare("4.2.0", tool_steward="v1.0.0")
    done = job(campus, "deliver", "first")
    assert done.status == "successful", done.events[-1:]
    assert campus.version() == "4.2"
    first = campus.served()
    assert [result["changed"] for result in done.results("moodle_codebase")] == [True]

    done = job(campus, "deliver", "again")
    assert done.status == "successful"
    assert not done.stats["changed"], "the same job once more must change nothing"
    assert campus.served() == first

    campus.declare("4.3.0", tool_steward="v1.1.0")
    done = job(campus, "deliver", "second")
    assert done.status == "successful"
    assert campus.version() == "4.3"
    assert (campus.site / "current/admin/tool/steward/version.php").is_file()

    done = job(campus, "rollback", "back", moodle_release_id=first)
    assert done.status == "successful"
    assert campus.served() == first
    assert campus.version() == "4.2"


def test_a_job_with_a_wrong_version_fails_with_one_sentence_and_leaves_the_site_alone(campus: Campus) -> None:
    campus.declare("4.2.0")
    assert job(campus, "deliver", "first").status == "successful"
    served = campus.served()
    campus.declare("4.2.9")
    done = job(campus, "deliver", "wrong")
    assert done.status == "failed"
    (message,) = [result["msg"] for result in done.results("moodle_codebase", "runner_on_failed")]
    assert "4.2.9" in message
    assert "v4.2.0, v4.2.1" in message, "it says what there is instead"
    assert campus.served() == served


def test_a_site_that_does_not_answer_after_the_swap_goes_back_by_itself(campus: Campus) -> None:
    campus.declare("4.2.0")
    assert job(campus, "deliver", "first").status == "successful"
    served = campus.served()
    campus.declare("4.3.0")
    # Nobody listens on port 9 (discard) of this machine.
    done = job(campus, "deliver", "dead", moodle_health_url="http://127.0.0.1:9/")
    assert done.status == "failed"
    assert campus.served() == served
    assert campus.version() == "4.2"
    assert not (campus.site / "work").is_symlink()
    last_words = [event["event_data"]["res"].get("msg", "") for event in done.events if event["event"] == "runner_on_failed"][-1]
    assert f"The site serves {served}, as before." in last_words


def test_check_mode_of_a_delivery_shows_the_plan_and_writes_nothing(campus: Campus) -> None:
    campus.declare("4.2.0")
    assert job(campus, "deliver", "first").status == "successful"
    before = listing(campus.site)
    campus.declare("4.3.0")
    assert job(campus, "deliver", "check", cmdline="--check --diff").status == "successful"
    assert listing(campus.site) == before


def test_a_schedule_finds_in_the_artifacts_whether_something_is_to_do(campus: Campus) -> None:
    campus.declare("4.2.0", tool_steward="v1.0.0")
    before = job(campus, "reconcile", "before")
    assert before.status == "successful", before.log
    assert before.artifacts["moodle_in_sync"] is False
    assert verdicts(before) == {"moodle": "to build, to deliver", "tool_steward": "to build, to deliver"}
    assert not before.stats["changed"]
    assert not campus.site.exists()

    assert job(campus, "reconcile", "follow", moodle_reconcile="deliver").status == "successful"
    assert campus.version() == "4.2"
    after = job(campus, "reconcile", "after", moodle_reconcile_fail=True)
    assert after.status == "successful", after.log
    assert after.artifacts["moodle_in_sync"] is True
    assert verdicts(after) == {"moodle": "in order", "tool_steward": "in order"}

    page = campus.site / "current" / "index.php"
    page.chmod(0o644)
    page.write_text(page.read_text() + "// mended\n")
    by_hand = job(campus, "reconcile", "by-hand", moodle_reconcile_fail=True)
    assert by_hand.status == "failed", "asked to, a report of something to do is a failure"
    assert by_hand.artifacts["moodle_in_sync"] is False
    assert by_hand.artifacts["moodle_drifted"] == {"localhost": ["modified index.php"]}


def verdicts(done: Job) -> dict[str, str]:
    return {row["component"]: row["verdict"] for row in done.artifacts["moodle_components"]}


def listing(folder: Path) -> list[tuple[str, int, int]]:
    return sorted((str(path), path.lstat().st_mtime_ns, path.lstat().st_ino) for path in folder.rglob("*"))
