# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only a real Moodle has: questions that courses share, and scripts for local_moodlescript."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from support.archiving import Archiving, courses_of, make_archiving, make_tree, marks
from support.mariadb import MariaDB
from support.platforms import Platform
from support.sources import Source, unreadable

MOODLESCRIPT = "https://github.com/vfremaux/moodle-local_moodlescript"
COURSES = ("shared-1", "shared-2", "shared-3")
# Questions in the banks of the site and of the category above all courses, and in each course a quiz that uses them beside one of its own.
_SHARE = r"""
define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
require_once($CFG->libdir . '/testing/generator/lib.php');
require_once($CFG->libdir . '/questionlib.php');
require_once($CFG->dirroot . '/mod/quiz/locallib.php');
\core\session\manager::set_user(get_admin());
$generator = new testing_data_generator();
function bank(context $context, string $name): stdClass {
    global $DB;
    $bank = ['name' => $name, 'contextid' => $context->id, 'info' => '', 'infoformat' => FORMAT_HTML, 'stamp' => make_unique_id_code(),
        'parent' => question_get_top_category($context->id, true)->id, 'sortorder' => 999];
    return $DB->get_record('question_categories', ['id' => $DB->insert_record('question_categories', (object) $bank)]);
}
function question(stdClass $bank, string $name): int {
    $text = ['text' => $name, 'format' => FORMAT_HTML];
    $form = (object) ['category' => "$bank->id,$bank->contextid", 'name' => $name, 'questiontext' => $text, 'defaultmark' => 1,
        'penalty' => 1, 'generalfeedback' => $text, 'correctanswer' => 1, 'feedbacktrue' => $text, 'feedbackfalse' => $text,
        'status' => 'ready', 'idnumber' => ''];
    return question_bank::get_qtype('truefalse')->save_question((object) ['qtype' => 'truefalse', 'category' => $bank->id], $form)->id;
}
$faculty = bank(context_coursecat::instance($argv[2]), 'Bank of the faculty');
$site = bank(context_system::instance(), 'Bank of the site');
$shared = [question($faculty, 'of the faculty'), question($faculty, 'of the faculty too'), question($site, 'of the site')];
foreach (json_decode($argv[3]) as $id) {
    $quiz = $generator->create_module('quiz', ['course' => $id, 'name' => 'Test', 'sumgrades' => 4, 'grade' => 10]);
    foreach ([...$shared, question(bank(context_course::instance($id), "Bank of course $id"), "own $id")] as $question) {
        quiz_add_quiz_question($question, $quiz);
    }
}
"""


@pytest.fixture(scope="module")
def sites(real_platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Archiving:
    if reason := unreadable(MOODLESCRIPT):
        pytest.skip(reason)
    plugins = {"local/moodlescript": Source(MOODLESCRIPT, "MOODLE_405_STABLE")}
    sites = make_archiving(real_platform, database_server, tmp_path_factory.mktemp("archive"), plugins)
    numbers = [sites.source.make_course(name) for name in COURSES]
    top = make_tree(sites.source, {"name": "Faculty", "idnumber": "faculty", "courses": numbers})
    sites.source.php("-r", _SHARE, "--", sites.source.code, str(top), json.dumps(numbers), timeout=600).must_succeed()
    return sites


def test_courses_that_share_questions_bring_them_along_once(sites: Archiving, tmp_path: Path) -> None:
    archiving = replace(sites, storage=tmp_path, run="shared", warnings=[])
    verified = archiving.chain({"idnumber": "faculty"}, workers=2)
    assert (verified.get("msg"), verified["counts"]["verified"]) == (None, len(COURSES))
    archive = archiving.archive
    assert (set(courses_of(archive)), marks(archive)) == (set(COURSES), [])
    asked = (
        "SELECT c.shortname, q.name, qc.name AS bank FROM mdl_question_references r JOIN mdl_context cx ON cx.id = r.usingcontextid "
        "JOIN mdl_course_modules cm ON cm.id = cx.instanceid JOIN mdl_course c ON c.id = cm.course "
        "JOIN mdl_question_bank_entries e ON e.id = r.questionbankentryid JOIN mdl_question_categories qc ON qc.id = e.questioncategoryid "
        "JOIN mdl_question_versions v ON v.questionbankentryid = e.id JOIN mdl_question q ON q.id = v.questionid"
    )
    used = {(row["shortname"], row["name"]) for row in archive.query(asked)}
    assert used == {(row["shortname"], row["name"]) for row in archiving.source.query(asked)}
    assert len(used) == 4 * len(COURSES), "each quiz has its four questions"
    banks = archive.query(
        "SELECT qc.name, cx.contextlevel FROM mdl_question_categories qc JOIN mdl_context cx ON cx.id = qc.contextid "
        "WHERE qc.name LIKE 'Bank of the %' ORDER BY cx.contextlevel"
    )
    # The site's own came once. What belongs to a category of another site Moodle puts into each course.
    once, each = {"name": "Bank of the site", "contextlevel": "10"}, {"name": "Bank of the faculty", "contextlevel": "50"}
    assert banks == [once, *3 * [each]]
    purged = archiving.purge()
    assert (purged.get("msg"), purged["counts"]["purged"]) == (None, len(COURSES))
    back = archiving.ask(archiving.source, "given_back", courses=["shared-2"])
    assert (back.get("msg"), set(courses_of(archiving.source))) == (None, {"shared-2"})


def test_a_file_for_moodlescript_runs_for_each_course(sites: Archiving, tmp_path: Path) -> None:
    number = sites.source.make_course("scripted")
    make_tree(sites.source, {"name": "Scripted", "idnumber": "scripted", "courses": [number]})
    archiving = replace(sites, storage=tmp_path, run="scripted", warnings=[])
    # It loads these files of another plugin, whatever it is asked for.
    needed = sites.source.code / "course/format/page/classes"
    needed.mkdir(parents=True)
    for name in ("page", "tree"):
        (needed / f"{name}.class.php").write_text("<?php\n")
    script = tmp_path / "before.mdl"
    script.write_text("THIS IS NO COMMAND\n")
    refused = archiving.ask(archiving.source, "archived", category={"idnumber": "scripted"}, pre_script=str(script))
    assert (refused["failed"], refused["counts"]["failed"]) == (True, 1)
    assert f"{script} went wrong" in refused["msg"]
    script.write_text("ADD CATEGORY made IN current HAVING\nidnumber: made\n")
    done = archiving.ask(archiving.source, "archived", category={"idnumber": "scripted"}, pre_script=str(script))
    assert (done.get("msg"), done["finished"]) == (None, True)
    assert archiving.source.query("SELECT name FROM mdl_course_categories WHERE name = 'made'") == [{"name": "made"}]
