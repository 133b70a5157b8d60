<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// node_identity.php CODE WISH: runs for a node, and makes it what WISH (JSON) says:
//   clone     it is a copy of another site: it gets an identifier and keys of its own, and nothing of what the other had begun
//   password  what is kept of its administrator's password, where it is not to stay as it is
//   title     fullname, shortname and summary of the site, as far as given
//   settings  settings of core by their name, of a component as component|name
//   network   false switches Moodle's network off, true on, null leaves it
// Written so that it can be run again when it was interrupted; what is no harm twice is done twice.

define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
[, $code, $wish] = $argv;
require($code . '/config.php');
require_once($CFG->libdir . '/adminlib.php');

$wish = json_decode($wish, true, 16, JSON_THROW_ON_ERROR);
$tables = array_flip($DB->get_tables());
if ($wish['clone']) {
    new_address();
    new_keys($tables);
    new_beginning($tables);
}
if (isset($wish['password'])) {
    $DB->set_field('user', 'password', $wish['password'], ['id' => get_admin()->id]);
}
foreach ($wish['title'] as $field => $value) {
    $DB->set_field('course', $field, $value, ['id' => SITEID]);
}
foreach ($wish['settings'] as $name => $value) {
    [$plugin, $setting] = str_contains($name, '|') ? explode('|', $name, 2) : [null, $name];
    set_config($setting, $value, $plugin);
}
if (isset($wish['network'])) {
    set_config('mnet_dispatcher_mode', $wish['network'] ? 'strict' : 'off');
}
if ($wish['clone']) {
    new_peers($tables, !empty($wish['network']));
    // Last: as long as it is there, the other site's address and not this one's is known for the node's own.
    $DB->set_field('mnet_host', 'wwwroot', $CFG->wwwroot, ['id' => $CFG->mnet_localhost_id]);
}
purge_all_caches();
echo "Done.\n";

/** The other site's address in all content; in settings too, where Moodle's own replacement does not look. */
function new_address(): void {
    global $CFG, $DB;
    $old = (string) $DB->get_field('mnet_host', 'wwwroot', ['id' => $CFG->mnet_localhost_id]);
    if ($old === '' || $old === $CFG->wwwroot) {
        return;
    }
    db_replace($old, $CFG->wwwroot);
    foreach (['config', 'config_plugins'] as $table) {
        foreach ($DB->get_records_select($table, $DB->sql_like('value', '?'), ['%' . $DB->sql_like_escape($old) . '%']) as $setting) {
            $DB->set_field($table, 'value', str_replace($old, $CFG->wwwroot, $setting->value), ['id' => $setting->id]);
        }
    }
}

/** What opens or signs for the other site must not open or sign for this one, nor the other way round. */
function new_keys(array $tables): void {
    global $CFG, $DB;
    $salts = ['siteidentifier' => random_string(32) . parse_url($CFG->wwwroot, PHP_URL_HOST)];
    foreach (['calendar_exportsalt', 'badges_badgesalt'] as $name) {
        $salts += isset($CFG->$name) ? [$name => random_string(60)] : [];
    }
    foreach ($salts as $name => $value) {
        set_config($name, $value);
    }
    foreach ([['mod_lti', 'privatekey', 'kid'], ['enrol_lti', 'lti_13_privatekey', 'lti_13_kid']] as [$plugin, $key, $kid]) {
        if (!get_config($plugin, $key)) {
            continue;
        }
        $made = openssl_pkey_new(['digest_alg' => 'sha256', 'private_key_bits' => 2048, 'private_key_type' => OPENSSL_KEYTYPE_RSA]);
        openssl_pkey_export($made, $pem);
        set_config($key, $pem, $plugin);
        set_config($kid, bin2hex(random_bytes(10)), $plugin);
    }
    foreach (['external_tokens', 'user_private_key', 'user_password_resets', 'user_devices', 'oauth2_access_token', 'oauth2_refresh_token',
        'registration_hubs', 'sessions', 'mnet_session'] as $table) {
        if (isset($tables[$table])) {
            $DB->delete_records($table);
        }
    }
    unset_config('site_regupdateversion', 'hub');
}

/** What the other site's cron had begun is the other site's: mails would go out twice. */
function new_beginning(array $tables): void {
    global $DB;
    if (isset($tables['task_adhoc'])) {
        $DB->delete_records('task_adhoc');
    }
    if (isset($tables['task_scheduled'])) {
        $DB->execute('UPDATE {task_scheduled} SET timestarted = NULL, hostname = NULL, pid = NULL, faildelay = 0');
    }
    unset_config('lastcronstart', 'tool_task');
    unset_config('lastcroninterval', 'tool_task');
}

/** Bound to nobody of Moodle's network; with keys of its own, where it takes part in it. */
function new_peers(array $tables, bool $network): void {
    global $CFG, $DB;
    if (!isset($tables['mnet_host2service'])) {
        return;
    }
    $all = $CFG->mnet_all_hosts_id ?? 0;
    $DB->execute('DELETE FROM {mnet_host2service} WHERE hostid <> ?', [$all]);
    $DB->execute('UPDATE {mnet_host} SET deleted = 1 WHERE id <> ? AND id <> ?', [$CFG->mnet_localhost_id, $all]);
    foreach (['openssl', 'openssl_history'] as $name) {
        unset_config($name, 'mnet');
    }
    $own = ['id' => $CFG->mnet_localhost_id, 'public_key' => '', 'public_key_expires' => 0];
    $DB->update_record('mnet_host', (object) $own);
    if ($network) {
        require_once($CFG->dirroot . '/mnet/lib.php');
        (new mnet_environment())->init();
    }
}
