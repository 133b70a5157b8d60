<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Turns the settings of config.php into a running site. The order of the checks is part of the contract.
global $CFG, $DB, $SITE;

if (!isset($CFG)) {
    exit(1);
}

// Where this file really lies decides, whatever config.php says.
$CFG->dirroot = dirname(__DIR__);
$CFG->libdir = $CFG->dirroot . '/lib';
$CFG->admin ??= 'admin';
$CFG->directorypermissions ??= 02777;
$CFG->filepermissions ??= ($CFG->directorypermissions & 0666);

function minimoodle_halt(string $why): void {
    if (isset($_SERVER['REMOTE_ADDR'])) {
        header($_SERVER['SERVER_PROTOCOL'] . ' 500 Internal Server Error');
    }
    echo 'Fatal error: ' . $why . " Exiting.\n";
    exit(1);
}

if (!isset($CFG->dataroot)) {
    minimoodle_halt('$CFG->dataroot is not specified in config.php!');
}
$CFG->dataroot = realpath($CFG->dataroot);
if ($CFG->dataroot === false) {
    minimoodle_halt('$CFG->dataroot is not configured properly, directory does not exist or is not accessible!');
}
if (!is_writable($CFG->dataroot)) {
    minimoodle_halt('$CFG->dataroot is not writable, admin has to fix directory permissions!');
}
if (!isset($CFG->wwwroot) || $CFG->wwwroot === 'http://example.com/moodle') {
    minimoodle_halt('$CFG->wwwroot is not configured!');
}
$CFG->prefix ??= '';
$CFG->dboptions ??= [];
$CFG->forced_plugin_settings ??= [];
// What config.php sets cannot be changed from the database.
$CFG->config_php_settings = (array) $CFG;
$CFG->tempdir ??= $CFG->dataroot . '/temp';
$CFG->backuptempdir ??= $CFG->tempdir . '/backup';
$CFG->cachedir ??= $CFG->dataroot . '/cache';
$CFG->localcachedir ??= $CFG->dataroot . '/localcache';

define('MOODLE_INTERNAL', true);
defined('CLI_SCRIPT') || define('CLI_SCRIPT', false);
defined('CACHE_DISABLE_ALL') || define('CACHE_DISABLE_ALL', false);
defined('ABORT_AFTER_CONFIG') || define('ABORT_AFTER_CONFIG', false);
define('MATURITY_ALPHA', 50);
define('MATURITY_BETA', 100);
define('MATURITY_RC', 150);
define('MATURITY_STABLE', 200);
define('ANY_VERSION', 'any');
define('MUST_EXIST', 2);
define('IGNORE_MISSING', 0);
define('SITEID', 1);
define('CONTEXT_COURSE', 50);

umask(0000);
require_once(__DIR__ . '/setuplib.php');
require_once(__DIR__ . '/minimoodle/fault.php');

if (CLI_SCRIPT && isset($_SERVER['REMOTE_ADDR'])) {
    header($_SERVER['SERVER_PROTOCOL'] . ' 403 Forbidden');
    die('Command line scripts can not be executed from the web interface');
}
if (!CLI_SCRIPT && !isset($_SERVER['REMOTE_ADDR'])) {
    echo "Command line scripts must define CLI_SCRIPT before requiring config.php\n";
    exit(1);
}

define('CLI_MAINTENANCE', CLI_SCRIPT && file_exists($CFG->dataroot . '/climaintenance.html'));
if (!CLI_SCRIPT && file_exists($CFG->dataroot . '/climaintenance.html')) {
    header($_SERVER['SERVER_PROTOCOL'] . ' 503 Moodle under maintenance');
    header('Status: 503 Moodle under maintenance');
    header('Retry-After: 300');
    header('Content-Type: text/html; charset=utf-8');
    readfile($CFG->dataroot . '/climaintenance.html');
    die;
}
if (ABORT_AFTER_CONFIG) {
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
