# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run tells of itself while somebody acts on it, and how that one is asked to stop."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.archive.course import Course
from ansible_collections.lms.moodle.plugins.module_utils.archive.journal import Journal
from ansible_collections.lms.moodle.plugins.module_utils.archive.lease import Lease
from ansible_collections.lms.moodle.plugins.module_utils.archive.status import status_of
from ansible_collections.lms.moodle.plugins.module_utils.archive.stop import ask_to_stop, stop_asked
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

NOW = datetime(2026, 7, 1, 22, 0, tzinfo=timezone.utc)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(str(tmp_path), "r")
    journal.make()
    journal.begin({"wwwroot": "https://campus.test", "category": 9, "users": True})
    journal.record(Course(2, "LAW", state="verified", size=7, place=1))
    journal.record(Course(3, "ART", state="failed", error="because", place=0))
    return journal


def test_run_that_rests(journal: Journal) -> None:
    before = sorted(path.name for path in journal.folder.rglob("*"))
    status = status_of(journal, NOW)
    assert (status["running"], status["holder"], status["progress"]) == (False, {}, {})
    assert (status["counts"]["verified"], status["counts"]["failed"], status["bytes"]["written"]) == (1, 1, 7)
    assert [course["shortname"] for course in status["courses"]] == ["ART", "LAW"]
    assert sorted(path.name for path in journal.folder.rglob("*")) == before


def test_run_that_goes_on_says_when_it_will_have_ended(journal: Journal) -> None:
    figures = {"what": "courses", "done": 5, "total": 15, "failed": 1, "rate": 0.5, "left": 20.0, "over": False}
    (journal.folder / "progress.json").write_text(json.dumps(figures))
    with Lease(journal.folder):
        status = status_of(journal, NOW)
    assert status["running"]
    assert status["holder"]["process"].startswith(f"{os.getpid()}:")
    assert status["progress"] == {"done": 5, "total": 15, "failed": 1, "rate": 0.5, "left": 20.0, "ends": "2026-07-01T22:00:20+00:00"}
    assert status_of(journal, NOW)["progress"] == {}


@pytest.mark.parametrize(("age", "running"), [(60, True), (600, False)])
def test_host_that_gives_no_sign_is_not_at_work(journal: Journal, age: float, running: bool) -> None:
    lease = journal.folder / "lease.json"
    lease.write_text(json.dumps({"host": "other.test", "process": "77:1 boot", "since": "yesterday", "token": "other"}))
    os.utime(lease, (time.time() - age, time.time() - age))
    assert status_of(journal, NOW)["running"] is running


def test_run_that_is_not_there_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no run r"):
        status_of(Journal(str(tmp_path), "r"), NOW)


def test_wish_to_stop_concerns_who_acts_now_and_nobody_later(journal: Journal) -> None:
    assert not ask_to_stop(journal.folder)
    with Lease(journal.folder) as lease:
        assert not stop_asked(journal.folder, lease)
        assert ask_to_stop(journal.folder, write=False)
        assert not stop_asked(journal.folder, lease)
        assert ask_to_stop(journal.folder)
        assert not ask_to_stop(journal.folder)
        assert stop_asked(journal.folder, lease)
    with Lease(journal.folder) as later:
        assert not stop_asked(journal.folder, later)


def test_file_made_by_hand_stops_everybody_until_it_is_removed(journal: Journal) -> None:
    (journal.folder / "stop").touch()
    with Lease(journal.folder) as lease:
        assert stop_asked(journal.folder, lease)
        (journal.folder / "stop").unlink()
        assert not stop_asked(journal.folder, lease)
