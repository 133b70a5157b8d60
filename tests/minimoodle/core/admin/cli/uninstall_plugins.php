<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Removes plugins from the database; without --run it only says what it would do.
define('CLI_SCRIPT', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/adminlib.php');

[$options, $unrecognised] = cli_get_params([
    'help' => false, 'show-all' => false, 'show-missing' => false, 'show-contrib' => false,
    'plugins' => false, 'purge-missing' => false, 'run' => false,
], ['h' => 'help']);
cli_refuse_unrecognised($unrecognised);
$installed = $DB->get_fieldset_sql("SELECT plugin FROM {config_plugins} WHERE name = 'version' ORDER BY plugin");
if ($options['show-all'] || $options['show-missing']) {
    foreach ($options['show-all'] ? $installed : missing_plugins() as $component) {
        cli_writeln($component . "\t" . explode('_', $component, 2)[1]);
    }
    exit(0);
}
$wanted = $options['purge-missing'] ? missing_plugins() : array_filter(explode(',', (string) $options['plugins']));
foreach ($wanted as $component) {
    $manager = core_plugin_manager::instance();
    $name = $component . "\t" . explode('_', $component . '_', 2)[1];
    if (!$manager->get_plugin_info($component)) {
        cli_writeln("Unknown plugin: $component");
    } else if (!$manager->can_uninstall_plugin($component)) {
        cli_writeln("Can not be uninstalled: $name");
    } else if (!$options['run']) {
        cli_writeln("Will be uninstalled: $name");
    } else {
        cli_writeln("Uninstalling: $name");
        echo "-->$component\n";
        uninstall_plugin($component);
        echo "++ Success ++\n\n";
    }
}
exit(0);
