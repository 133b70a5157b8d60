<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Upgrades the site to the code it runs on.
if (function_exists('opcache_reset') && !isset($_SERVER['REMOTE_ADDR'])) {
    opcache_reset();
}
define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/minimoodle/upgrade.php');

[$options, $unrecognised] = cli_get_params([
    'non-interactive' => false,
    'allow-unstable' => false,
    'is-pending' => false,
    // @since 402
    'is-maintenance-required' => false,
    // @end
    'lang' => 'en',
    'verbose-settings' => false,
    'help' => false,
], ['h' => 'help']);
cli_refuse_unrecognised($unrecognised);
if ($options['help']) {
    echo "Command line upgrade: [--non-interactive] [--allow-unstable] [--is-pending]\n";
    die;
}
minimoodle_upgrade($options);
