<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Copy this to vconfig.php and give it the access to the master's database, where the registry of nodes lies.

if (defined('CLI_SCRIPT') && CLI_SCRIPT && !defined('WEB_CRON_EMULATED_CLI') && !defined('CLI_VMOODLE_OVERRIDE')) {
    return;
}
require_once($CFG->dirroot . '/local/vmoodle/bootlib.php');

$CFG->vmasterdbhost = 'localhost';
$CFG->vmasterdbtype = 'mariadb';
$CFG->vmasterdbname = '';
$CFG->vmasterdblogin = '';
$CFG->vmasterdbpass = '';
$CFG->vmasterdbpersist = false;
$CFG->vmasterprefix = 'mdl_';
$CFG->vmoodlenodefault = 0;

vmoodle_get_hostname();
vmoodle_boot_configuration();
