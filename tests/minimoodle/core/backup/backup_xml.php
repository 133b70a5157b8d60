<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The XML files of a backup.
defined('MOODLE_INTERNAL') || die();

/** @return array<string, string> every file of a backup, by name */
function backup_contents(int $courseid, string $id, backup_plan $plan): array {
    global $DB;
    $course = $DB->get_record('course', ['id' => $courseid], '*', MUST_EXIST);
    $activities = course_activities($courseid);
    $sections = $DB->get_records('course_sections', ['course' => $courseid], 'section');
    $contents = ['activities/' => ''];
    foreach ($activities as $activity) {
        $folder = "activities/{$activity->modulename}_{$activity->id}/";
        $contents[$folder] = '';
        $contents["{$folder}{$activity->modulename}.xml"] = backup_xml('activity', [$activity->modulename => (array) $activity->record]);
        $contents["{$folder}module.xml"] = backup_xml('module', ['modulename' => $activity->modulename, 'sectionid' => $activity->section]);
        $contents["{$folder}inforef.xml"] = backup_xml('inforef', []);
    }
    $contents['course/'] = '';
    $contents['course/course.xml'] = backup_xml('course', (array) $course);
    $contents['course/enrolments.xml'] = backup_xml('enrolments', backup_enrolments($courseid, (bool) $plan->get_setting('users')->get_value()));
    $contents['course/inforef.xml'] = backup_xml('inforef', []);
    $contents['files/'] = '';
    $files = [];
    foreach ($plan->get_setting('files')->get_value() ? course_files($courseid) : [] as $file) {
        $folder = 'files/' . substr($file->contenthash, 0, 2) . '/';
        $contents[$folder] = '';
        $contents[$folder . $file->contenthash] = (string) @file_get_contents((new stored_file($file))->get_path());
        $files[] = ['file' => array_diff_key((array) $file, ['id' => 0])];
    }
    $contents['files.xml'] = backup_xml('files', $files);
    $contents['gradebook.xml'] = backup_xml('gradebook', backup_grades($courseid, (bool) $plan->get_setting('users')->get_value()));
    foreach (['groups', 'outcomes', 'questions', 'roles', 'scales', 'completion', 'badges', 'grade_history'] as $name) {
        $contents["$name.xml"] = backup_xml($name, []);
    }
    $contents['moodle_backup.xml'] = backup_description($course, $activities, $sections, $id, $plan);
    $contents['sections/'] = '';
    foreach ($sections as $section) {
        $contents["sections/section_{$section->id}/"] = '';
        $contents["sections/section_{$section->id}/section.xml"] = backup_xml('section', [
            'number' => $section->section, 'name' => $section->name, 'sequence' => $section->sequence,
        ]);
    }
    $contents['users.xml'] = backup_xml('users', $plan->get_setting('users')->get_value() ? backup_users($courseid) : []);
    $contents['moodle_backup.log'] = '';
    return $contents;
}

function backup_description(stdClass $course, array $activities, array $sections, string $id, backup_plan $plan): string {
    global $CFG;
    require($CFG->dirroot . '/version.php');
    $lists = ['activities' => [], 'sections' => []];
    foreach ($activities as $activity) {
        $lists['activities'][] = ['activity' => [
            'moduleid' => $activity->id, 'sectionid' => $activity->section, 'modulename' => $activity->modulename,
            'title' => $activity->title, 'directory' => "activities/{$activity->modulename}_{$activity->id}",
        ]];
    }
    foreach ($sections as $section) {
        $lists['sections'][] = ['section' => [
            'sectionid' => $section->id, 'title' => $section->section, 'directory' => "sections/section_{$section->id}",
        ]];
    }
    $settings = [];
    foreach ($plan->get_settings() as $name => $setting) {
        $settings[] = ['setting' => ['level' => 'root', 'name' => $name, 'value' => $setting->get_value()]];
    }
    return backup_xml('moodle_backup', ['information' => [
        'name' => $plan->get_setting('filename')->get_value(),
        'moodle_version' => (string) (int) $version,
        'moodle_release' => $release,
        'backup_version' => (string) (int) $version,
        'backup_release' => strtok($release, ' '),
        'backup_date' => time(),
        'mnet_remoteusers' => 0,
        'include_files' => $plan->get_setting('files')->get_value(),
        'include_file_references_to_external_content' => 0,
        'original_wwwroot' => $CFG->wwwroot,
        'original_site_identifier_hash' => md5(get_site_identifier()),
        'original_course_id' => $course->id,
        'original_course_format' => $course->format,
        'original_course_fullname' => $course->fullname,
        'original_course_shortname' => $course->shortname,
        'original_course_startdate' => $course->startdate,
        'original_course_enddate' => $course->enddate,
        'original_course_contextid' => minimoodle_context(50, (int) $course->id),
        'original_system_contextid' => 1,
        'details' => ["detail backup_id=\"$id\"" => ['type' => 'course', 'format' => 'moodle2', 'interactive' => 1, 'mode' => 10, 'execution' => 1]],
        'contents' => $lists + ['course' => ['courseid' => $course->id, 'title' => $course->shortname, 'directory' => 'course']],
        'settings' => $settings,
    ]]);
}

function backup_users(int $courseid): array {
    global $DB;
    $users = $DB->get_records_sql(
        'SELECT DISTINCT u.id, u.username, u.firstname, u.lastname, u.email FROM {user} u
           JOIN {user_enrolments} ue ON ue.userid = u.id JOIN {enrol} e ON e.id = ue.enrolid WHERE e.courseid = ?', [$courseid]);
    return array_map(fn($user) => ['user' => (array) $user], array_values($users));
}

function backup_enrolments(int $courseid, bool $users): array {
    global $DB;
    $enrolments = $users ? $DB->get_records_sql(
        'SELECT ue.id, ue.userid, e.enrol FROM {user_enrolments} ue JOIN {enrol} e ON e.id = ue.enrolid WHERE e.courseid = ?', [$courseid]) : [];
    return array_map(fn($enrolment) => ['enrolment' => (array) $enrolment], array_values($enrolments));
}

function backup_grades(int $courseid, bool $users): array {
    global $DB;
    $items = [];
    foreach ($DB->get_records('grade_items', ['courseid' => $courseid], 'id') as $item) {
        $grades = $users ? $DB->get_records('grade_grades', ['itemid' => $item->id]) : [];
        $items[] = ['grade_item' => (array) $item + ['grades' => array_map(fn($grade) => ['grade' => (array) $grade], array_values($grades))]];
    }
    return $items;
}

function backup_xml(string $root, array $values): string {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" . backup_element($root, $values, '');
}

/** One element; its name may carry attributes, and a list repeats the one name inside it. */
function backup_element(string $name, $value, string $indent): string {
    $end = strtok($name, ' ');
    if (!is_array($value)) {
        return "$indent<$name>" . ($value === null ? '$@NULL@$' : htmlspecialchars((string) $value, ENT_XML1)) . "</$end>\n";
    }
    $inside = '';
    foreach ($value as $key => $child) {
        $inside .= is_int($key) ? backup_element(key($child), current($child), "$indent  ") : backup_element($key, $child, "$indent  ");
    }
    return "$indent<$name>\n$inside$indent</$end>\n";
}
