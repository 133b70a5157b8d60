# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Courses: made, backed up, restored, deleted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.backup_file import read_backup
from support.moodle import Site

BACKUP, RESTORE, DELETE = "admin/cli/backup.php", "admin/cli/restore_backup.php", "admin/cli/delete_course.php"


@pytest.fixture(scope="module")
def course(site: Site) -> int:
    return site.make_course("history-101")


@pytest.fixture(scope="module")
def backup(site: Site, course: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backup")
    result = site.cli(BACKUP, f"--courseid={course}", f"--destination={folder}")
    assert (result.rc, result.out.splitlines()[-1]) == (0, "Backup completed.")
    (file,) = folder.iterdir()
    return file


def _names(site: Site) -> list[str]:
    return [row["shortname"] or "" for row in site.query("SELECT shortname FROM mdl_course ORDER BY id")]


def test_short_name_is_used_once(site: Site, course: int) -> None:
    result = site.cli("admin/tool/generator/cli/maketestcourse.php", "--shortname=history-101", "--size=XS", "--bypasscheck")
    assert result.rc == 1
    assert _names(site).count("history-101") == 1


def test_backup_is_named_after_course_and_minute(backup: Path, course: int) -> None:
    assert re.fullmatch(rf"backup-moodle2-course-{course}-history-101-\d{{8}}-\d{{4}}\.mbz", backup.name)


def test_backup_is_a_gzipped_tar_that_begins_with_its_index(backup: Path) -> None:
    content = read_backup(backup)
    assert content.names[0] == ".ARCHIVE_INDEX"
    assert {"moodle_backup.xml", "files.xml", "users.xml", "course/course.xml", "course/enrolments.xml", "gradebook.xml"} <= set(
        content.names
    )


def test_backup_says_what_it_is_a_backup_of(site: Site, backup: Path, course: int) -> None:
    information = read_backup(backup).information
    expected = {
        "moodle_version": "2023042400",
        "backup_release": "4.2",
        "original_wwwroot": site.wwwroot,
        "original_course_id": str(course),
        "original_course_shortname": "history-101",
        "include_files": "1",
    }
    assert expected.items() <= information.items()
    assert re.fullmatch(r"[0-9a-f]{32}", information["original_site_identifier_hash"])


def test_backup_holds_the_activities_and_every_file_that_it_declares(backup: Path) -> None:
    content = read_backup(backup)
    assert {"assign", "forum", "page", "resource"} <= set(content.activities)
    assert content.declared
    assert content.declared <= content.held


def test_backup_into_a_missing_folder_lies_with_exit_code_0(site: Site, course: int, tmp_path: Path) -> None:
    result = site.cli(BACKUP, f"--courseid={course}", f"--destination={tmp_path / 'nowhere'}")
    assert result.rc == 0
    assert "not writable" in result.out


def test_backup_of_an_unknown_course_is_an_error(site: Site, tmp_path: Path) -> None:
    result = site.cli(BACKUP, "--courseid=999999", f"--destination={tmp_path}")
    assert result.rc == 1
    assert list(tmp_path.iterdir()) == []


def test_restore_makes_a_course_of_its_own_and_prints_its_id(site: Site, backup: Path) -> None:
    result = site.cli(RESTORE, f"--file={backup}", "--categoryid=1")
    assert result.rc == 0
    found = re.search(r"== Restored course ID: (\d+) ==", result.out)
    assert found
    (row,) = site.query(f"SELECT shortname, idnumber, category FROM mdl_course WHERE id = {found[1]}")  # noqa: S608
    assert row == {"shortname": "history-101_1", "idnumber": "", "category": "1"}


def test_failed_restore_leaves_a_course_behind(site: Site, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mbz"
    broken.write_text("no archive")
    before = _names(site)
    result = site.cli(RESTORE, f"--file={broken}", "--categoryid=1")
    assert result.rc == 1
    assert len(_names(site)) == len(before) + 1


@pytest.mark.parametrize("words", [("--file=/nowhere.mbz", "--categoryid=1"), ("--categoryid=999999",)])
def test_restore_of_a_wrong_file_or_into_a_wrong_category_is_an_error(site: Site, backup: Path, words: tuple[str, ...]) -> None:
    given = words if len(words) > 1 else (f"--file={backup}", *words)
    before = _names(site)
    assert site.cli(RESTORE, *given).rc == 1
    assert _names(site) == before


def test_deletion(site: Site) -> None:
    gone = site.make_course("gone-soon")
    assert site.cli(DELETE, f"--courseid={gone}", "--non-interactive", "--disablerecyclebin").rc == 0
    assert "gone-soon" not in _names(site)


def test_deletion_of_an_unknown_course_is_an_error(site: Site) -> None:
    result = site.cli(DELETE, "--courseid=999999", "--non-interactive")
    assert result.rc == 1
    assert "Course not found" in result.err
