<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// CODE SHORTNAME…: puts the courses in turn into two categories of a session, of which one is hidden and below the other.
define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
require_once($CFG->dirroot . '/course/lib.php');
$top = core_course_category::create((object) ['name' => 'Law/2025', 'idnumber' => 'law', 'parent' => 0]);
$below = core_course_category::create((object) ['name' => 'L\'année “1re”', 'idnumber' => 'law-1', 'parent' => $top->id, 'visible' => 0]);
foreach (array_slice($argv, 2) as $place => $name) {
    $course = $DB->get_record('course', ['shortname' => $name], '*', MUST_EXIST);
    move_courses([$course->id], $place % 2 ? $below->id : $top->id);
}
