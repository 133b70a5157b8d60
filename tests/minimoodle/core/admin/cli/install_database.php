<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Installs the database of a configured site.
define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);

require(__DIR__ . '/../../config.php');
require_once($CFG->libdir . '/clilib.php');
require_once($CFG->libdir . '/environmentlib.php');
require_once($CFG->libdir . '/upgradelib.php');

[$options, $unrecognised] = cli_get_params([
    'lang' => 'en', 'adminuser' => 'admin', 'adminpass' => '', 'adminemail' => '', 'fullname' => '',
    'shortname' => '', 'summary' => '', 'supportemail' => '', 'agree-license' => false, 'help' => false,
], ['h' => 'help']);
cli_refuse_unrecognised($unrecognised);
if ($options['help']) {
    echo "Installs the database: --agree-license --adminpass=PASSWORD [--adminemail=ADDRESS] [--fullname=NAME] [--shortname=NAME]\n";
    die;
}
if ($DB->get_tables()) {
    cli_error('Database tables already present; CLI installation cannot continue.');
}
if (!$options['agree-license']) {
    cli_error('You have to agree to the license. --help prints out the help');
}
if ($options['adminpass'] === true || $options['adminpass'] === '') {
    cli_error('You have to specify admin password. --help prints out the help');
}

require($CFG->dirroot . '/version.php');
environment_check_or_exit();
upgrade_conditions_or_exit($version, $branch);

install_core($version);
set_config('release', $release);
set_config('branch', $branch);
minimoodle_fault('install');
upgrade_noncore();
$DB->execute('UPDATE {course} SET fullname = ?, shortname = ?, summary = ? WHERE category = 0',
    [$options['fullname'] ?: 'Site', $options['shortname'] ?: 'site', $options['summary']]);
$DB->execute("UPDATE {user} SET username = ?, email = ?, password = ? WHERE username = 'admin'",
    [$options['adminuser'], $options['adminemail'], password_hash($options['adminpass'], PASSWORD_BCRYPT, ['cost' => 4])]);
echo "Installation completed successfully.\n";
exit(0);
