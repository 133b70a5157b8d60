<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Compares the database with the tables that the code asks for.
define('CLI_SCRIPT', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/ddllib.php');

$files = [$CFG->libdir . '/db/install.xml'];
foreach (core_component::get_versions() as $plugin) {
    $files[] = $plugin->folder . '/db/install.xml';
}
$tables = array_flip($DB->get_tables());
$lines = [];
foreach (array_filter($files, 'is_readable') as $file) {
    $wanted = new xmldb_tables($file);
    foreach ($wanted->names() as $table) {
        if (!isset($tables[$table])) {
            $lines[] = "$table\n * table is missing";
            continue;
        }
        foreach (array_diff($wanted->columns($table), array_keys($DB->get_columns($table))) as $column) {
            $lines[] = "$table\n * column '$column' is missing";
        }
    }
}
echo $lines ? implode("\n", $lines) . "\n" : "Database structure is ok.\n";
exit($lines ? 1 : 0);
