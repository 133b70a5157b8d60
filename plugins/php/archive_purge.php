<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What must be known before a course is removed, and its removal; included by archive_worker.php.

/** What the course holds now, what was done in it since, and who depends on it. */
function order_look(array $order): array {
    global $DB;
    $courseid = (int) $order['id'];
    $facts = course_facts::of($DB, $courseid);
    if ($facts === null) {
        return ['gone' => true];
    }
    [$written, $removed] = events_since($courseid, (int) $order['since']);
    return ['facts' => $facts, 'written' => $written, 'removed' => $removed, 'dependents' => dependents_of($courseid)];
}

/** How often something was written, and removed, as the site's logs say; that it was backed up is no change. */
function events_since(int $courseid, int $since): array {
    $found = ['c' => 0, 'u' => 0, 'd' => 0];
    foreach (get_log_manager()->get_readers('core\log\sql_reader') as $reader) {
        foreach (array_keys($found) as $crud) {
            $found[$crud] += $reader->get_events_select_count(
                "courseid = :courseid AND timecreated > :since AND crud = :crud AND target <> 'course_backup'",
                ['courseid' => $courseid, 'since' => $since, 'crud' => $crud]);
        }
    }
    return [$found['c'] + $found['u'], $found['d']];
}

/** Courses that would lose something with this one. */
function dependents_of(int $courseid): array {
    global $DB;
    $tables = array_flip($DB->get_tables());
    $found = [];
    $asked = ["SELECT DISTINCT c.id, c.shortname FROM {enrol} e JOIN {course} c ON c.id = e.courseid
        WHERE e.enrol = 'meta' AND e.customint1 = :course" => 'enrols its people'];
    if (isset($tables['course_completion_criteria'])) {
        $asked["SELECT DISTINCT c.id, c.shortname FROM {course_completion_criteria} k JOIN {course} c ON c.id = k.course
            WHERE k.courseinstance = :course AND k.course <> k.courseinstance"] = 'wants it completed';
    }
    foreach ($asked as $sql => $how) {
        foreach ($DB->get_records_sql($sql, ['course' => $courseid]) as $course) {
            $found[] = ['id' => (int) $course->id, 'shortname' => $course->shortname, 'how' => $how];
        }
    }
    return $found;
}

function order_purge(array $order): array {
    global $DB;
    if ($DB->record_exists('course', ['id' => (int) $order['id']])) {
        delete_without_trace((int) $order['id'], (bool) $order['recycle_bin']);
    }
    return [];
}
