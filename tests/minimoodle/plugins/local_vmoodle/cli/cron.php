<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Periodic work of one node, or would be: as in VMoodle, a library ends the script before the node is known.
global $CLI_VMOODLE_PRECHECK;
define('CLI_SCRIPT', true);
$CLI_VMOODLE_PRECHECK = true;

require(dirname(__DIR__, 3) . '/config.php');
require_once($CFG->dirroot . '/lib/clilib.php');
// Meant for a full configuration, it dies without one: no output, exit code 0.
require_once($CFG->dirroot . '/lib/cronlib.php');
