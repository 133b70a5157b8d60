<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// archive_worker.php CODE: starts Moodle once, then does what each line {"do", "id", …} on standard input asks for, mostly with one
// course, and answers each with one line on standard output. Ends with its input.

define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
require(__DIR__ . '/lines.php');
foreach (['categories', 'versions', 'facts', 'settings', 'backup', 'restore', 'tree', 'purge', 'script'] as $part) {
    require(__DIR__ . "/archive_{$part}.php");
}

// Nothing that is done here is news to a student.
$CFG->noemailever = true;

function order_site(array $order): array {
    global $CFG, $DB;
    foreach ([$CFG->backuptempdir, $CFG->dataroot] as $folder) {
        make_writable_directory($folder);
    }
    return [
        'wwwroot' => $CFG->wwwroot,
        'release' => $CFG->release,
        'versions' => versions_of_site($DB),
        'syncs' => array_values(array_intersect(explode(',', (string) get_config('', 'enrol_plugins_enabled')),
            ['cohort', 'database', 'flatfile', 'imsenterprise', 'ldap', 'meta', 'category', 'lti'])),
        'free' => ['temp' => (int) disk_free_space($CFG->backuptempdir), 'data' => (int) disk_free_space($CFG->dataroot)],
    ];
}

function order_facts(array $order): array {
    global $DB;
    $facts = course_facts::of($DB, (int) $order['of']);
    return $facts === null ? ['gone' => true] : ['facts' => $facts];
}

say(['ready' => true, 'wwwroot' => $CFG->wwwroot]);

while (($line = fgets(STDIN)) !== false) {
    $order = json_decode($line, true);
    try {
        say(['id' => $order['id']] + "order_{$order['do']}"($order));
    } catch (Throwable $error) {
        $detail = ($error instanceof moodle_exception && $error->debuginfo) ? " ({$error->debuginfo})" : '';
        say(['id' => $order['id'], 'error' => $error->getMessage() . $detail]);
    }
    gc_collect_cycles();
}
