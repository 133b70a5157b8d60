<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Makes a course with activities, files and people.
define('CLI_SCRIPT', true);

require(__DIR__ . '/../../../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->dirroot . '/course/lib.php');

[$options, $unrecognised] = cli_get_params([
    'help' => false, 'shortname' => '', 'fullname' => '', 'summary' => '', 'size' => '', 'fixeddataset' => false,
    'filesizelimit' => false, 'additionalmodules' => '', 'bypasscheck' => false, 'quiet' => false,
], ['h' => 'help']);
cli_refuse_unrecognised($unrecognised);
$sizes = ['XS' => 1, 'S' => 3, 'M' => 10];
if ($options['help'] || !$options['shortname'] || !isset($sizes[$options['size']])) {
    echo "A test course: --shortname=NAME --size=XS|S|M [--bypasscheck] [--quiet]\n";
    exit($options['help'] ? 0 : 1);
}
if (!$options['bypasscheck'] && empty($CFG->debug)) {
    cli_error('This command works only with the developer level of debugging, or with --bypasscheck');
}
$amount = $sizes[$options['size']];
if ($DB->record_exists('course', ['shortname' => $options['shortname']])) {
    cli_error("Short name is already used for another course ({$options['shortname']})");
}
$say = fn(string $line) => $options['quiet'] ? null : mtrace($line);
$say("* Creating course {$options['shortname']}");
$course = create_course((object) [
    'shortname' => $options['shortname'], 'fullname' => $options['fullname'] ?: "Test course: {$options['size']}",
    'summary' => $options['summary'], 'category' => 1,
]);
for ($number = 1; $number <= $amount; $number++) {
    $assignment = add_activity($course->id, $number, 'assign', ['name' => "Assignment $number"]);
    $DB->insert_record('grade_items', ['courseid' => $course->id, 'itemname' => "Assignment $number", 'itemtype' => 'mod',
        'itemmodule' => 'assign', 'iteminstance' => $assignment]);
    add_activity($course->id, $number, 'page', ['name' => "Page $number", 'content' => "Text of page $number"]);
}
$resource = add_activity($course->id, 0, 'resource', ['name' => 'Small files']);
for ($number = 0; $number < $amount; $number++) {
    minimoodle_store_text([
        'contextid' => minimoodle_context(70, $resource), 'component' => 'mod_resource', 'filearea' => 'content',
        'filename' => "smallfile$number.dat",
    ], random_bytes(1024));
}
add_activity($course->id, 0, 'forum', ['name' => 'Forum']);
for ($number = 1; $number <= $amount; $number++) {
    $name = sprintf('tool_generator_%06d', $number);
    $user = $DB->get_field('user', 'id', ['username' => $name]) ?: $DB->insert_record('user', [
        'username' => $name, 'firstname' => 'Test user', 'lastname' => (string) $number, 'email' => "$name@example.com",
    ]);
    enrol_in_course($course->id, (int) $user);
}
$say("* Course completed");
$say("\nGenerated course: $CFG->wwwroot/course/view.php?id=$course->id");
