<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Health checks with the exit codes of monitoring systems.
define('CLI_SCRIPT', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/adminlib.php');

[$options, $unrecognised] = cli_get_params(
    ['help' => false, 'filter' => '', 'type' => 'status', 'verbose' => false],
    ['h' => 'help', 'f' => 'filter', 'v' => 'verbose', 't' => 'type']
);
cli_refuse_unrecognised($unrecognised);
if ($options['help']) {
    echo "Checks: [--filter=TEXT] [--type=status] [--verbose]\n";
    die;
}
$labels = ['OK', 'WARNING', 'CRITICAL'];
$worst = 0;
$header = "OK: All '{$options['type']}' checks OK\n";
$lines = '';
foreach (site_checks() as $ref => [$name, $status, $summary]) {
    if ($options['filter'] && !str_contains($ref, $options['filter'])) {
        continue;
    }
    if ($status > $worst) {
        $worst = $status;
        $header = "$labels[$status]: $name ($ref)\n";
    }
    if ($status || $options['verbose']) {
        $lines .= sprintf("%10s| %s (%s)\n%10s|     %s\n", $labels[$status], $name, $ref, '', $summary);
    }
}
echo $header . $lines;
exit($worst);
