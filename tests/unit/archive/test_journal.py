# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal is whole at every instant, private, and says in words when the storage fails."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.archive import journal as journal_module
from ansible_collections.lms.moodle.plugins.module_utils.archive.course import Course
from ansible_collections.lms.moodle.plugins.module_utils.archive.journal import Journal
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError

NAME = "Droit “civil” / l'année\n<b>\U0001f600</b>\ud800"
LAW = Course(2, NAME)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(str(tmp_path), "2025-2026")
    journal.make()
    return journal


def test_hostile_names_come_back_as_they_went(journal: Journal) -> None:
    journal.record(Course(3, "x" * 10000, idnumber="../../etc"))
    written = journal.record(replace(LAW, shortname=NAME.replace("\ud800", "")))
    assert journal.courses() == {2: written, 3: journal.courses()[3]}
    assert sorted(path.name for path in (journal.folder / "courses").iterdir()) == ["2.json", "3.json"]


def test_all_is_private(journal: Journal) -> None:
    journal.begin({"wwwroot": "https://a.test"})
    journal.record(Course(2, "LAW"))
    journal.fresh_folder(LAW)
    for path in [journal.folder, *journal.folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_storage_that_cannot_be_looked_into_is_told_in_words() -> None:
    # Root may look everywhere, but not at such a name.
    with pytest.raises(BadInput, match="cannot be looked into"):
        Journal("/" + "x" * 300, "2025-2026")


def test_what_a_killed_run_left_half_written_is_not_read(journal: Journal) -> None:
    journal.record(Course(2, "LAW"))
    (journal.folder / "courses/.3.json.abc").write_text('{"id": 3, "shor')
    assert list(journal.courses()) == [2]


def test_a_state_keeps_its_time_until_there_is_another_one(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter("12345")
    monkeypatch.setattr(journal_module, "now", lambda: next(moments))
    verified = journal.record(replace(LAW, state="verified"))
    begun = journal.record(replace(verified, purging="x"))
    purged = journal.record(replace(begun, state="purged"))
    failed = journal.record(purged.failed("once"))
    assert begun.history == {"verified": "1"}
    assert journal.record(failed.failed("twice")).history == {"verified": "1", "purged": "3", "failed": "5"}


def test_file_that_somebody_broke_is_named(journal: Journal) -> None:
    (journal.folder / "courses/2.json").write_text("{")
    with pytest.raises(MoodleError, match=r"courses/2\.json is no valid JSON"):
        journal.courses()


def test_attempt_starts_in_an_empty_folder_of_its_own(journal: Journal) -> None:
    first = journal.fresh_folder(LAW)
    (first / "course.mbz").write_text("half a backup")
    second = journal.fresh_folder(LAW)
    assert (first.exists(), list(second.iterdir())) == (False, [])


def test_backup_counts_only_in_its_recorded_size(journal: Journal) -> None:
    file = journal.fresh_folder(LAW) / "course.mbz"
    file.write_text("four")
    kept = replace(LAW, file=str(file.relative_to(journal.folder)), size=4)
    assert journal.holds(kept)
    assert not journal.holds(replace(kept, size=5))
    file.unlink()
    assert not journal.holds(kept)
    assert not journal.holds(LAW)


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "-x", "x" * 101, "a b"])
def test_run_names_are_file_names(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="no name for a run"):
        Journal(str(tmp_path), name)


def test_storage_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="mount it"):
        Journal(str(tmp_path / "none"), "r")
    assert not (tmp_path / "none").exists()


def test_journal_is_plain_json(journal: Journal) -> None:
    journal.record(Course(2, "Été"))
    text = (journal.folder / "courses/2.json").read_text(encoding="utf-8")
    assert ("Été" in text, json.loads(text)["state"]) == (True, "planned")
