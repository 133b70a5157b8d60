<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Which plugins are there: read from disk, kept in a file of the cache folder.
defined('MOODLE_INTERNAL') || die();

class core_component {
    /** @var array<string, string> absolute folder of each plugin type */
    private static array $types = [];
    /** @var array<string, array<string, string>> absolute folder of each plugin, by type */
    private static array $plugins = [];
    private static $version = null;

    public static function init(): void {
        global $CFG;
        self::$version = self::version_on_disk();
        if (defined('IGNORE_COMPONENT_CACHE') && IGNORE_COMPONENT_CACHE) {
            self::fill();
            return;
        }
        if (!empty($CFG->alternative_component_cache)) {
            $file = $CFG->alternative_component_cache;
            if (!is_readable($file)) {
                self::fill();
                self::write($file);
                return;
            }
            $cache = self::read($file);
            if (($cache['version'] ?? null) != self::$version) {
                die('Outdated component cache file defined in $CFG->alternative_component_cache' . "\n");
            }
            [self::$types, self::$plugins] = [$cache['plugintypes'], $cache['plugins']];
            return;
        }
        $file = $CFG->cachedir . '/core_component.php';
        $cache = CACHE_DISABLE_ALL || !is_readable($file) ? [] : self::read($file);
        // The file holds absolute paths: another release's is of no use.
        if (($cache['dirroot'] ?? '') === $CFG->dirroot && ($cache['version'] ?? null) == self::$version) {
            [self::$types, self::$plugins] = [$cache['plugintypes'], $cache['plugins']];
            return;
        }
        self::fill();
        make_folder($CFG->cachedir);
        self::write($file);
    }

    public static function write(string $file): void {
        $temporary = $file . '.' . getmypid();
        file_put_contents($temporary, self::get_cache_content());
        rename($temporary, $file);
    }

    public static function get_cache_content(): string {
        global $CFG;
        $content = ['dirroot' => $CFG->dirroot, 'version' => self::$version, 'plugintypes' => self::$types, 'plugins' => self::$plugins];
        return "<?php\n\$cache = " . var_export($content, true) . ";\n";
    }

    /** @return array<string, string> */
    public static function get_plugin_types(): array {
        return self::$types;
    }

    /** @return array<string, string> */
    public static function get_plugin_list(string $type): array {
        return self::$plugins[$type] ?? [];
    }

    public static function get_plugin_directory(string $type, string $name): ?string {
        return self::$plugins[$type][$name] ?? null;
    }

    /** @return string[] the types that a plugin brings */
    public static function get_subtypes(string $component): array {
        $file = self::get_plugin_directory(...explode('_', $component, 2)) . '/db/subplugins.json';
        return is_readable($file) ? array_keys(json_decode(file_get_contents($file), true)['plugintypes']) : [];
    }

    /** @return array<string, stdClass> what each version.php says, by component */
    public static function get_versions(): array {
        $versions = [];
        foreach (self::$plugins as $type => $plugins) {
            foreach ($plugins as $name => $folder) {
                if (is_readable("$folder/version.php")) {
                    $plugin = new stdClass();
                    require("$folder/version.php");
                    $plugin->folder = $folder;
                    $versions["{$type}_{$name}"] = $plugin;
                }
            }
        }
        return $versions;
    }

    public static function get_all_versions_hash(): string {
        $versions = ['core' => self::$version];
        foreach (self::get_versions() as $component => $plugin) {
            $versions[$component] = $plugin->version ?? null;
        }
        return sha1(serialize($versions));
    }

    /** A hash of everything whose change needs an upgrade; absolute paths are in it, as in Moodle. */
    public static function get_all_component_hash(): string {
        global $CFG;
        $folders = [$CFG->dirroot . '/lib'];
        foreach (self::$plugins as $plugins) {
            array_push($folders, ...array_values($plugins));
        }
        $hashes = [];
        foreach ($folders as $folder) {
            foreach (glob("$folder/db/*") ?: [] as $file) {
                $hashes[$file] = is_file($file) ? sha1_file($file) : '';
            }
        }
        return sha1(serialize($hashes));
    }

    private static function version_on_disk() {
        global $CFG;
        $version = null;
        require($CFG->dirroot . '/version.php');
        return $version;
    }

    private static function read(string $file): array {
        $cache = [];
        include($file);
        return $cache;
    }

    private static function fill(): void {
        global $CFG;
        $components = json_decode(file_get_contents($CFG->libdir . '/components.json'), true);
        self::$types = self::$plugins = [];
        foreach ($components['plugintypes'] as $type => $path) {
            self::add($type, $CFG->dirroot . '/' . $path);
        }
        // Plugins may bring types of their own; those hold no further types.
        foreach (self::$plugins as $plugins) {
            foreach ($plugins as $folder) {
                $file = "$folder/db/subplugins.json";
                $own = is_readable($file) ? json_decode(file_get_contents($file), true) : [];
                foreach ($own['plugintypes'] ?? [] as $type => $path) {
                    self::add($type, $CFG->dirroot . '/' . $path);
                }
            }
        }
    }

    private static function add(string $type, string $folder): void {
        self::$types[$type] = $folder;
        self::$plugins[$type] = [];
        foreach (is_dir($folder) ? scandir($folder) : [] as $name) {
            $ignored = in_array($name, ['tests', 'classes', 'lang', 'amd', 'templates', 'yui'], true)
                || ($name === 'db' && $type !== 'auth');
            if (!$ignored && preg_match('/^[a-z](?:[a-z0-9_](?!__))*[a-z0-9]+$/', $name) && is_dir("$folder/$name")) {
                self::$plugins[$type][$name] = "$folder/$name";
            }
        }
    }
}
