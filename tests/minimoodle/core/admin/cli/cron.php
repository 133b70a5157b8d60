<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Periodic work.
define('CLI_SCRIPT', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');

[$options, $unrecognised] = cli_get_params([
    'help' => false, 'stop' => false, 'list' => false, 'force' => false, 'enable' => false, 'disable' => false,
    'disable-wait' => false, 'keep-alive' => null,
], ['h' => 'help', 's' => 'stop', 'l' => 'list', 'f' => 'force', 'e' => 'enable', 'd' => 'disable', 'w' => 'disable-wait', 'k' => 'keep-alive']);
cli_refuse_unrecognised($unrecognised);
if ($options['help']) {
    echo "Cron: [--enable | --disable | --disable-wait=SECONDS] [--force]\n";
    die;
}
if ($options['enable']) {
    set_config('cron_enabled', 1);
    mtrace('Cron has been enabled for the site.');
    exit(0);
}
if ($options['disable'] || $options['disable-wait']) {
    set_config('cron_enabled', 0);
    mtrace('Cron has been disabled for the site.');
    exit(0);
}
if (CLI_MAINTENANCE) {
    echo "CLI maintenance mode active, cron execution suspended.\n";
    exit(1);
}
if (moodle_needs_upgrading()) {
    echo "Moodle upgrade pending, cron execution suspended.\n";
    exit(1);
}
if (!($CFG->cron_enabled ?? true) && !$options['force']) {
    mtrace('Cron is disabled. Use --force to override.');
    exit(1);
}
mtrace('Server Time: ' . date('r'));
set_config('lastcronstart', time(), 'tool_task');
mtrace('Cron completed at ' . date('H:i:s') . '.');
