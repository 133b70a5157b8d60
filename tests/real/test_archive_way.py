# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Forty courses of a real Moodle go the whole way into another one, and one comes back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.archiving import HOSTILE, Archiving, courses_of, make_archiving, make_tree, marks
from support.mariadb import MariaDB
from support.platforms import Platform

COURSES = 40
# Courses from Moodle's own generator, and in each what that leaves out: a label with links, a glossary with entries, groups, grades, a file
# of the course, completion; every third one is hidden.
_MAKE = r"""
define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
require_once($CFG->libdir . '/testing/generator/lib.php');
require_once($CFG->libdir . '/gradelib.php');
require_once($CFG->dirroot . '/course/lib.php');
\core\session\manager::set_user(get_admin());
$names = json_decode($argv[2], true);
$generator = new testing_data_generator();
$ids = [];
for ($number = 0; $number < $names['count']; $number++) {
    $backend = new tool_generator_course_backend("{$names['prefix']}-$number", 0, true, false, false);
    $id = $backend->make();
    $course = get_course($id);
    $context = context_course::instance($id);
    $generator->create_module('label', ['course' => $id,
        'intro' => "<p>See <a href=\"$CFG->wwwroot/course/view.php?id=$id\">here</a>\r\nand {$names['text']}</p>"]);
    $glossary = $generator->create_module('glossary', ['course' => $id]);
    $generator->get_plugin_generator('mod_glossary')->create_content($glossary, ['concept' => $names['text']]);
    $group = $generator->create_group(['courseid' => $id, 'name' => $names['text']]);
    foreach (get_enrolled_users($context) as $user) {
        groups_add_member($group->id, $user->id);
        $assign = $DB->get_field_sql('SELECT MIN(id) FROM {assign} WHERE course = ?', [$id]);
        grade_update('mod/assign', $id, 'mod', 'assign', $assign, 0, ['userid' => $user->id, 'rawgrade' => 10 + $number % 7]);
    }
    get_file_storage()->create_file_from_string(['contextid' => $context->id, 'component' => 'course', 'filearea' => 'overviewfiles',
        'itemid' => 0, 'filepath' => '/', 'filename' => "été \"$number\".txt"], "overview of $number");
    update_course((object) ['id' => $id, 'fullname' => "{$names['text']} $number", 'idnumber' => "id-$number",
        'visible' => (int) ($number % 3 !== 0), 'summary' => "<p>{$names['text']}</p>", 'enablecompletion' => 1]);
    grade_regrade_final_grades($id);
    $ids[] = $id;
}
echo "\n", json_encode($ids);
"""


@pytest.fixture(scope="module")
def archiving(real_platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Archiving:
    archiving = make_archiving(real_platform, database_server, tmp_path_factory.mktemp("archive"))
    source = archiving.source
    for site in (source, archiving.archive):
        site.cli("admin/cli/cfg.php", "--name=enablecompletion", "--set=1").must_succeed()
    names = json.dumps({"prefix": "law", "text": HOSTILE.replace("\n", " "), "count": COURSES})
    made = source.php("-r", _MAKE, "--", source.code, names, timeout=900).must_succeed()
    numbers: list[int] = json.loads(made.out.splitlines()[-1])
    below = [{"name": f"{HOSTILE} {part}", "idnumber": f"part-{part}", "courses": numbers[part::4]} for part in range(3)]
    below[0]["below"] = [{"name": HOSTILE, "courses": numbers[3::4]}]
    make_tree(source, {"name": "Law/2025", "idnumber": "law", "below": below})
    make_tree(archiving.archive, {"name": "Archives", "idnumber": "archives"})
    return archiving


def test_forty_courses_go_the_whole_way_and_one_comes_back(archiving: Archiving) -> None:
    source, archive = archiving.source, archiving.archive
    before = courses_of(source)
    archived = archiving.ask(source, "archived", category={"idnumber": "law"}, workers=2)
    assert (archived.get("msg"), archived.get("counts", {})["backed_up"]) == (None, COURSES)
    part = archiving.ask(archive, "restored", into={"idnumber": "archives"}, workers=2, max_courses=5)
    assert (part.get("msg"), part.get("counts", {})["restored"]) == (None, 5)
    restored = archiving.ask(archive, "restored", into={"idnumber": "archives"}, workers=2)
    assert (restored.get("msg"), restored.get("counts", {})["restored"], marks(archive)) == (None, COURSES, [])
    verified = archiving.ask(archive, "verified", workers=2)
    assert (verified.get("msg"), verified.get("counts", {})["verified"]) == (None, COURSES)

    after = courses_of(archive)
    kept = ("shortname", "fullname", "idnumber", "visible")
    assert {name: [course[key] for key in kept] for name, course in after.items()} == {
        name: [course[key] for key in kept] for name, course in before.items()
    }
    assert {name: course["path"] for name, course in after.items()} == {
        name: f"/Archives{course['path']}" for name, course in before.items()
    }
    assert _order(after) == _order(before)

    purged = archiving.purge(workers=2, empty_categories=True)
    assert (purged.get("msg"), purged.get("counts", {})["purged"]) == (None, COURSES)
    assert courses_of(source) == {}
    assert source.query("SELECT name FROM mdl_course_categories WHERE idnumber IN ('law', 'part-0', 'part-1', 'part-2')") == []
    assert source.query("SELECT id FROM mdl_files WHERE component = 'tool_recyclebin' AND filename <> '.'") == []

    back = archiving.ask(source, "given_back", courses=["law-3"])
    assert (back.get("msg"), back.get("finished")) == (None, True)
    assert not [warning for warning in archiving.warnings if warning.startswith("law-3")]
    (course,) = courses_of(source).values()
    assert [course[key] for key in (*kept, "path")] == [before["law-3"][key] for key in (*kept, "path")]


def _order(courses: dict[str, dict[str, str]]) -> dict[str, list[str]]:
    """The short names of each category, as they stand in it."""
    found: dict[str, list[str]] = {}
    for name, course in sorted(courses.items(), key=lambda item: int(item[1]["sortorder"])):
        found.setdefault(Path(course["path"]).name, []).append(name)
    return found
