<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Maintenance, checks and the removal of plugins.
defined('MOODLE_INTERNAL') || die();

function enable_cli_maintenance_mode(): void {
    global $CFG, $SITE;
    $name = s($SITE->fullname ?? 'Site');
    $page = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>$name under maintenance</title></head>"
        . "<body><p>The site is undergoing maintenance and is currently not available</p></body></html>\n";
    file_put_contents($CFG->dataroot . '/climaintenance.html', $page);
}

/** @return array<string, array{string, int, string}> name, status in the words of monitoring (0 ok, 1 warning, 2 critical) and summary */
function site_checks(): array {
    require_once(__DIR__ . '/environmentlib.php');
    $environment = environment_problems();
    $pending = moodle_needs_upgrading();
    $cron = get_config('tool_task', 'lastcronstart');
    return [
        'core_environment' => ['Environment', $environment ? 2 : 0, implode(', ', array_keys($environment))],
        'core_upgradecheck' => ['Upgrade', $pending ? 2 : 0, $pending ? 'An upgrade is pending' : 'No upgrade is pending'],
        'tool_task_cronrunning' => ['Cron running', $cron ? 0 : 2, $cron ? 'Cron is running' : 'The admin/cli/cron.php script has never been run'],
    ];
}

/** @return string[] components that the database knows and the disk does not hold */
function missing_plugins(): array {
    global $DB;
    $known = $DB->get_fieldset_sql("SELECT plugin FROM {config_plugins} WHERE name = 'version' ORDER BY plugin");
    return array_values(array_diff($known, array_keys(core_component::get_versions())));
}

/** Moodle's order: sub-plugins, the plugin's own end, its settings, its tables. */
function uninstall_plugin(string $component): void {
    global $DB;
    foreach (core_component::get_subtypes($component) as $type) {
        foreach (array_keys(core_component::get_plugin_list($type)) as $name) {
            uninstall_plugin("{$type}_$name");
        }
    }
    [$type, $name] = explode('_', $component, 2);
    $folder = core_component::get_plugin_directory($type, $name);
    if ($folder && is_readable("$folder/db/uninstall.php")) {
        require_once("$folder/db/uninstall.php");
        ('xmldb_' . ($type === 'mod' ? $name : $component) . '_uninstall')();
    }
    if ($type === 'mod') {
        $DB->delete_records('modules', ['name' => $name]);
    }
    $DB->delete_records('config_plugins', ['plugin' => $component]);
    // Half done: the settings are gone, the tables are not.
    minimoodle_fault('uninstall');
    if ($folder && is_readable("$folder/db/install.xml")) {
        require_once(__DIR__ . '/ddllib.php');
        foreach ((new xmldb_tables("$folder/db/install.xml"))->names() as $table) {
            $DB->execute("DROP TABLE IF EXISTS {{$table}}");
        }
    }
    purge_all_caches();
    set_config('allversionshash', '');
}

/** Replaces a text in all tables but those with settings. */
function db_replace(string $search, string $replace): bool {
    global $DB;
    foreach (array_diff($DB->get_tables(), ['config', 'config_plugins', 'upgrade_log']) as $table) {
        foreach ($DB->get_columns($table) as $name => $column) {
            if (in_array($column->meta_type, ['C', 'X'], true)) {
                $DB->execute("UPDATE {{$table}} SET `$name` = REPLACE(`$name`, ?, ?)", [$search, $replace]);
            }
        }
    }
    return true;
}
