<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Empties the caches of one node.
global $CLI_VMOODLE_PRECHECK;
define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
$CLI_VMOODLE_PRECHECK = true;

require(dirname(__DIR__, 3) . '/config.php');
require_once($CFG->dirroot . '/lib/clilib.php');

// Without --host the option is true, and "Arming for 1" means the master.
[$options, $unrecognised] = cli_get_params(['help' => false, 'host' => true], ['h' => 'help', 'H' => 'host']);
if ($unrecognised) {
    cli_error('Not recognized options ' . implode("\n", $unrecognised));
}
if ($options['help']) {
    echo "Caches of a node: --host=ADDRESS\n";
    exit(0);
}
require(__DIR__ . '/arming.php');
purge_all_caches();
echo "Done.\n";
exit(0);
