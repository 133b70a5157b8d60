<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Upgrades every enabled node, one after the other, and ends with 0 whatever happened.
define('CLI_SCRIPT', true);

require(dirname(__DIR__, 3) . '/config.php');
require_once($CFG->dirroot . '/lib/clilib.php');

[$options, $unrecognised] = cli_get_params([
    'help' => false, 'allow-unstable' => false, 'with-master' => false, 'purge-caches' => false,
    'logroot' => false, 'fullstop' => false, 'verbose' => false, 'debug' => false,
], ['h' => 'help', 'a' => 'allow-unstable', 'M' => 'with-master', 'P' => 'purge-caches', 'l' => 'logroot', 's' => 'fullstop', 'v' => 'verbose', 'd' => 'debug']);
if ($unrecognised) {
    cli_error(implode("\n  ", $unrecognised) . " is not a recognized option\n");
}
$logroot = $options['logroot'] ?: $CFG->dataroot;
$flags = ($options['allow-unstable'] ? ' --allow-unstable' : '') . ($options['purge-caches'] ? ' --purge-caches' : '');
$fails = 0;
echo "Starting upgrading nodes....\n";
foreach ($DB->get_records('local_vmoodle', ['enabled' => 1]) as $node) {
    $command = "php {$CFG->dirroot}/local/vmoodle/cli/upgrade.php --host=\"{$node->vhostname}\" --non-interactive$flags"
        . " > {$logroot}/upgrade_{$node->shortname}.log";
    echo "Executing $command\n######################################################\n";
    exec($command, $output, $code);
    if ($code) {
        if ($options['fullstop']) {
            die("Worker ended with error\n");
        }
        echo "Worker ended with error:\n\nPursuing anyway\n";
        $fails++;
    }
}
echo "Done with $fails failures.\n";
exit(0);
