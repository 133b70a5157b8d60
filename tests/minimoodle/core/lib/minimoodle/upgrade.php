<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The upgrade that core's script and VMoodle's share; each brings its own options.
defined('MOODLE_INTERNAL') || die();
require_once($CFG->libdir . '/upgradelib.php');
require_once($CFG->libdir . '/environmentlib.php');

function minimoodle_upgrade(array $options): void {
    global $CFG;
    if (empty($CFG->version)) {
        cli_error('Config table does not contain the version. You cannot continue.');
    }
    require($CFG->dirroot . '/version.php');
    if ($version < $CFG->version) {
        cli_error('ERROR!!!  The code you are using is OLDER than the version that made these databases!');
    }
    $old = "$CFG->release ($CFG->version)";
    $new = "$release ($version)";
    if (!moodle_needs_upgrading()) {
        if (!empty($options['purge-caches'])) {
            purge_all_caches();
            echo "Cache emptied.\n";
        }
        cli_error("No upgrade needed for the installed version $new. Thanks for coming anyway!", 0);
    }
    if (!empty($options['is-maintenance-required'])) {
        cli_writeln('An upgrade is pending');
        if (core_component::get_all_component_hash() !== ($CFG->allcomponenthash ?? '')) {
            cli_error('This upgrade WILL result in maintenance mode for users.', 2);
        }
        cli_error('This upgrade WILL NOT result in maintenance mode for users.', 3);
    }
    if ($options['is-pending']) {
        cli_error('An upgrade is pending', 2);
    }
    environment_check_or_exit();
    upgrade_conditions_or_exit($version, $CFG->branch);
    if ($maturity < MATURITY_STABLE && !$options['allow-unstable']) {
        $names = [MATURITY_ALPHA => 'Alpha', MATURITY_BETA => 'Beta', MATURITY_RC => 'Release candidate'];
        cli_problem("This release is unstable: {$names[$maturity]} development code, not for production sites.");
        cli_error('Hint: You may want to run this script with --allow-unstable option');
    }
    if (!$options['non-interactive'] && cli_confirm("Upgrade from $old to $new?\ntype y (means yes) or n (means no)") !== 'y') {
        exit(1);
    }
    if ($version > $CFG->version) {
        purge_all_caches();
        upgrade_core($version);
    }
    set_config('release', $release);
    set_config('branch', $branch);
    // Half done: core's schema is new, the plugins' is old, and the upgrade is still pending.
    minimoodle_fault('upgrade');
    upgrade_noncore();
    cli_heading('Setting new default values');
    echo "Command line upgrade from $old to $new completed successfully.\n";
    if (!empty($options['purge-caches'])) {
        purge_all_caches();
        echo "Cache emptied.\n";
    }
    exit(0);
}
