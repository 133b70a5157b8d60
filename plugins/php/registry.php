<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// registry.php CODE [states | orders]: prints the master, its virtual nodes and {"end": true} as JSON lines, never their database access.
// With "states", it then reads one line, a list of the rows' ids (0 is the master), and prints the state of each; with "orders", it takes
// those of node_orders.php.

define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
$states = ($argv[2] ?? '') === 'states';
if ($states) {
    // Versions are those on the disk, and the list of components that the running code uses is not written again.
    define('IGNORE_COMPONENT_CACHE', true);
}
require($argv[1] . '/config.php');
require(__DIR__ . '/lines.php');

$registered = in_array('local_vmoodle', $DB->get_tables(), true);
say([
    'master' => $CFG->wwwroot,
    'name' => $SITE->fullname ?? '',
    'dbtype' => $CFG->dbtype,
    'dbhost' => $CFG->dbhost,
    'dbname' => $CFG->dbname,
    'dbprefix' => $CFG->prefix,
    'datapath' => $CFG->dataroot,
    'vmoodle' => $registered,
]);
if (!$registered) {
    exit(0);
}

// Named one by one: the columns with user and password are not even read.
$columns = 'id, vhostname, name, shortname, description, vdbtype, vdbhost, vdbname, vdbprefix, vdatapath, mnet, enabled, timecreated, lastcron';
$nodes = $DB->get_recordset_sql("SELECT $columns FROM {local_vmoodle} ORDER BY vhostname, id");
foreach ($nodes as $node) {
    say([
        'id' => (int) $node->id,
        'wwwroot' => $node->vhostname,
        'name' => (string) $node->name,
        'shortname' => (string) $node->shortname,
        'description' => (string) $node->description,
        'dbtype' => $node->vdbtype,
        'dbhost' => $node->vdbhost,
        'dbname' => $node->vdbname,
        'dbprefix' => $node->vdbprefix,
        'datapath' => $node->vdatapath,
        'mnet' => (int) $node->mnet,
        'enabled' => (bool) $node->enabled,
        'timecreated' => (int) $node->timecreated,
        'lastcron' => (int) $node->lastcron,
    ]);
}
say(['end' => true]);

if (($argv[2] ?? '') === 'orders') {
    require(__DIR__ . '/node_orders.php');
    take_orders();
}
if ($states && ($line = fgets(STDIN)) !== false) {
    require(__DIR__ . '/node_states.php');
    print_states(json_decode($line, true));
}
