<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Finds out which node is meant and puts its settings over the master's.

function vmoodle_get_hostname(): void {
    global $CFG;
    define('VMOODLE_BOOT', true);
    if (defined('CLI_VMOODLE_OVERRIDE')) {
        $CFG->vmoodleroot = CLI_VMOODLE_OVERRIDE;
        return;
    }
    $forwarded = ($_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https';
    $scheme = str_starts_with($CFG->wwwroot, 'https') || $forwarded ? 'https' : 'http';
    $CFG->vmoodleroot = "$scheme://" . ($_SERVER['HTTP_HOST'] ?? $_SERVER['SERVER_NAME'] ?? '');
    // The first part of the path is a node's when it is a link in the code.
    [$first] = explode('/', ltrim($_SERVER['REQUEST_URI'] ?? '', '/'));
    if (!empty($CFG->vmoodleusesubpaths) && $first !== '' && is_link("$CFG->dirroot/$first")) {
        $CFG->vmoodleroot .= "/$first";
    }
}

function vmoodle_boot_configuration(): void {
    global $CFG;
    if (empty($CFG->dirroot)) {
        die('VMoodle installs need $CFG->dirroot be defined explicitely in config.php.' . "\n");
    }
    $CFG->mainwwwroot = $CFG->wwwroot;
    // Loosely compared, so that a `--host` without a value means the master.
    if ($CFG->vmoodleroot == $CFG->wwwroot) {
        if (!empty($CFG->vmoodlenodefault)) {
            die("real moodle instance cannot be used in this VMoodle implementation\n");
        }
        return;
    }
    // Port and socket cannot be set: another socket is reached through PHP's default one.
    $link = @mysqli_connect($CFG->vmasterdbhost, $CFG->vmasterdblogin, $CFG->vmasterdbpass, '', 3306);
    mysqli_select_db($link, $CFG->vmasterdbname);
    $query = mysqli_prepare($link, "SELECT * FROM {$CFG->vmasterprefix}local_vmoodle WHERE vhostname = ?");
    mysqli_stmt_execute($query, [$CFG->vmoodleroot]);
    $node = mysqli_fetch_object(mysqli_stmt_get_result($query));
    mysqli_close($link);
    if (!$node) {
        // Exit code 0: whoever looks at nothing else believes that all went well.
        die("VMoodling (Mysql) : No configuration for this host : $CFG->vmoodleroot. Identified root is {$CFG->wwwroot} May be faked.\n");
    }
    $CFG->dbtype = $node->vdbtype;
    $CFG->dbhost = $node->vdbhost;
    $CFG->dbname = $node->vdbname;
    $CFG->dbuser = empty($CFG->vchildsdblogin) ? $node->vdblogin : $CFG->vchildsdblogin;
    $CFG->dbpass = empty($CFG->vchildsdbpass) ? $node->vdbpass : $CFG->vchildsdbpass;
    $CFG->dboptions['dbpersist'] = $node->vdbpersist;
    $CFG->prefix = $node->vdbprefix;
    $CFG->wwwroot = $CFG->vmoodleroot;
    $CFG->dataroot = $node->vdatapath;
}
