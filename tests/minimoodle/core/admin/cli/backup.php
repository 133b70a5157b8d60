<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Backs one course up into a folder.
define('CLI_SCRIPT', 1);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->dirroot . '/backup/util/includes/backup_includes.php');

[$options, $unrecognised] = cli_get_params(
    ['courseid' => false, 'courseshortname' => '', 'destination' => '', 'help' => false],
    ['h' => 'help']
);
cli_refuse_unrecognised($unrecognised);
if ($options['help'] || !($options['courseid'] || $options['courseshortname'])) {
    echo "Backup of a course: --courseid=ID | --courseshortname=NAME [--destination=FOLDER]\n";
    die;
}
$admin = get_admin();
if (!$admin) {
    mtrace('Error: No admin account was found');
    die;
}
$folder = rtrim($options['destination'], '/');
if ($folder && (!is_dir($folder) || !is_writable($folder))) {
    // Exit code 0, as in Moodle.
    mtrace('Destination directory does not exists or not writable.');
    die;
}
$key = $options['courseid'] ? ['id' => $options['courseid']] : ['shortname' => $options['courseshortname']];
$course = $DB->get_record('course', $key);
if (!$course) {
    throw new moodle_exception('invalidrecord', '', '', "Can't find data record in database table course.");
}
cli_heading('Performing backup...');
$controller = new backup_controller(backup::TYPE_1COURSE, $course->id, backup::FORMAT_MOODLE,
    backup::INTERACTIVE_YES, backup::MODE_GENERAL, $admin->id);
$name = backup_plan_dbops::get_default_backup_filename(backup::FORMAT_MOODLE, backup::TYPE_1COURSE, $course->id, true, false);
$controller->get_plan()->get_setting('filename')->set_value($name);
$controller->finish_ui();
$controller->execute_plan();
$file = $controller->get_results()['backup_destination'];
if ($folder) {
    mtrace("Writing $folder/$name");
    if ($file->copy_content_to("$folder/$name")) {
        $file->delete();
        mtrace('Backup completed.');
    } else {
        mtrace('Destination directory does not exist or is not writable. Leaving the backup in the course backup file area.');
    }
} else {
    mtrace('Backup completed, the new file is listed in the backup area of the given course');
}
$controller->destroy();
exit(0);
