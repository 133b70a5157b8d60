<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Upgrades one node.
global $CLI_VMOODLE_PRECHECK;
define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
$CLI_VMOODLE_PRECHECK = true;

require(dirname(__DIR__, 3) . '/config.php');
require_once($CFG->dirroot . '/lib/clilib.php');

[$options, $unrecognised] = cli_get_params([
    'non-interactive' => false, 'allow-unstable' => false, 'help' => false, 'lang' => 'en', 'verbose-settings' => false,
    'is-pending' => false, 'purge-caches' => false, 'host' => false, 'test' => false, 'debug' => false,
], ['h' => 'help', 'H' => 'host', 'u' => 'allow-unstable', 'P' => 'purge-caches', 't' => 'test', 'd' => 'debug']);
if ($unrecognised) {
    cli_error(implode("\n  ", $unrecognised) . " is not a recognized option\n");
}
if ($options['help']) {
    echo "Upgrade of a node: --host=ADDRESS [--non-interactive] [--allow-unstable] [--is-pending] [--purge-caches] [--test]\n";
    die;
}
require(__DIR__ . '/arming.php');
if ($options['test']) {
    echo "Upgrade test mode : Using configuration: \n";
    foreach (['wwwroot', 'dirroot', 'dataroot', 'dbhost', 'dbname', 'dbuser'] as $name) {
        echo "$name : {$CFG->$name}\n";
    }
    die;
}
require_once($CFG->libdir . '/minimoodle/upgrade.php');
minimoodle_upgrade($options);
