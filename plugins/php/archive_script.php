<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Scripts in the language of local_moodlescript; included by archive_worker.php.

function order_script(array $order): array {
    global $CFG;
    $library = $CFG->dirroot . '/local/moodlescript/lib.php';
    if (!is_readable($library)) {
        throw new RuntimeException("{$order['file']} is no program, and local_moodlescript, which could run it, is not installed");
    }
    require_once($library);
    if (!function_exists('local_moodlescript_get_engine')) {
        throw new RuntimeException("{$order['file']} cannot be run: local_moodlescript is too old here, it needs version 2023062603 or newer");
    }
    $level = 0;
    $engine = local_moodlescript_get_engine(file_get_contents($order['file']));
    $said = local_moodlescript_execute($engine, (object) ['courseid' => (int) $order['course_id']], $level);
    if ($level >= 2) {
        throw new RuntimeException("{$order['file']} went wrong: " . trim(strip_tags((string) $said)));
    }
    return [];
}
