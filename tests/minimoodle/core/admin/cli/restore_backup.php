<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Restores a backup file into a new course of a category.
define('CLI_SCRIPT', 1);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->dirroot . '/backup/util/includes/restore_includes.php');

[$options, $unrecognised] = cli_get_params(
    ['file' => '', 'categoryid' => '', 'showdebugging' => false, 'help' => false],
    ['f' => 'file', 'c' => 'categoryid', 's' => 'showdebugging', 'h' => 'help']
);
cli_refuse_unrecognised($unrecognised);
if ($options['help'] || !$options['file'] || !$options['categoryid']) {
    echo "Restore of a backup: --file=FILE --categoryid=ID\n";
    exit(0);
}
if (!file_exists($options['file'])) {
    throw new moodle_exception('filenotfound', '', '', 'Sorry, the requested file could not be found');
}
if (!$DB->record_exists('course_categories', ['id' => $options['categoryid']])) {
    throw new moodle_exception('invalidcategoryid', '', '', 'Incorrect category ID!');
}
$folder = 'restore_' . uniqid();
$path = "$CFG->backuptempdir/$folder";
cli_heading("Extracting backup file to: $path");
make_folder($path);
foreach (minimoodle_archive::read($options['file']) as $name => $content) {
    make_folder(dirname("$path/$name"));
    file_put_contents("$path/$name", $content);
}
cli_heading('Preprocessing backup file');
try {
    [$fullname, $shortname] = restore_dbops::calculate_course_names(0, 'Restoring course', 'restoring');
    $courseid = restore_dbops::create_new_course($fullname, $shortname, $options['categoryid']);
    $controller = new restore_controller($folder, $courseid, backup::INTERACTIVE_NO, backup::MODE_GENERAL, get_admin()->id, backup::TARGET_NEW_COURSE);
    $controller->execute_precheck();
    $controller->execute_plan();
    $controller->destroy();
} catch (Exception $error) {
    // The course made above stays behind, as in Moodle.
    cli_heading('Cleaning temp data');
    fulldelete($path);
    throw new moodle_exception('generalexceptionmessage', '', '', 'Exception - ' . $error->getMessage());
}
fulldelete($path);
cli_heading("Restored course ID: $courseid");
exit(0);
