<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Backups; included by archive_worker.php.

/** Backs up one course into a folder that exists and is empty. What it held is read first, so that a change meanwhile is found later. */
function order_backup(array $order): array {
    global $CFG, $DB;
    require_once($CFG->dirroot . '/backup/util/includes/backup_includes.php');
    $courseid = (int) $order['id'];
    $answer = ['since' => time(), 'facts' => course_facts::of($DB, $courseid)];
    $CFG->keeptempdirectoriesonbackup = 0;
    $controller = new backup_controller(backup::TYPE_1COURSE, $courseid, backup::FORMAT_MOODLE, backup::INTERACTIVE_NO,
        backup::MODE_GENERAL, get_admin()->id);
    $file = null;
    try {
        apply_settings($controller->get_plan(), wanted_settings((bool) $order['users']) + ['filename' => "lms-moodle-{$courseid}.mbz"]);
        $controller->execute_plan();
        $results = $controller->get_results();
        $file = $results['backup_destination'] ?? null;
        if (!$file) {
            throw new RuntimeException('Moodle made no backup file');
        }
        if (!empty($results['missing_files_in_pool'])) {
            throw new RuntimeException("files of the course are missing in the site's file pool");
        }
        $target = "{$order['folder']}/course.mbz";
        $mask = umask(0077);
        $copied = $file->copy_content_to($target);
        umask($mask);
        if (!$copied) {
            throw new RuntimeException("the backup could not be copied to {$target}: " . (error_get_last()['message'] ?? 'no reason given'));
        }
        return $answer + ['file' => basename($target)];
    } finally {
        if ($file) {
            // It was made for the archive alone.
            $file->delete();
        }
        $controller->destroy();
    }
}
