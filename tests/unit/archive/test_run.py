# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole run, with a small program in the place of PHP: each course once, whatever happens on the way."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import typing as t
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.archive import platform as archive_platform
from ansible_collections.lms.moodle.plugins.module_utils.archive.journal import Journal
from ansible_collections.lms.moodle.plugins.module_utils.archive.operation import Limits
from ansible_collections.lms.moodle.plugins.module_utils.archive.platform import Platform
from ansible_collections.lms.moodle.plugins.module_utils.archive.run import ArchiveRun
from ansible_collections.lms.moodle.plugins.module_utils.archive.window import Window
from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.php import Php


class Archive:
    """A platform of which the test decides the courses and the faults, and a storage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.storage = folder / "storage"
        self.storage.mkdir()
        self.php = folder / "php"
        self.php.write_text(f"#!{sys.executable}\n" + Path(__file__).with_name("fake_php.py").read_text())
        self.php.chmod(0o755)
        (folder / "lines.php").touch()
        self.warnings: list[str] = []
        self.courses(1, 2, 3)
        self.faults({})

    def courses(self, *numbers: int) -> None:
        (self.folder / "courses.json").write_text(json.dumps(numbers))

    def faults(self, faults: dict[int, str]) -> None:
        (self.folder / "faults.json").write_text(json.dumps(faults))

    def lines(self, name: str) -> list[str]:
        file = self.folder / name
        return file.read_text().split() if file.exists() else []

    def run(
        self, *, archive: bool = True, check: bool = False, host: str | None = None, category: dict[str, t.Any] | None = None, **wish: t.Any
    ) -> dict[str, t.Any]:
        run = ArchiveRun(
            Journal(str(self.storage), "r"),
            Platform(Php(str(self.php), self.folder), self.folder, host),
            Background(None),
            Limits(**{"workers": 2, **{name: wish.pop(name) for name in ("workers", "max_courses", "window") if name in wish}}),
            category=category or {"id": 9},
            archive=archive,
            warn=self.warnings.append,
            **{"users": True, **wish},
        )
        return run.preview() if check else run.run()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


def states(result: dict[str, t.Any]) -> dict[int, str]:
    return {course["id"]: course["state"] for course in result["courses"]}


def test_preview_writes_nothing(archive: Archive) -> None:
    result = archive.run(check=True)
    assert (result["changed"], result["remaining"], states(result)) == (True, 3, {1: "planned", 2: "planned", 3: "planned"})
    assert list(archive.storage.iterdir()) == []


def test_plan_says_room_and_courses_and_is_idempotent(archive: Archive) -> None:
    assert archive.run(archive=False, check=True)["changed"]
    result = archive.run(archive=False)
    assert (result["changed"], result["finished"], result["counts"]["planned"]) == (True, True, 3)
    assert result["bytes"] == {"estimated": 300, "foreseen": 300, "written": 0, "freed": 0}
    assert not archive.run(archive=False, check=True)["changed"]
    assert not archive.run(archive=False)["changed"]


def test_all_courses_are_backed_up_and_a_second_run_does_nothing(archive: Archive) -> None:
    result = archive.run()
    assert (result["finished"], result["counts"]["backed_up"], result["remaining"]) == (True, 3, 0)
    for course in result["courses"]:
        content = (archive.storage / "r" / course["file"]).read_bytes()
        assert (course["size"], course["checksum"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert not archive.run(check=True)["changed"]
    again = archive.run()
    assert (again["changed"], again["courses"]) == (False, result["courses"])
    assert sorted(archive.lines("asked")) == ["1", "2", "3"]
    assert not (archive.storage / "r/lease.json").exists()


@pytest.mark.parametrize(("fault", "reason"), [("error", "the course is odd"), ("die", "ended with 137"), ("other", "of course 999")])
def test_course_that_fails_is_recorded_the_others_go_on_and_it_alone_is_done_again(archive: Archive, fault: str, reason: str) -> None:
    archive.faults({2: fault})
    result = archive.run()
    assert (states(result), result["finished"]) == ({1: "backed_up", 2: "failed", 3: "backed_up"}, False)
    assert reason in result["courses"][1]["error"]
    archive.faults({})
    assert states(archive.run()) == {1: "backed_up", 2: "backed_up", 3: "backed_up"}
    assert sorted(archive.lines("asked")) == ["1", "2", "2", "3"]


def test_stops_after_so_many_and_goes_on(archive: Archive) -> None:
    result = archive.run(max_courses=2)
    assert (result["remaining"], result["finished"], "max_courses" in result["stopped"]) == (1, False, True)
    assert archive.run(max_courses=2)["finished"]
    assert sorted(archive.lines("asked")) == ["1", "2", "3"]


def test_backup_that_was_lost_or_cut_is_made_again(archive: Archive) -> None:
    first = archive.run()
    (archive.storage / "r" / first["courses"][0]["file"]).unlink()
    with (archive.storage / "r" / first["courses"][1]["file"]).open("ab") as file:
        file.write(b"x")
    assert archive.run(check=True)["remaining"] == 2
    assert archive.run()["finished"]
    assert sorted(archive.lines("asked")) == ["1", "1", "2", "2", "3"]
    assert len(list((archive.storage / "r/backups").rglob("*.mbz"))) == 3
    assert "C1" in archive.warnings[0]


def test_courses_come_and_go_between_runs(archive: Archive) -> None:
    archive.run(max_courses=1, workers=1)
    archive.courses(3, 4)
    result = archive.run()
    assert states(result) == {3: "backed_up", 4: "backed_up", 1: "backed_up"}
    assert sorted(path.stem for path in (archive.storage / "r/courses").iterdir()) == ["1", "3", "4"]


def test_workers_live_long_and_are_replaced_in_time(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.courses(*range(1, 8))
    archive.run(workers=1)
    assert len(archive.lines("starts")) == 1
    shutil.rmtree(archive.storage / "r")
    monkeypatch.setattr(archive_platform, "COURSES_PER_WORKER", 3)
    archive.run(workers=1)
    assert len(archive.lines("starts")) == 1 + 3


def test_a_run_is_about_one_category_one_site_and_one_way(archive: Archive) -> None:
    archive.run(archive=False)
    with pytest.raises(BadInput, match="begun with users True"):
        archive.run(users=False)
    with pytest.raises(BadInput, match="no category whose path is 'Arts'"):
        archive.run(category={"path": "Arts"})
    assert archive.run(archive=False, category={"path": "Law"})["changed"] is False


def test_another_node_that_answers_is_not_believed(archive: Archive) -> None:
    with pytest.raises(MoodleError, match=r"answered for https://campus\.test instead of https://v1\.test"):
        archive.run(host="https://v1.test")


def test_two_at_once_are_kept_apart(archive: Archive) -> None:
    archive.run(archive=False)
    (archive.storage / "r/lease.json").write_text(json.dumps({"host": "other.test", "process": "1:1 b", "since": "now", "token": "t"}))
    with pytest.raises(MoodleError, match=r"other\.test"):
        archive.run()
    assert archive.lines("asked") == []


def test_nothing_begins_outside_the_window_and_all_is_done_the_next_night(archive: Archive) -> None:
    now = datetime.now(timezone.utc)
    closed, opened = (
        Window((now + timedelta(hours=begin)).time(), (now + timedelta(hours=begin + 2)).time(), timezone.utc) for begin in (2, -1)
    )
    result = archive.run(window=closed)
    assert (result["finished"], result["remaining"], archive.lines("asked")) == (False, 3, [])
    assert "outside the window" in result["stopped"]
    assert archive.run(window=opened)["finished"]


def test_file_that_asks_to_stop_is_obeyed_before_the_next_course(archive: Archive) -> None:
    archive.run(archive=False)
    (archive.storage / "r/stop").touch()
    result = archive.run()
    assert (result["finished"], result["stopped"], archive.lines("asked")) == (False, "somebody asked for it", [])
    (archive.storage / "r/stop").unlink()
    assert archive.run()["finished"]


def test_estimate_is_corrected_by_what_backups_really_took(archive: Archive) -> None:
    result = archive.run(max_courses=1, workers=1)
    written = result["bytes"]["written"]
    assert result["bytes"] == {"estimated": 300, "foreseen": 2 * written, "written": written, "freed": 0}


def test_name_that_moves_with_the_year_keeps_the_category_of_its_run(archive: Archive) -> None:
    archive.run(archive=False)
    assert not archive.run(archive=False, category={"name": "Law {start}"})["changed"]


def test_course_that_failed_later_is_backed_up_again_only_on_request(archive: Archive) -> None:
    first = archive.run()
    journal = Journal(str(archive.storage), "r")
    journal.record(replace(journal.courses()[2], state="failed", reached="verified", error="changed", target=7))
    assert not archive.run()["changed"]
    assert archive.lines("asked").count("2") == 1
    again = archive.run(again=True)
    assert (states(again)[2], archive.lines("asked").count("2")) == ("backed_up", 2)
    assert again["courses"][1]["target"] == 7
    assert again["courses"][1]["file"] != first["courses"][1]["file"]
    assert len(list((archive.storage / "r/backups/2").rglob("*.mbz"))) == 1


def test_course_whose_removal_was_begun_is_never_backed_up_again(archive: Archive) -> None:
    archive.run()
    journal = Journal(str(archive.storage), "r")
    journal.record(replace(journal.courses()[2], state="failed", reached="verified", purging="yesterday"))
    assert not archive.run(again=True)["changed"]


def test_course_that_left_the_source_is_never_backed_up_again_and_its_removed_backup_is_told(archive: Archive) -> None:
    archive.run()
    journal = Journal(str(archive.storage), "r")
    gone = replace(journal.courses()[2].without_backup(), state="failed", reached="purged", site="https://archive.test", target=7)
    journal.record(replace(gone, backup_removed="2027-01-05T02:00:00+01:00"))
    assert not archive.run(check=True)["changed"]
    assert not archive.run()["changed"]
    assert archive.warnings == []
    assert not archive.run(again=True)["changed"]
    assert archive.lines("asked").count("2") == 1
    assert "C2 (course 2): its backup was removed from the storage on 2027-01-05, and https://archive.test alone" in archive.warnings[0]


def test_old_backup_counts_until_there_is_a_new_one(archive: Archive) -> None:
    first = archive.run()
    journal = Journal(str(archive.storage), "r")
    journal.record(replace(journal.courses()[2], state="failed", reached="verified"))
    archive.faults({2: "error"})
    assert archive.run(again=True)["counts"]["failed"] == 1
    kept = journal.courses()[2]
    assert kept.file == first["courses"][1]["file"]
    assert journal.check(kept).exists()


def test_temp_folder_without_room_is_told_before_anything_begins(archive: Archive) -> None:
    (archive.folder / "temp").write_text("399")
    with pytest.raises(MoodleError, match="need about 400 B in the platform's temp folder, which has 399 B left"):
        archive.run()
    assert archive.lines("asked") == []
    assert archive.run(workers=1)["finished"]
