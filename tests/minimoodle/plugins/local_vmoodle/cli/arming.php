<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Chooses the node before the real configuration is loaded. Included at the top level of a script, after its options are known.
if (!isset($options)) {
    die;
}
if (!empty($options['host'])) {
    echo 'Arming for ' . $options['host'] . "\n";
    define('CLI_VMOODLE_OVERRIDE', $options['host']);
}
if (!defined('MOODLE_INTERNAL')) {
    require(dirname(__DIR__, 3) . '/config.php');
}
echo 'Config check : playing for ' . $CFG->wwwroot . "\n";
