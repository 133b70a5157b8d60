<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What a request needs before anything else. The order of the checks is part of the contract.
if (!isset($CFG)) {
    exit(1);
}

// Where this file really lies decides, whatever config.php says.
$CFG->dirroot = dirname(__DIR__, 2);
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
define('IGNORE_MULTIPLE', 1);
define('FORMAT_HTML', '1');
define('PARAM_TEXT', 'text');
define('SITEID', 1);
define('CONTEXT_COURSECAT', 40);
define('CONTEXT_COURSE', 50);

umask(0000);
require_once($CFG->libdir . '/setuplib.php');
require_once(__DIR__ . '/fault.php');

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
