<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Closes and opens the site.
define('CLI_SCRIPT', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/minimoodle/maintenance.php');

[$options, $unrecognised] = cli_get_params(
    ['enable' => false, 'enablelater' => 0, 'enableold' => false, 'disable' => false, 'help' => false],
    ['h' => 'help']
);
cli_refuse_unrecognised($unrecognised);
if ($options['help']) {
    echo "Maintenance mode: --enable | --enablelater=MINUTES | --enableold | --disable\n";
    die;
}
minimoodle_maintenance($options);
