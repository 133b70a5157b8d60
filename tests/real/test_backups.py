# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ten generated courses, backed up by a real Moodle, read back by somebody else."""

from __future__ import annotations

from pathlib import Path

from support.backup_file import read_backup
from support.moodle import Site

COURSES = 10


def test_ten_courses_are_backed_up_and_their_files_read_back(real_site: Site, tmp_path: Path) -> None:
    courses = {f"course-{number}": real_site.make_course(f"course-{number}") for number in range(COURSES)}
    for shortname, course in courses.items():
        # A file's name is only as fine as a minute: a folder for each course.
        folder = tmp_path / shortname
        folder.mkdir()
        real_site.cli("admin/cli/backup.php", f"--courseid={course}", f"--destination={folder}").must_succeed()
        (file,) = folder.iterdir()
        content = read_backup(file)
        assert content.information["original_course_shortname"] == shortname
        assert content.activities == ["assign", "forum", "page", "resource", "resource"]
        assert content.declared
        assert content.declared <= content.held
    assert len(list(tmp_path.glob("*/*.mbz"))) == COURSES
