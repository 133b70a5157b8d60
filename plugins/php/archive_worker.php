<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// archive_worker.php CODE: starts Moodle once, then backs up one course for each line {"id", "folder", "users"} on standard
// input and answers each with one line on standard output. Ends with its input.

define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
require(__DIR__ . '/lines.php');
require_once($CFG->dirroot . '/backup/util/includes/backup_includes.php');

/** What a whole course is made of, and what of it belongs to people. A site's defaults must not quietly leave something out. */
function wanted_settings(int $courseid, bool $users): array {
    $always = ['activities', 'blocks', 'files', 'filters', 'badges', 'calendarevents', 'questionbank', 'groups', 'competencies',
        'customfield', 'contentbankcontent', 'legacyfiles', 'permissions'];
    $people = ['role_assignments', 'comments', 'userscompletion', 'logs', 'grade_histories', 'xapistate'];
    return ['users' => (int) $users, 'anonymize' => 0]
        + array_fill_keys($always, 1)
        + array_fill_keys($people, (int) $users)
        + ['filename' => "lms-moodle-{$courseid}.mbz"];
}

function apply_settings(backup_plan $plan, array $wanted): void {
    foreach ($wanted as $name => $value) {
        if (!$plan->setting_exists($name)) {
            continue;
        }
        $setting = $plan->get_setting($name);
        if ($setting->get_value() == $value) {
            continue;
        }
        // Without people, what hangs on them is locked by that and not by the site.
        if ($setting->get_status() === base_setting::LOCKED_BY_HIERARCHY && !$wanted['users']) {
            continue;
        }
        if ($setting->get_status() !== base_setting::NOT_LOCKED) {
            throw new RuntimeException("the site's backup defaults lock the setting '{$name}' at " . json_encode($setting->get_value())
                . ': unlock it in the site administration');
        }
        $setting->set_value($value);
    }
}

/** Backs up one course into a folder that exists and is empty. */
function back_up(int $courseid, string $folder, bool $users, int $userid): string {
    $controller = new backup_controller(backup::TYPE_1COURSE, $courseid, backup::FORMAT_MOODLE, backup::INTERACTIVE_NO,
        backup::MODE_GENERAL, $userid);
    $file = null;
    try {
        apply_settings($controller->get_plan(), wanted_settings($courseid, $users));
        $controller->execute_plan();
        $results = $controller->get_results();
        $file = $results['backup_destination'] ?? null;
        if (!$file) {
            throw new RuntimeException('Moodle made no backup file');
        }
        if (!empty($results['missing_files_in_pool'])) {
            throw new RuntimeException("files of the course are missing in the site's file pool");
        }
        $target = "{$folder}/course.mbz";
        $mask = umask(0077);
        $copied = $file->copy_content_to($target);
        umask($mask);
        if (!$copied) {
            throw new RuntimeException("the backup could not be copied to {$target}: " . (error_get_last()['message'] ?? 'no reason given'));
        }
        return basename($target);
    } finally {
        if ($file) {
            // It was made for the archive alone.
            $file->delete();
        }
        $controller->destroy();
    }
}

$CFG->keeptempdirectoriesonbackup = 0;
$admin = get_admin();
say(['ready' => true, 'wwwroot' => $CFG->wwwroot]);

while (($line = fgets(STDIN)) !== false) {
    $order = json_decode($line, true);
    try {
        $name = back_up((int) $order['id'], $order['folder'], (bool) $order['users'], (int) $admin->id);
        say(['id' => $order['id'], 'file' => $name]);
    } catch (Throwable $error) {
        $detail = ($error instanceof moodle_exception && $error->debuginfo) ? " ({$error->debuginfo})" : '';
        say(['id' => $order['id'], 'error' => $error->getMessage() . $detail]);
    }
    gc_collect_cycles();
}
