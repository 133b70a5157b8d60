<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Writes or checks the file of $CFG->alternative_component_cache.
define('CLI_SCRIPT', true);
// The file that is about to be written may be missing or out of date.
define('IGNORE_COMPONENT_CACHE', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');

[$options, $unrecognised] = cli_get_params(['file' => false, 'rebuild' => false, 'print' => false, 'help' => false], ['h' => 'help']);
cli_refuse_unrecognised($unrecognised);
if ($options['print']) {
    fwrite(STDOUT, core_component::get_cache_content());
    exit(0);
}
$file = $options['file'] ?: ($CFG->alternative_component_cache ?? '');
if (!$file) {
    cli_error('No file given and $CFG->alternative_component_cache is not set');
}
if ($options['rebuild']) {
    core_component::write($file);
    exit(0);
}
exit(is_readable($file) && file_get_contents($file) === core_component::get_cache_content() ? 0 : 1);
