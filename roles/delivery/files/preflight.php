<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Asks code that is not served yet whether it can work here: php preflight.php CODE [FOLDER OF DUMPS or '' [PLUGIN...]]. Its last line
// is JSON: installed, pending, held (those of the plugins that it holds), and findings, each with level (blocking or warning), subject,
// found and remedy. It changes nothing, and leaves the map of components and the caches that the running code uses alone.

define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
define('IGNORE_COMPONENT_CACHE', true);
// Settings first, the rest of Moodle when its caches are turned away from those of the running code: its list of them included,
// which code that knows more of them would write anew.
define('ABORT_AFTER_CONFIG', true);
require($argv[1] . '/config.php');
$private = sys_get_temp_dir() . '/lms-moodle-preflight-' . getmypid();
mkdir($private, 0700);
$CFG->cachedir = $private;
$CFG->localcachedir = "$private/local";
$CFG->altcacheconfigpath = "$private/caches.php";
define('ABORT_AFTER_CONFIG_CANCEL', true);
require($CFG->dirroot . '/lib/setup.php');
register_shutdown_function('remove_dir', $private);
require_once($CFG->libdir . '/environmentlib.php');

$findings = array_merge(environment_findings(), component_cache_findings());
$installed = !empty($CFG->version);
$pending = $installed && moodle_needs_upgrading();
if ($installed) {
    $findings = array_merge($findings, core_findings(), plugin_findings(), collation_findings(), space_findings($argv[2] ?? ''));
}
$held = array_values(array_filter(array_slice($argv, 3), fn($one) => core_component::get_plugin_directory(...explode('_', $one, 2))));
$told = ['installed' => $installed, 'pending' => $pending, 'held' => $held, 'findings' => $findings];
echo "\n", json_encode($told, JSON_INVALID_UTF8_SUBSTITUTE), "\n";

function finding(string $level, string $subject, string $found, string $remedy): array {
    return ['level' => $level, 'subject' => $subject, 'found' => $found, 'remedy' => $remedy];
}

/** What Moodle itself demands of PHP, its extensions and settings, and of the database. */
function environment_findings(): array {
    global $CFG;
    $version = $release = $branch = $maturity = null;
    require($CFG->dirroot . '/version.php');
    [$fine, $results] = check_moodle_environment(normalize_version($release), ENV_SELECT_RELEASE);
    $findings = [];
    foreach ($results as $result) {
        if ($result->getStatus()) {
            continue;
        }
        $subject = trim($result->getPart() . ' ' . $result->getInfo());
        $has = (string) $result->getCurrentVersion();
        $needs = (string) $result->getNeededVersion();
        $found = $has === '' && $needs === '' ? 'it does not pass' : 'it is ' . ($has === '' ? 'missing' : $has) . ($needs === '' ? '' : ", and $needs is needed");
        $level = $result->getLevel() === 'required' ? 'blocking' : 'warning';
        $findings[] = finding($level, $subject, $found, 'put the host right, for the command line and for php-fpm');
    }
    return $findings;
}

/** A list of components that is there before its release was ever served is that of another one, at which this one stops. */
function component_cache_findings(): array {
    global $CFG;
    $file = $CFG->alternative_component_cache ?? '';
    if ($file === '' || !file_exists($file)) {
        return [];
    }
    $remedy = "add . '.' . basename(__DIR__) to it in config.php, so that each release has its own, in a directory that the web server may write to";
    return [finding('blocking', 'alternative_component_cache', "$file lists the components of other code", $remedy)];
}

function core_findings(): array {
    global $CFG;
    $version = $release = $branch = $maturity = null;
    require($CFG->dirroot . '/version.php');
    if ($version >= $CFG->version) {
        return [];
    }
    $found = "the code is $version, the database is of $CFG->version already";
    return [finding('blocking', 'core', $found, 'deliver that version or a newer one, or restore a dump of the database first')];
}

/** Plugins that are lower on disk than in the database, gone from disk, or that will not run on this core. */
function plugin_findings(): array {
    global $CFG;
    $version = $release = $branch = $maturity = null;
    require($CFG->dirroot . '/version.php');
    $manager = core_plugin_manager::instance();
    $findings = [];
    foreach ($manager->get_plugins() as $plugins) {
        foreach ($plugins as $plugin) {
            $status = $plugin->get_status();
            if ($status === core_plugin_manager::PLUGIN_STATUS_DOWNGRADE) {
                $found = "the code holds $plugin->versiondisk, the database $plugin->versiondb";
                $remedy = "put $plugin->versiondb or a newer one into the code base";
                $findings[] = finding('blocking', $plugin->component, $found, $remedy);
            } else if ($status === core_plugin_manager::PLUGIN_STATUS_MISSING) {
                $found = 'the database knows it and the code does not hold it';
                $remedy = 'put it into the code base, or name it in moodle_uninstall: it is uninstalled with the code that is served now, in the'
                    . ' closed site, and all its data go. A dump of the database brings back no files, and Moodle empties its trash once a day';
                $findings[] = finding('warning', $plugin->component, $found, $remedy);
            }
        }
    }
    $failed = [];
    if (!$manager->all_plugins_ok($version, $failed, $CFG->branch ?? null)) {
        foreach ($failed as $component) {
            $found = 'a condition of it is not met: the core version or another plugin that it needs, or a core that it excludes';
            $findings[] = finding('blocking', $component, $found, 'choose a version of it that fits, or add what it needs');
        }
    }
    return $findings;
}

function is_mysql(): bool {
    global $CFG;
    return in_array($CFG->dbtype, ['mariadb', 'mysqli', 'auroramysql'], true);
}

/** A table that an upgrade adds gets the collation of config.php: beside tables of another one, what joins them fails. */
function collation_findings(): array {
    global $CFG, $DB;
    if (!is_mysql()) {
        return [];
    }
    $counted = $DB->get_records_sql("SELECT table_collation AS collation_of, COUNT(*) AS number FROM information_schema.tables
        WHERE table_schema = DATABASE() AND LEFT(table_name, CHAR_LENGTH(?)) = ? GROUP BY table_collation ORDER BY number DESC", [$CFG->prefix, $CFG->prefix]);
    $has = array_keys($counted);
    $wanted = $CFG->dboptions['dbcollation'] ?? $has[0];
    $told = implode(', ', array_map(fn($one): string => "$one->collation_of ($one->number tables)", $counted));
    $remedy = 'convert the tables with admin/cli/mysql_collation.php, having dumped the database';
    $findings = [];
    if (!in_array($wanted, $has, true)) {
        $found = "config.php wants $wanted, the tables have $told";
        $findings[] = finding('blocking', 'database collation', $found, "set dbcollation in config.php to what the tables have, or $remedy");
    } else if (count($has) > 1) {
        $findings[] = finding('warning', 'database collation', "the tables differ: $told", $remedy);
    }
    if (!str_starts_with($wanted, 'utf8mb4_')) {
        $level = str_starts_with($wanted, 'utf8') ? 'warning' : 'blocking';
        $findings[] = finding($level, 'database character set', "it is that of $wanted, and utf8mb4 is needed", $remedy);
    }
    return $findings;
}

/** Room for the caches that are built anew, and for the dump: packed it takes a quarter of the data, or less. */
function space_findings(string $dumps): array {
    global $CFG, $DB;
    $findings = [];
    $megabytes = fn($bytes): string => ceil($bytes / 2 ** 20) . ' MB';
    $free = disk_free_space($CFG->dataroot);
    if ($free < 256 * 2 ** 20) {
        $findings[] = finding('blocking', 'room in dataroot', "$CFG->dataroot has {$megabytes($free)}, and 256 MB are needed", 'make room there');
    }
    if ($dumps !== '') {
        $sql = is_mysql() ? 'SELECT SUM(data_length) FROM information_schema.tables WHERE table_schema = DATABASE()'
            : 'SELECT pg_database_size(current_database())';
        $needed = $DB->get_field_sql($sql) / 4;
        for ($folder = $dumps; !is_dir($folder); $folder = dirname($folder)) {
            continue;
        }
        if (disk_free_space($folder) < $needed) {
            $found = "$dumps has {$megabytes(disk_free_space($folder))}, and {$megabytes($needed)} are needed";
            $findings[] = finding('blocking', 'room for the dump', $found, 'make room there, or name another folder (moodle_dump_folder)');
        }
    }
    return $findings;
}
