<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Installation and upgrade of core and plugins.
defined('MOODLE_INTERNAL') || die();
require_once(__DIR__ . '/ddllib.php');

/**
 * The plugins whose conditions are not met.
 *
 * @return string[]
 */
function plugins_with_unmet_conditions($coreversion, string $branch): array {
    // In an upgrade the branch is the old one, that of the database: see upgrade_plugin().
    $versions = core_component::get_versions();
    $failed = [];
    foreach ($versions as $component => $plugin) {
        $ok = empty($plugin->requires) || $plugin->requires <= $coreversion;
        // `supported` is the maintainer's word and stops nothing; `incompatible` does.
        $ok = $ok && (empty($plugin->incompatible) || (int) $branch < (int) $plugin->incompatible);
        foreach ((array) ($plugin->dependencies ?? []) as $other => $least) {
            $there = $versions[$other] ?? null;
            $ok = $ok && $there && ($least === ANY_VERSION || $there->version >= $least);
        }
        if (!$ok) {
            $failed[] = $component;
        }
    }
    return $failed;
}

function upgrade_conditions_or_exit($coreversion, string $branch): void {
    $failed = plugins_with_unmet_conditions($coreversion, $branch);
    if ($failed) {
        cli_problem('Dependencies check failed for ' . implode(', ', $failed));
        cli_error('You must solve all the plugin requirements before proceeding to install this Moodle version!');
    }
}

/** Runs a piece of work between the two lines that Moodle prints around it. */
function upgrade_part(string $name, callable $work): void {
    echo "-->$name\n";
    $started = microtime(true);
    $work();
    printf("++ Success (%.2f seconds) ++\n", microtime(true) - $started);
}

function upgrade_log(string $plugin, $version, string $info): void {
    global $DB;
    $DB->insert_record('upgrade_log', [
        'type' => 0, 'plugin' => $plugin, 'version' => (string) $version, 'targetversion' => (string) $version,
        'info' => $info, 'timemodified' => time(),
    ]);
}

function upgrade_main_savepoint(bool $result, $version): void {
    if ($result) {
        set_config('version', $version);
        upgrade_log('core', $version, 'Upgrade savepoint reached');
    }
}

function upgrade_plugin_savepoint(bool $result, $version, string $type, string $name): void {
    if ($result) {
        set_config('version', $version, "{$type}_{$name}");
        upgrade_log("{$type}_{$name}", $version, 'Upgrade savepoint reached');
    }
}

function upgrade_mod_savepoint(bool $result, $version, string $name): void {
    upgrade_plugin_savepoint($result, $version, 'mod', $name);
}

function install_core($version): void {
    global $CFG;
    upgrade_part('System', function () use ($CFG, $version): void {
        (new xmldb_tables($CFG->libdir . '/db/install.xml'))->create();
        require_once($CFG->libdir . '/db/install.php');
        xmldb_main_install();
        set_config('version', $version);
        upgrade_log('core', $version, 'Core installed');
    });
}

function upgrade_core($version): void {
    global $CFG;
    set_config('upgraderunning', time() + 300);
    upgrade_part('System', function () use ($CFG, $version): void {
        require_once($CFG->libdir . '/db/upgrade.php');
        xmldb_main_upgrade((float) $CFG->version);
        set_config('version', $version);
    });
}

function upgrade_noncore(): void {
    foreach (core_component::get_versions() as $component => $plugin) {
        upgrade_plugin($component, $plugin);
    }
    set_config('allversionshash', core_component::get_all_versions_hash());
    set_config('allcomponenthash', core_component::get_all_component_hash());
    cache_helper::update_definitions();
    unset_config('upgraderunning');
}

function upgrade_plugin(string $component, stdClass $plugin): void {
    [$type, $name] = explode('_', $component, 2);
    // The functions of an activity go without its type, as ever.
    $prefix = $type === 'mod' ? $name : $component;
    // Only here does an incompatibility with the new branch show, when core and other plugins are done already. As in Moodle.
    $branch = get_config(null, 'branch');
    if (!empty($plugin->incompatible) && (int) $branch >= (int) $plugin->incompatible) {
        throw new plugin_incompatible_exception($component, (string) $plugin->version, $branch);
    }
    $installed = get_config($component, 'version');
    if ($installed === false) {
        upgrade_part($component, function () use ($component, $plugin, $prefix, $type, $name): void {
            if (is_readable("$plugin->folder/db/install.xml")) {
                (new xmldb_tables("$plugin->folder/db/install.xml"))->create();
            }
            set_config('version', $plugin->version, $component);
            if (is_readable("$plugin->folder/db/install.php")) {
                require_once("$plugin->folder/db/install.php");
                "xmldb_{$prefix}_install"();
            }
            if ($type === 'mod') {
                global $DB;
                $DB->insert_record('modules', ['name' => $name, 'visible' => 1]);
            }
            upgrade_log($component, $plugin->version, 'Plugin installed');
        });
    } else if ($installed < $plugin->version) {
        upgrade_part($component, function () use ($component, $plugin, $prefix, $installed): void {
            if (is_readable("$plugin->folder/db/upgrade.php")) {
                require_once("$plugin->folder/db/upgrade.php");
                "xmldb_{$prefix}_upgrade"((float) $installed);
            }
            set_config('version', $plugin->version, $component);
            upgrade_log($component, $plugin->version, 'Plugin upgraded');
        });
    } else if ($installed > $plugin->version) {
        throw new downgrade_exception($component, $installed, (string) $plugin->version);
    }
}
