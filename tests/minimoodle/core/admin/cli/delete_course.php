<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Deletes a course.
define('CLI_SCRIPT', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->dirroot . '/course/lib.php');

[$options, $unrecognised] = cli_get_params([
    'courseid' => false, 'non-interactive' => false, 'disablerecyclebin' => false, 'showsql' => false, 'showdebugging' => false, 'help' => false,
], ['c' => 'courseid', 'h' => 'help']);
cli_refuse_unrecognised($unrecognised);
if ($options['help'] || !$options['courseid']) {
    echo "Deletion of a course: --courseid=ID [--non-interactive] [--disablerecyclebin]\n";
    die;
}
if (CLI_MAINTENANCE) {
    cli_error('CLI maintenance mode active, CLI execution suspended');
}
if (moodle_needs_upgrading()) {
    cli_error('Moodle upgrade pending, CLI execution suspended');
}
$course = $DB->get_record('course', ['id' => $options['courseid']]);
if (!$course) {
    cli_error('Course not found');
}
mtrace("Deleting course id $course->id");
mtrace("Course name: $course->fullname");
mtrace("Short name: $course->shortname");
if (!$options['non-interactive'] && strtolower(cli_input('Are you sure you wish to delete this course? (y/N)', 'N')) !== 'y') {
    exit(0);
}
if ($options['disablerecyclebin']) {
    $CFG->forced_plugin_settings['tool_recyclebin'] = ['coursebinenable' => false, 'categorybinenable' => false];
}
delete_course($course);
mtrace('Done!');
