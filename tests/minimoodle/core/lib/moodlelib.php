<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Settings, caches, people: the small part of the library that command line scripts rely on.
defined('MOODLE_INTERNAL') || die();

function initialise_cfg(): void {
    global $CFG, $DB;
    try {
        $rows = $DB->get_records_sql('SELECT name, value FROM {config}');
    } catch (dml_exception $missing) {
        // Not installed yet: the scripts that can go on find no version.
        return;
    }
    foreach ($rows as $row) {
        if (!array_key_exists($row->name, $CFG->config_php_settings)) {
            $CFG->{$row->name} = $row->value;
        }
    }
}

function initialise_site(): ?stdClass {
    global $CFG, $DB;
    return empty($CFG->version) ? null : ($DB->get_record('course', ['category' => 0]) ?: null);
}

function get_site(): ?stdClass {
    global $SITE;
    return $SITE;
}

function get_config(?string $component, ?string $name = null) {
    global $CFG, $DB;
    if (empty($component) || $component === 'core' || $component === 'moodle') {
        $values = $DB->get_records_menu('config', null, '', 'name, value');
        $forced = array_filter($CFG->config_php_settings, 'is_scalar');
    } else {
        $values = $DB->get_records_menu('config_plugins', ['plugin' => $component], '', 'name, value');
        $forced = $CFG->forced_plugin_settings[$component] ?? [];
    }
    foreach ($forced as $key => $value) {
        $values[$key] = (string) $value;
    }
    return $name === null ? (object) $values : ($values[$name] ?? false);
}

function set_config(string $name, $value, ?string $plugin = null): bool {
    global $CFG, $DB;
    $plugin = in_array($plugin, ['', 'core', 'moodle'], true) ? null : $plugin;
    $key = $plugin === null ? ['name' => $name] : ['plugin' => $plugin, 'name' => $name];
    $table = $plugin === null ? 'config' : 'config_plugins';
    if ($value === null) {
        $DB->delete_records($table, $key);
    } else if ($DB->record_exists($table, $key)) {
        $DB->set_field($table, 'value', (string) $value, $key);
    } else {
        $DB->insert_record($table, $key + ['value' => (string) $value]);
    }
    if ($plugin === null && !array_key_exists($name, $CFG->config_php_settings)) {
        if ($value === null) {
            unset($CFG->$name);
        } else {
            $CFG->$name = (string) $value;
        }
    }
    return true;
}

function unset_config(string $name, ?string $plugin = null): bool {
    return set_config($name, null, $plugin);
}

function get_admin() {
    global $DB;
    return $DB->get_record('user', ['username' => 'admin', 'deleted' => 0]);
}

function get_site_identifier(): string {
    return (string) get_config(null, 'siteidentifier');
}

function random_string(int $length = 15): string {
    return substr(bin2hex(random_bytes($length)), 0, $length);
}

/** The site's logs: one reader, on one table. */
function get_log_manager(): object {
    return new class {
        public function get_readers(string $interface): array {
            return ['logstore_standard' => $this];
        }

        public function get_events_select_count(string $where, array $params): int {
            global $DB;
            return $DB->count_records_sql("SELECT COUNT(*) FROM {logstore_standard_log} WHERE $where", $params);
        }
    };
}

function clean_param($value, string $type): string {
    return strip_tags((string) $value);
}

/** The order is taken as it stands. */
function fix_course_sortorder(): void {
}

function mtrace(string $text, string $end = "\n"): void {
    echo $text . $end;
    flush();
}

function userdate(int $time): string {
    return date('l, j F Y, g:i A', $time);
}

function moodle_needs_upgrading(): bool {
    global $CFG;
    return empty($CFG->version)
        || empty($CFG->allversionshash)
        || core_component::get_all_versions_hash() !== $CFG->allversionshash;
}

/** The list of caches lies beside the data, so that it outlives the code that wrote it. */
class cache_helper {
    public const DEFINED = [
        'core/config',
        'core/string',
        // @since 403
        'core/of_newer_code',
        // @end
    ];

    public static function update_definitions(): void {
        make_folder(dirname(self::file()));
        file_put_contents(self::file(), json_encode(self::DEFINED));
    }

    public static function purge_all(): void {
        $listed = is_file(self::file()) ? json_decode(file_get_contents(self::file()), true) : [];
        if (array_diff($listed, self::DEFINED)) {
            throw new coding_exception('codingerror', '', '', 'Coding error detected, it must be fixed by a programmer: The data source class does not exist.');
        }
    }

    private static function file(): string {
        global $CFG;
        return $CFG->altcacheconfigpath ?? $CFG->dataroot . '/muc/config.php';
    }
}

function purge_all_caches(): void {
    global $CFG;
    cache_helper::purge_all();
    foreach ([$CFG->cachedir, $CFG->localcachedir] as $folder) {
        remove_dir($folder, true);
    }
    set_config('lastpurge', time());
}

function remove_dir(string $folder, bool $contentonly = false): void {
    foreach (is_dir($folder) ? scandir($folder) : [] as $name) {
        if ($name === '.' || $name === '..') {
            continue;
        }
        $path = "$folder/$name";
        is_dir($path) && !is_link($path) ? remove_dir($path) : @unlink($path);
    }
    if (!$contentonly && is_dir($folder)) {
        @rmdir($folder);
    }
}

function fulldelete(string $path): bool {
    is_dir($path) ? remove_dir($path) : @unlink($path);
    return true;
}
