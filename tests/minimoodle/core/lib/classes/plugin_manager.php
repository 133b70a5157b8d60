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
            $plugins[$type][$name] = new plugininfo($component, $plugin->version, $known[$component] ?? null);
            unset($known[$component]);
        }
        foreach ($known as $component => $version) {
            [$type, $name] = explode('_', $component, 2);
            $plugins[$type][$name] = new plugininfo($component, null, $version);
        }
        return $plugins;
    }

    public function all_plugins_ok($moodleversion, &$failedplugins = [], $branch = null): bool {
        require_once(__DIR__ . '/../upgradelib.php');
        $failedplugins = plugins_with_unmet_conditions($moodleversion, (string) $branch);
        return !$failedplugins;
    }
}

class plugininfo {
    public function __construct(public string $component, public $versiondisk, public $versiondb) {
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
