<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Reads and writes settings.
define('CLI_SCRIPT', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');

[$options, $unrecognised] = cli_get_params([
    'help' => false, 'component' => null, 'name' => null, 'set' => null, 'unset' => false,
    'shell-arg' => false, 'json' => false, 'no-eol' => false,
], ['h' => 'help']);
cli_refuse_unrecognised($unrecognised);
if ($options['help']) {
    cli_writeln('Settings: [--component=NAME] [--name=NAME [--set=VALUE | --unset]] [--json] [--shell-arg] [--no-eol]');
    exit(2);
}
$component = $options['component'];
$name = $options['name'];
if ($options['unset'] || $options['set'] !== null) {
    if (empty($name)) {
        cli_error('Missing configuration variable name', 2);
    }
    $forced = $component ? ($CFG->forced_plugin_settings[$component] ?? []) : $CFG->config_php_settings;
    if (array_key_exists($name, $forced)) {
        cli_error('The configuration variable is hard-set in the config.php, unable to change.', 4);
    }
    set_config($name, $options['unset'] ? null : $options['set'], $component);
    exit(0);
}
$value = get_config($component, $name);
if ($name === null) {
    if ($options['json']) {
        cli_writeln(json_encode($value));
        exit(0);
    }
    foreach ($value as $key => $one) {
        cli_writeln($key . "\t" . ($options['shell-arg'] ? escapeshellarg($one) : $one));
    }
    exit(0);
}
if ($value === false) {
    cli_error('No such configuration variable found.', 3);
}
$value = $options['shell-arg'] ? escapeshellarg($value) : $value;
$value = $options['json'] ? json_encode($value) : $value;
$options['no-eol'] ? cli_write($value) : cli_writeln($value);
exit(0);
