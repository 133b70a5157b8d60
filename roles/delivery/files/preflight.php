<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Asks code that is not served yet whether it can work here: php preflight.php CODE. Its last line is JSON:
// installed, pending, and findings, each with level (blocking or warning), subject, found and remedy. It changes nothing, and leaves
// the map of components and the caches that the running code uses alone.

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

$findings = environment_findings();
$installed = !empty($CFG->version);
$pending = $installed && moodle_needs_upgrading();
if ($installed) {
    $findings = array_merge($findings, core_findings(), plugin_findings());
}
echo "\n", json_encode(['installed' => $installed, 'pending' => $pending, 'findings' => $findings], JSON_INVALID_UTF8_SUBSTITUTE), "\n";

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
                $remedy = "uninstall it with the code that is served now (admin/cli/uninstall_plugins.php --plugins=$plugin->component --run),"
                    . ' or put it into the code base';
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
