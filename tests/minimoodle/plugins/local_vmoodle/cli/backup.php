<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Backs a course of one node up, or would: as in VMoodle, the small first configuration holds no libdir.
global $CLI_VMOODLE_PRECHECK;
define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
$CLI_VMOODLE_PRECHECK = true;

require(dirname(__DIR__, 3) . '/config.php');
require_once($CFG->libdir . '/clilib.php');
