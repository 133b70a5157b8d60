<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The front page: it shows which code answers, and asks no database, so that code alone can be served.
define('ABORT_AFTER_CONFIG', true);
if (!file_exists(__DIR__ . '/config.php')) {
    http_response_code(500);
    die("config.php is missing\n");
}
require(__DIR__ . '/config.php');
minimoodle_fault('web');
require($CFG->dirroot . '/version.php');
header('Content-Type: text/html; charset=utf-8');
$rows = [
    'Release' => $release,
    'Version' => $version,
    'Address' => $CFG->wwwroot,
    'Code' => $CFG->dirroot,
];
echo "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Minimoodle " . s($release) . "</title></head><body>\n";
echo "<h1>Minimoodle</h1>\n<dl>\n";
foreach ($rows as $name => $value) {
    echo '<dt>' . $name . '</dt><dd id="' . strtolower($name) . '">' . s((string) $value) . "</dd>\n";
}
echo "</dl></body></html>\n";
