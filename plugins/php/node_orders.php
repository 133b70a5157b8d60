<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Keeps VMoodle's registry, and makes, fills, copies and drops the databases of nodes. Included by registry.php, where the master's Moodle
// has started: each line of its input is an order ({"do": ...}), each is answered by {"done": ...} or {"error": ...}. Passwords come
// through the input alone, and none goes out. A node's database is reached by the node's own access, never by the master's.
defined('MOODLE_INTERNAL') || die();

require(__DIR__ . '/databases.php');
require(__DIR__ . '/node_states.php');

/** Where it is written down what we are doing to a node (config_plugins), so that the next call can go on. */
const NODE_MARKS = 'lms_moodle_nodes';

function take_orders(): void {
    umask(0077);
    $orders = new node_orders();
    while (($line = fgets(STDIN)) !== false) {
        $order = json_decode($line, true, 16, JSON_THROW_ON_ERROR);
        try {
            say(['done' => $orders->{$order['do']}($order)]);
        } catch (Throwable $problem) {
            // Moodle's own details would show the values of a query.
            say(['error' => trim((string) ($problem->error ?? '') ?: $problem->getMessage()) ?: get_class($problem)]);
        }
    }
}

final class node_orders {
    private node_databases $access;

    public function __construct() {
        $this->access = new node_databases();
    }

    /** What is begun with which node, by the row's id; and what a new node takes from the master. */
    public function overview(): array {
        global $CFG, $DB;
        $marks = $DB->get_records_menu('config_plugins', ['plugin' => NODE_MARKS], '', 'name, value');
        return [
            'marks' => array_map(fn(string $mark): array => json_decode($mark, true), $marks) ?: new stdClass(),
            'collation' => $CFG->dboptions['dbcollation'] ?? 'utf8mb4_unicode_ci',
        ];
    }

    public function register(array $order): int {
        global $DB;
        $transaction = $DB->start_delegated_transaction();
        if ($DB->record_exists('local_vmoodle', ['vhostname' => $order['row']['vhostname']])) {
            throw new RuntimeException('this address has just been registered by somebody else');
        }
        $row = $order['row'] + ['timecreated' => time(), 'lastcron' => 0, 'lastcrongap' => 0, 'croncount' => 0, 'metadata' => ''];
        $id = $DB->insert_record('local_vmoodle', (object) $row);
        $this->write_mark($id, $order['mark']);
        $transaction->allow_commit();
        return $id;
    }

    public function change(array $order): bool {
        global $DB;
        $transaction = $DB->start_delegated_transaction();
        if ($order['values']) {
            $DB->update_record('local_vmoodle', (object) (['id' => $order['id']] + $order['values']));
        }
        if (array_key_exists('mark', $order)) {
            $this->write_mark($order['id'], $order['mark']);
        }
        $transaction->allow_commit();
        return true;
    }

    /** Whether the registry holds this access to the node's database. */
    public function has_access(array $order): array {
        global $DB;
        $row = (array) $DB->get_record('local_vmoodle', ['id' => $order['id']]);
        return ['same' => array_intersect_key($row, $order['values']) == $order['values']];
    }

    /** Every node of the same network is bound to it no more; says which still are, and why. */
    public function unbind(array $order): array {
        global $DB;
        $row = $DB->get_record('local_vmoodle', ['id' => $order['id']], '*', MUST_EXIST);
        $bound = [];
        $begun = $DB->get_records_menu('config_plugins', ['plugin' => NODE_MARKS], '', 'name, value');
        $dead = [];
        $others = $row->mnet > 0 ? $DB->get_records_select('local_vmoodle', 'mnet = ? AND id <> ?', [$row->mnet, $row->id], 'id') : [];
        foreach (array_diff_key($others, $begun) as $other) {
            try {
                // A server that does not answer is waited for once.
                isset($dead[$other->vdbhost]) && throw $dead[$other->vdbhost];
                $this->database(['id' => $other->id])->forget_peer($row->vhostname);
            } catch (Throwable $problem) {
                if (in_array($problem->getCode(), [2002, 2003, 2005], true)) {
                    $dead[$other->vdbhost] = $problem;
                }
                $bound[] = "$other->vhostname (" . trim($problem->getMessage()) . ')';
            }
        }
        return $bound;
    }

    /** The row goes, and with it what the master knows of the node as a peer of Moodle's network. */
    public function unregister(array $order): bool {
        global $DB;
        $row = $DB->get_record('local_vmoodle', ['id' => $order['id']]);
        $transaction = $DB->start_delegated_transaction();
        $host = $row ? $DB->get_record('mnet_host', ['wwwroot' => $row->vhostname]) : null;
        $columns = ['mnet_host2service' => 'hostid', 'mnetservice_enrol_courses' => 'hostid', 'mnetservice_enrol_enrolments' => 'hostid',
            'mnet_session' => 'mnethostid', 'mnet_sso_access_control' => 'mnet_host_id'];
        foreach ($host ? array_intersect_key($columns, array_flip($DB->get_tables())) : [] as $table => $column) {
            $DB->delete_records($table, [$column => $host->id]);
        }
        if ($host) {
            // People who came from there belong to the peer's row, which stays then, as it does in Moodle.
            $DB->record_exists('user', ['mnethostid' => $host->id])
                ? $DB->set_field('mnet_host', 'deleted', 1, ['id' => $host->id])
                : $DB->delete_records('mnet_host', ['id' => $host->id]);
        }
        $DB->delete_records('local_vmoodle', ['id' => $order['id']]);
        $this->write_mark($order['id'], null);
        $transaction->allow_commit();
        return true;
    }

    /** What is in a node's database, and whether it is the master's under another name. */
    public function examine(array $order): array {
        global $CFG, $DB;
        $database = $this->database($order);
        if (!$database->exists()) {
            return ['exists' => false, 'tables' => 0, 'masters' => false];
        }
        // A copy of the master, however it was made, soon differs in some setting.
        $same = $database->prefix() === $CFG->prefix
            && $database->settings('config', '1 = 1') == $DB->get_records_menu('config', null, '', 'name, value');
        return ['exists' => true, 'tables' => $database->count_tables(), 'masters' => $same];
    }

    public function create_database(array $order): bool {
        $this->database($order)->create($this->overview()['collation']);
        return true;
    }

    /** Drops what is the node's; the database itself when nothing else is in it. */
    public function remove_database(array $order): string {
        $database = $this->database($order);
        if (!$database->exists()) {
            return 'gone';
        }
        $all = !empty($order['all']);
        ($all ? $database->with_prefix('') : $database)->clear();
        if (empty($order['drop']) || $database->count_tables() > 0) {
            return 'emptied';
        }
        try {
            $database->drop();
        } catch (Throwable $problem) {
            return 'emptied';
        }
        return 'dropped';
    }

    public function dump(array $order): int {
        lms_moodle\dump($this->database($order), $order['file']);
        return filesize($order['file']);
    }

    public function size(array $order): int {
        return $this->database($order)->size();
    }

    public function check_dump(array $order): bool {
        lms_moodle\check_dump($this->database($order), $order['file'], true);
        return true;
    }

    /** Fills a node's database, which is emptied of everything before. */
    public function restore(array $order): bool {
        $database = $this->database($order);
        lms_moodle\check_dump($database, $order['file'], true);
        $database->with_prefix('')->clear();
        lms_moodle\pump($database->reader(true), lms_moodle\parts_of($order['file']), fn() => null);
        if (!$database->settings('config', "name = 'version'")) {
            throw new RuntimeException("{$order['file']} holds no Moodle whose tables begin with '{$database->prefix()}'");
        }
        return true;
    }

    /** Settings as a node's own database says them: those of core, and those of components as component|name. */
    public function settings(array $order): array {
        $database = $this->database($order);
        $known = $database->settings('config', '1 = 1');
        foreach ($order['components'] as $component) {
            foreach ($database->settings('config_plugins', "plugin = '$component'") as $name => $value) {
                $known["$component|$name"] = $value;
            }
        }
        return array_intersect_key($known, array_flip($order['names']));
    }

    /** The password of the master's administrator as it is kept, which is no password that could be typed. */
    public function administrator(): string {
        return (string) get_admin()->password;
    }

    private function write_mark(int $id, ?array $mark): void {
        global $DB;
        $DB->delete_records('config_plugins', ['plugin' => NODE_MARKS, 'name' => (string) $id]);
        if ($mark !== null) {
            $DB->insert_record('config_plugins', (object) ['plugin' => NODE_MARKS, 'name' => (string) $id, 'value' => json_encode($mark)]);
        }
    }

    private function database(array $order): lms_moodle\database {
        global $CFG, $DB;
        $row = isset($order['id']) ? $DB->get_record('local_vmoodle', ['id' => $order['id']]) : (object) $order['row'];
        if (!$row) {
            throw new RuntimeException('it has just left the registry');
        }
        [$user, $password] = $this->access->credentials($row);
        $config = (object) [
            'dbhost' => $row->vdbhost, 'dbname' => $row->vdbname, 'dbuser' => $user, 'dbpass' => $password, 'prefix' => $row->vdbprefix,
            'dboptions' => $CFG->dboptions,
        ];
        return match ($row->vdbtype) {
            'mariadb', 'mysqli', 'auroramysql' => new lms_moodle\mysql($config),
            'pgsql', 'postgres', 'postgres7' => new lms_moodle\postgres($config),
            default => throw new RuntimeException("its database type is not known: {$row->vdbtype}"),
        };
    }
}
