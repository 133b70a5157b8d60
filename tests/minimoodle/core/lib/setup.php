<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Turns the settings of config.php into a running site.
global $CFG, $DB, $SITE;

require_once(__DIR__ . '/minimoodle/settings.php');
// A script that asked for the settings alone may change them, and go on.
if (ABORT_AFTER_CONFIG && !defined('ABORT_AFTER_CONFIG_CANCEL')) {
    return;
}

set_exception_handler('default_exception_handler');
date_default_timezone_set($CFG->timezone ?? 'UTC');
require_once(__DIR__ . '/dmllib.php');
require_once(__DIR__ . '/moodlelib.php');
require_once(__DIR__ . '/classes/component.php');
require_once(__DIR__ . '/classes/plugin_manager.php');
require_once(__DIR__ . '/classes/course_category.php');

core_component::init();
$DB = new moodle_database($CFG);
initialise_cfg();
$SITE = initialise_site();
minimoodle_fault_of_script();
