# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ten courses of a real Moodle leave for the archive, and are read back by somebody else."""

from __future__ import annotations

import hashlib
import stat
import typing as t
from pathlib import Path

import pytest
from support.backup_file import read_backup
from support.moodle import Site
from support.play import run_module

COURSES = 10
# A category with a hidden one below it, which takes every second course; hidden ones among them.
_MOVE = r"""
define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
require_once($CFG->dirroot . '/course/lib.php');
$top = core_course_category::create(['name' => 'Law', 'parent' => 0]);
$below = core_course_category::create(['name' => 'First / "year" é', 'parent' => $top->id, 'visible' => 0]);
foreach (array_slice($argv, 2) as $place => $id) {
    move_courses([$id], $place % 2 ? $below->id : $top->id);
}
echo $top->id;
"""


@pytest.fixture(scope="module")
def courses(real_site: Site) -> dict[int, str]:
    return {real_site.make_course(f"law-{number}"): f"law-{number}" for number in range(COURSES)}


@pytest.fixture(scope="module")
def category(real_site: Site, courses: dict[int, str]) -> int:
    return int(real_site.php("-r", _MOVE, "--", real_site.code, *map(str, courses)).must_succeed().out.split()[-1])


def run(site: Site, folder: Path, *, check: bool = False, **wish: t.Any) -> dict[str, t.Any]:
    (folder / "storage").mkdir(exist_ok=True)
    arguments = {
        "moodle": str(site.code),
        "storage": str(folder / "storage"),
        "run": "2025-2026",
        "state": "archived",
        "php_options": [f"{name}={value}" for name, value in site.php_settings().items()],
        **wish,
    }
    return run_module("course_archive", arguments, folder, check=check)


def _backups_in_moodle(site: Site) -> int:
    rows = site.query("SELECT COUNT(*) AS number FROM mdl_files WHERE filename LIKE 'lms-moodle-%'")
    return int(rows[0]["number"] or 0)


def test_ten_courses_are_archived_and_read_back(real_site: Site, courses: dict[int, str], category: int, tmp_path: Path) -> None:
    preview = run(real_site, tmp_path, category={"path": "Law"}, check=True)
    assert (preview["changed"], preview["remaining"]) == (True, COURSES)
    assert {course["id"]: course["shortname"] for course in preview["courses"]} == courses
    assert list((tmp_path / "storage").iterdir()) == []

    planned = run(real_site, tmp_path, category={"id": category}, state="planned")
    assert planned["counts"]["planned"] == COURSES
    assert planned["bytes"]["estimated"] > 0

    part = run(real_site, tmp_path, category={"name": "Law"}, max_courses=3)
    assert (part["counts"]["backed_up"], part["remaining"], part["finished"]) == (3, COURSES - 3, False)

    result = run(real_site, tmp_path, category={"name": "Law"})
    assert (result["finished"], result["counts"]["backed_up"]) == (True, COURSES), result
    assert len({course["file"] for course in result["courses"]}) == COURSES
    for course in result["courses"]:
        file = tmp_path / "storage/2025-2026" / course["file"]
        assert (course["size"], course["checksum"]) == (file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest())
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        content = read_backup(file)
        assert content.information["original_course_shortname"] == courses[course["id"]]
        assert content.activities == ["assign", "forum", "page", "resource", "resource"]
        assert content.declared
        assert content.declared <= content.held
    assert _backups_in_moodle(real_site) == 0

    again = run(real_site, tmp_path, category={"name": "Law"})
    assert (again["changed"], again["courses"]) == (False, result["courses"])


def test_locked_default_fails_the_course_by_name(real_site: Site, courses: dict[int, str], category: int, tmp_path: Path) -> None:
    lock = ("admin/cli/cfg.php", "--component=backup", "--name=backup_general_logs_locked")
    real_site.cli(*lock, "--set=1").must_succeed()
    try:
        result = run(real_site, tmp_path, category={"id": category}, max_courses=1)
    finally:
        real_site.cli(*lock, "--set=0").must_succeed()
    assert (result["failed"], result["counts"]["failed"]) == (True, 1)
    assert "lock the setting 'logs'" in result["msg"]
    assert _backups_in_moodle(real_site) == 0


def test_course_of_a_node_is_archived(real_site: Site, tmp_path: Path) -> None:
    node = real_site.add_node("archived")
    made = real_site.make_course("node-course", node=node)
    result = run(real_site, tmp_path, host=node.wwwroot, category={"id": 1}, users=False)
    (course,) = result["courses"]
    content = read_backup(tmp_path / "storage/2025-2026" / course["file"])
    assert (course["id"], content.information["original_wwwroot"]) == (made, node.wwwroot)
    wrong = run(real_site, tmp_path, host="http://nobody.campus.test", category={"id": 1}, run="other")
    assert wrong["failed"]
    assert not (tmp_path / "storage/other").exists()
