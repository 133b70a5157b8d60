<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Closes and opens one node.
global $CLI_VMOODLE_PRECHECK;
define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
$CLI_VMOODLE_PRECHECK = true;

require(dirname(__DIR__, 3) . '/config.php');
require_once($CFG->dirroot . '/lib/clilib.php');

[$options, $unrecognised] = cli_get_params(
    ['enable' => false, 'enablelater' => 0, 'enableold' => false, 'disable' => false, 'help' => false, 'host' => false],
    ['h' => 'help', 'H' => 'host']
);
if ($unrecognised) {
    echo implode("\n  ", $unrecognised) . " is not recognized\n";
    exit(1);
}
if ($options['help']) {
    echo "Maintenance of a node: --host=ADDRESS --enable | --enablelater=MINUTES | --enableold | --disable\n";
    die;
}
require(__DIR__ . '/arming.php');
require_once($CFG->libdir . '/minimoodle/maintenance.php');
minimoodle_maintenance($options);
