<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Empties every cache.
define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');

[$options, $unrecognised] = cli_get_params([
    'muc' => false, 'theme' => false, 'lang' => false, 'js' => false, 'filter' => false, 'other' => false, 'help' => false,
], ['h' => 'help']);
if ($unrecognised) {
    cli_error("Unrecognised options:\n  " . implode("\n  ", $unrecognised) . "\nPlease use --help option.", 2);
}
if ($options['help']) {
    echo "Purges all caches, or those named: [--muc] [--theme] [--lang] [--js] [--filter] [--other]\n";
    exit(2);
}
if (!$DB->get_tables()) {
    throw new dml_exception('dmlreadexception', '', '', 'Error reading from database');
}
purge_all_caches();
exit(0);
