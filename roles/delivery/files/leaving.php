<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Asks the code that is served what it and the database know of plugins: php -- CODE PLUGIN... <leaving.php. Its last line is JSON. It
// changes nothing, and comes by standard input, so that check mode leaves nothing on the host.

define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
define('IGNORE_COMPONENT_CACHE', true);
// Settings first, the rest when its caches are turned away from those that are in use, as in preflight.php.
define('ABORT_AFTER_CONFIG', true);
require($argv[1] . '/config.php');
$private = sys_get_temp_dir() . '/lms-moodle-leaving-' . getmypid();
mkdir($private, 0700);
$CFG->cachedir = $private;
$CFG->localcachedir = "$private/local";
$CFG->altcacheconfigpath = "$private/caches.php";
define('ABORT_AFTER_CONFIG_CANCEL', true);
require($CFG->dirroot . '/lib/setup.php');
register_shutdown_function('remove_dir', $private);

$versions = $DB->get_records_menu('config_plugins', ['name' => 'version'], '', 'plugin, value');
$tables = $DB->get_tables(false);
$plugins = [];
foreach (array_slice($argv, 2) as $component) {
    $plugins[$component] = plugin_facts($component);
}
$nodes = isset($versions['local_vmoodle']) && in_array('local_vmoodle', $tables, true) ? $DB->count_records('local_vmoodle') : 0;
$closed = is_file("$CFG->dataroot/climaintenance.html");
$told = ['database' => "$CFG->dbname on $CFG->dbhost", 'closed' => $closed, 'nodes' => $nodes, 'plugins' => $plugins];
echo "\n", json_encode($told, JSON_INVALID_UTF8_SUBSTITUTE), "\n";

/** The version in the database and on disk, what goes with it, who needs it, whether Moodle would uninstall it, and what is left of it. */
function plugin_facts(string $component): array {
    global $versions;
    $manager = core_plugin_manager::instance();
    [$type, $name] = explode('_', $component, 2);
    $parts = array_keys($manager->get_subplugins_of_plugin($component));
    $needed = [];
    foreach ([$component, ...$parts] as $one) {
        $needed = [...$needed, ...$manager->other_plugins_that_require($one)];
    }
    return [
        'database' => $versions[$component] ?? null,
        'disk' => $manager->get_plugin_info($component)->versiondisk ?? null,
        'owner' => $manager->get_parent_of_subplugin($type) ?: '',
        'parts' => array_values(array_intersect($parts, array_keys($versions))),
        'needed_by' => array_values(array_diff(array_unique($needed), [$component, ...$parts])),
        'willing' => $manager->can_uninstall_plugin($component),
        'left' => array_merge(...array_map('what_is_left', [$component, ...$parts])),
        'kept' => kept_releases($type, $name),
    ];
}

/** What the database holds of a plugin. Its version goes before its tables do, and its capabilities and files after them. */
function what_is_left(string $component): array {
    global $DB, $versions, $tables;
    $left = isset($versions[$component]) ? ["the version of $component"] : [];
    $file = core_component::get_plugin_directory(...explode('_', $component, 2)) . '/db/install.xml';
    foreach (is_file($file) ? simplexml_load_file($file)->xpath('//TABLE/@NAME') : [] as $table) {
        if (in_array((string) $table, $tables, true)) {
            $left[] = "the table $table";
        }
    }
    foreach (['capabilities', 'files'] as $table) {
        if (in_array($table, $tables, true) && $DB->record_exists($table, ['component' => $component])) {
            $left[] = "$table of $component";
        }
    }
    return $left;
}

/** The releases beside the one that is served which hold a plugin. */
function kept_releases(string $type, string $name): array {
    global $argv;
    $code = realpath($argv[1]);
    $folder = core_component::get_plugin_types()[$type] ?? '';
    $files = $folder === '' ? [] : glob(dirname($code) . '/*' . substr($folder, strlen($code)) . "/$name/version.php");
    return array_map(fn($file): string => explode('/', substr($file, strlen(dirname($code)) + 1))[0], $files);
}
