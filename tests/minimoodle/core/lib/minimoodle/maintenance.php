<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The maintenance switch that core's script and VMoodle's share.
defined('MOODLE_INTERNAL') || die();
require_once($CFG->libdir . '/adminlib.php');

function minimoodle_maintenance(array $options): void {
    global $CFG;
    cli_heading("Maintenance mode ($CFG->wwwroot)");
    $marker = $CFG->dataroot . '/climaintenance.html';
    if ($options['enablelater']) {
        if (file_exists($marker)) {
            echo "Status: enabled\n";
            return;
        }
        $time = time() + $options['enablelater'] * 60;
        set_config('maintenance_later', $time);
        echo 'status: CLI maintenance mode will be enabled on ' . userdate($time) . "\n";
        return;
    }
    if ($options['enable'] || $options['enableold'] || $options['disable']) {
        unset_config('maintenance_later');
        set_config('maintenance_enabled', $options['enable'] || $options['disable'] ? 0 : 1);
    }
    if ($options['enable']) {
        file_exists($marker) || enable_cli_maintenance_mode();
        echo "Your site is currently in CLI maintenance mode, no web access is allowed.\n";
    } else if ($options['enableold']) {
        echo "Your site is currently in maintenance mode (only admins can log in or use the site).\n";
    } else if ($options['disable']) {
        file_exists($marker) && unlink($marker);
        echo "Maintenance mode has been disabled and the site is running normally again\n";
    } else if (!empty($CFG->maintenance_enabled) || file_exists($marker)) {
        echo "Status: enabled\n";
    } else if (isset($CFG->maintenance_later)) {
        echo 'status: CLI maintenance mode will be enabled on ' . userdate((int) $CFG->maintenance_later) . "\n";
    } else {
        echo "Status: disabled\n";
    }
}
