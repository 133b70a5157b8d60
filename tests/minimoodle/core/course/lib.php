<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Courses and their activities.
defined('MOODLE_INTERNAL') || die();
require_once($CFG->libdir . '/filestorage/file_storage.php');

/** The context of a thing, made when it is missing; its path leads from the system over the course. */
function minimoodle_context(int $level, int $instance): int {
    global $DB;
    $key = ['contextlevel' => $level, 'instanceid' => $instance];
    if ($id = $DB->get_field('context', 'id', $key)) {
        return (int) $id;
    }
    $course = $level === 70 ? $DB->get_field('course_modules', 'course', ['id' => $instance]) : false;
    $above = $course ? $DB->get_field('context', 'path', ['id' => minimoodle_context(50, (int) $course)]) : '/1';
    $id = $DB->insert_record('context', $key + ['depth' => substr_count($above, '/') + 1]);
    $DB->set_field('context', 'path', "$above/$id", ['id' => $id]);
    return $id;
}

function create_course(stdClass $data): stdClass {
    global $DB;
    if ($DB->record_exists('course', ['shortname' => $data->shortname])) {
        throw new moodle_exception('shortnametaken', '', '', "Short name is already used for another course ($data->shortname)");
    }
    $id = $DB->insert_record('course', (array) $data + ['timecreated' => time(), 'timemodified' => time(), 'startdate' => time()]);
    minimoodle_context(50, $id);
    minimoodle_section($id, 0);
    $DB->insert_record('enrol', ['enrol' => 'manual', 'courseid' => $id]);
    $DB->insert_record('grade_items', ['courseid' => $id, 'itemtype' => 'course', 'iteminstance' => $id]);
    $DB->execute('UPDATE {course_categories} SET coursecount = coursecount + 1 WHERE id = ?', [$data->category]);
    return $DB->get_record('course', ['id' => $id]);
}

function minimoodle_section(int $course, int $number): int {
    global $DB;
    $key = ['course' => $course, 'section' => $number];
    return (int) ($DB->get_field('course_sections', 'id', $key) ?: $DB->insert_record('course_sections', $key + ['summary' => '', 'sequence' => '']));
}

/** Puts an activity into a section; returns the id of its course module. */
function add_activity(int $course, int $section, string $module, array $instance): int {
    global $DB;
    $instanceid = $DB->insert_record($module, $instance + ['course' => $course, 'intro' => '', 'timemodified' => time()]);
    $sectionid = minimoodle_section($course, $section);
    $id = $DB->insert_record('course_modules', [
        'course' => $course, 'instance' => $instanceid, 'section' => $sectionid,
        'module' => $DB->get_field('modules', 'id', ['name' => $module], MUST_EXIST),
    ]);
    $before = $DB->get_field('course_sections', 'sequence', ['id' => $sectionid]);
    $DB->set_field('course_sections', 'sequence', ltrim("$before,$id", ','), ['id' => $sectionid]);
    minimoodle_context(70, $id);
    return $id;
}

function enrol_in_course(int $course, int $user): void {
    global $DB;
    $enrol = $DB->get_field('enrol', 'id', ['courseid' => $course, 'enrol' => 'manual'], MUST_EXIST);
    $DB->insert_record('user_enrolments', ['enrolid' => $enrol, 'userid' => $user]);
}

/** @return stdClass[] the activities of a course, with module name and title */
function course_activities(int $course): array {
    global $DB;
    $activities = $DB->get_records_sql(
        'SELECT cm.id, cm.instance, cm.section, m.name AS modulename FROM {course_modules} cm
           JOIN {modules} m ON m.id = cm.module WHERE cm.course = ? ORDER BY cm.id', [$course]);
    foreach ($activities as $activity) {
        $activity->record = $DB->get_record($activity->modulename, ['id' => $activity->instance]);
        $activity->title = $activity->record->name ?? '';
    }
    return $activities;
}

/** @return stdClass[] the files of a course and of its activities, backups left out */
function course_files(int $course): array {
    global $DB;
    return $DB->get_records_sql(
        "SELECT f.*, cx.contextlevel, cx.instanceid FROM {files} f JOIN {context} cx ON cx.id = f.contextid
          WHERE f.component <> 'backup' AND ((cx.contextlevel = 50 AND cx.instanceid = ?)
             OR (cx.contextlevel = 70 AND cx.instanceid IN (SELECT id FROM {course_modules} WHERE course = ?)))
          ORDER BY f.id", [$course, $course]);
}

function rebuild_course_cache(int $courseid, bool $clearonly = false): void {
}

function move_courses(array $courseids, int $categoryid): bool {
    global $DB;
    foreach ($courseids as $id) {
        $DB->set_field('course', 'category', $categoryid, ['id' => $id]);
    }
    fix_course_sortorder();
    return true;
}

function delete_course($course, bool $showfeedback = true): bool {
    global $DB;
    if (get_config('tool_recyclebin', 'categorybinenable')) {
        $DB->insert_record('tool_recyclebin_category', ['categoryid' => $course->category, 'shortname' => $course->shortname]);
    }
    $say = fn(string $what) => $showfeedback ? print("++ Deleted - $what ++\n") : null;
    foreach (course_files($course->id) as $file) {
        (new stored_file($file))->delete();
    }
    foreach (course_activities($course->id) as $activity) {
        $DB->delete_records($activity->modulename, ['id' => $activity->instance]);
        $DB->delete_records('context', ['contextlevel' => 70, 'instanceid' => $activity->id]);
    }
    $say('Activity modules');
    minimoodle_fault('course_delete');
    foreach ($DB->get_records('enrol', ['courseid' => $course->id]) as $enrol) {
        $DB->delete_records('user_enrolments', ['enrolid' => $enrol->id]);
    }
    $say('Enrolment methods');
    foreach (['course_modules' => 'course', 'course_sections' => 'course', 'enrol' => 'courseid', 'grade_items' => 'courseid'] as $table => $key) {
        $DB->delete_records($table, [$key => $course->id]);
    }
    $DB->delete_records('context', ['contextlevel' => 50, 'instanceid' => $course->id]);
    $DB->delete_records('course', ['id' => $course->id]);
    $DB->execute('UPDATE {course_categories} SET coursecount = coursecount - 1 WHERE id = ?', [$course->category]);
    return true;
}
