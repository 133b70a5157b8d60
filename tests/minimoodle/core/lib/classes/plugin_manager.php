<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What the disk and the database each know of the plugins.
defined('MOODLE_INTERNAL') || die();

class core_plugin_manager {
    public const PLUGIN_STATUS_UPTODATE = 'uptodate';
    public const PLUGIN_STATUS_NEW = 'new';
    public const PLUGIN_STATUS_UPGRADE = 'upgrade';
    public const PLUGIN_STATUS_DOWNGRADE = 'downgrade';
    public const PLUGIN_STATUS_MISSING = 'missing';

    public static function instance(): self {
        return new self();
    }

    /** @return array<string, array<string, plugininfo>> */
    public function get_plugins(): array {
        global $DB;
        $known = $DB->get_records_menu('config_plugins', ['name' => 'version'], '', 'plugin, value');
        $plugins = [];
        foreach (core_component::get_versions() as $component => $plugin) {
            [$type, $name] = explode('_', $component, 2);
            $plugins[$type][$name] = new plugininfo($component, $plugin->version, $known[$component] ?? null, (array) ($plugin->dependencies ?? []));
            unset($known[$component]);
        }
        foreach ($known as $component => $version) {
            [$type, $name] = explode('_', $component, 2);
            $plugins[$type][$name] = new plugininfo($component, null, $version);
        }
        return $plugins;
    }

    public function get_plugin_info(string $component): ?plugininfo {
        [$type, $name] = explode('_', $component, 2) + [1 => ''];
        return $this->get_plugins()[$type][$name] ?? null;
    }

    /** @return array<string, plugininfo> the plugins of the types that this one brings, as long as its folder is there */
    public function get_subplugins_of_plugin(string $component): array {
        $found = [];
        foreach (core_component::get_subtypes($component) as $type) {
            foreach ($this->get_plugins()[$type] ?? [] as $plugin) {
                $found[$plugin->component] = $plugin;
            }
        }
        return $found;
    }

    public function get_parent_of_subplugin(string $type) {
        $owners = array_filter(array_keys(core_component::get_versions()), fn($one) => in_array($type, core_component::get_subtypes($one), true));
        return reset($owners);
    }

    /** @return string[] those on disk, installed or not */
    public function other_plugins_that_require(string $component): array {
        $all = array_merge(...array_map('array_values', array_values($this->get_plugins())));
        return array_column(array_filter($all, fn($plugin) => isset($plugin->dependencies[$component])), 'component');
    }

    public function can_uninstall_plugin(string $component): bool {
        $plugin = $this->get_plugin_info($component);
        if (!$plugin || !$plugin->is_uninstall_allowed() || $plugin->get_status() === self::PLUGIN_STATUS_NEW) {
            return false;
        }
        $family = [$component, ...array_keys($this->get_subplugins_of_plugin($component))];
        return !array_diff(array_merge(...array_map([$this, 'other_plugins_that_require'], $family)), $family);
    }

    public function all_plugins_ok($moodleversion, &$failedplugins = [], $branch = null): bool {
        require_once(__DIR__ . '/../upgradelib.php');
        $failedplugins = plugins_with_unmet_conditions($moodleversion, (string) $branch);
        return !$failedplugins;
    }
}

class plugininfo {
    public function __construct(public string $component, public $versiondisk, public $versiondb, public array $dependencies = []) {
    }

    public function is_uninstall_allowed(): bool {
        return !in_array($this->component, ['theme_boost', 'mod_forum'], true);
    }

    public function get_status(): string {
        return match (true) {
            $this->versiondisk === null => core_plugin_manager::PLUGIN_STATUS_MISSING,
            $this->versiondb === null => core_plugin_manager::PLUGIN_STATUS_NEW,
            $this->versiondb == $this->versiondisk => core_plugin_manager::PLUGIN_STATUS_UPTODATE,
            $this->versiondb < $this->versiondisk => core_plugin_manager::PLUGIN_STATUS_UPGRADE,
            default => core_plugin_manager::PLUGIN_STATUS_DOWNGRADE,
        };
    }
}
