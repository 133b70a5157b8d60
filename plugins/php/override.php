<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Prepended (auto_prepend_file) to a script of Moodle's own, which stays unchanged.
//   LMS_MOODLE_NODE    address of the virtual node to be; empty for scripts that take --host themselves
//   LMS_MOODLE_REPORT  file that is told which site the script really ran for, however it ended

if (getenv('LMS_MOODLE_NODE')) {
    define('CLI_VMOODLE_OVERRIDE', getenv('LMS_MOODLE_NODE'));
}

if (getenv('LMS_MOODLE_REPORT')) {
    register_shutdown_function(static function (string $report): void {
        $config = $GLOBALS['CFG'] ?? null;
        $site = ['wwwroot' => $config->wwwroot ?? null, 'database' => $config->dbname ?? null];
        file_put_contents($report, json_encode($site, JSON_INVALID_UTF8_SUBSTITUTE));
    }, getenv('LMS_MOODLE_REPORT'));
}
