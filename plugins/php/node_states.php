<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Reads what each node's own database says of its state, past Moodle: one process for a whole fleet. Included by registry.php, where the
// master's Moodle has started; users and passwords stay in here.
defined('MOODLE_INTERNAL') || die();

const PATIENCE = 5;

/** Says the code's version, and then the state of each row. */
function print_states(array $ids): void {
    global $CFG, $DB;
    $version = $release = '';
    require($CFG->dirroot . '/version.php');
    say(['code' => ['version' => (float) $version, 'release' => $release]]);
    // What upgrade.php itself compares.
    $hash = core_component::get_all_versions_hash();
    $databases = new node_databases();
    foreach ($ids as $id) {
        $row = $id ? $DB->get_record('local_vmoodle', ['id' => $id]) : master_row();
        say(['id' => $id] + ($row ? state_of($row, $databases, $hash) : ['reachable' => false, 'error' => 'it has just left the registry']));
    }
}

function master_row(): stdClass {
    global $CFG;
    return (object) [
        'vdbtype' => $CFG->dbtype, 'vdbhost' => $CFG->dbhost, 'vdbname' => $CFG->dbname, 'vdbprefix' => $CFG->prefix,
        'vdblogin' => $CFG->dbuser, 'vdbpass' => $CFG->dbpass, 'vdatapath' => $CFG->dataroot, 'lastcron' => 0,
    ];
}

function state_of(stdClass $row, node_databases $databases, string $hash): array {
    try {
        $said = $databases->settings($row);
    } catch (Throwable $problem) {
        return ['reachable' => false, 'error' => trim($problem->getMessage()) ?: get_class($problem)];
    }
    if (empty($said['version'])) {
        return ['reachable' => false, 'error' => "the database {$row->vdbname} holds no installed Moodle"];
    }
    return [
        'reachable' => true,
        'error' => null,
        'release' => $said['release'] ?? null,
        'version' => (float) $said['version'],
        'upgrade_pending' => ($said['allversionshash'] ?? '') !== $hash,
        'maintenance' => !empty($said['maintenance_enabled']) || is_file($row->vdatapath . '/climaintenance.html'),
        'lastcron' => (int) ($said['lastcronstart'] ?? $row->lastcron ?: 0),
    ];
}

/** Connections to the nodes' databases; the last one is kept, since most nodes lie on one server. */
final class node_databases {
    private string $access = '';
    private ?Closure $rows = null;
    /** @var string[] why servers could not be reached: each is asked once, however many nodes it has */
    private array $dead = [];
    private bool $completed = false;

    /** @return array<string, string> the settings of a node that tell its state */
    public function settings(stdClass $row): array {
        $prefix = (string) $row->vdbprefix;
        if (!preg_match('/^[A-Za-z0-9_]*$/D', $prefix)) {
            throw new RuntimeException('its table prefix in the registry is none: correct \'vdbprefix\' there');
        }
        $wanted = "'version', 'release', 'allversionshash', 'maintenance_enabled'";
        $rows = $this->of($row)(
            "SELECT name, value FROM {$prefix}config WHERE name IN ({$wanted})"
            . " UNION ALL SELECT name, value FROM {$prefix}config_plugins WHERE plugin = 'tool_task' AND name = 'lastcronstart'"
        );
        return array_column($rows, 1, 0);
    }

    private function of(stdClass $row): Closure {
        [$user, $password] = $this->credentials($row);
        $postgres = in_array($row->vdbtype, ['pgsql', 'postgres', 'postgres7'], true);
        if (!$postgres && !in_array($row->vdbtype, ['mariadb', 'mysqli', 'auroramysql'], true)) {
            throw new RuntimeException("its database type in the registry is not known: {$row->vdbtype}");
        }
        $access = json_encode([$postgres, $row->vdbhost, $user, $password, $row->vdbname]);
        if ($this->access !== $access) {
            // Forgotten first: a database that cannot be opened must not be answered for by the one before.
            $this->access = '';
            $this->rows = $postgres ? $this->postgres($row, $user, $password) : $this->mysql($row, $user, $password);
            $this->access = $access;
        }
        return $this->rows;
    }

    /** As VMoodle chooses them: one user for all nodes, where its configuration names one, or that of the registry. */
    public function credentials(stdClass $row): array {
        global $CFG;
        $file = $CFG->dirroot . '/local/vmoodle/vconfig.php';
        if (!$this->completed && ((string) $row->vdblogin === '' || (string) $row->vdbpass === '') && is_file($file)) {
            // On a command line it says nothing but for a node, as it did when config.php included it; for the master's own address it
            // changes no setting.
            define('CLI_VMOODLE_OVERRIDE', $CFG->wwwroot);
            require($file);
            $this->completed = true;
        }
        return [(string) (($CFG->vchildsdblogin ?? '') ?: $row->vdblogin), (string) (($CFG->vchildsdbpass ?? '') ?: $row->vdbpass)];
    }

    private function mysql(stdClass $row, string $user, string $password): Closure {
        global $CFG;
        mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
        $socket = (string) ($CFG->dboptions['dbsocket'] ?? '');
        $port = (int) ($CFG->dboptions['dbport'] ?? 0) ?: null;
        $link = $this->once("mysql {$row->vdbhost}", static function () use ($row, $user, $password, $port, $socket): mysqli {
            $link = mysqli_init();
            $link->options(MYSQLI_OPT_CONNECT_TIMEOUT, PATIENCE);
            $link->options(MYSQLI_OPT_READ_TIMEOUT, PATIENCE);
            $link->real_connect($row->vdbhost, $user, $password, null, $port, strpos($socket, '/') !== false ? $socket : null);
            return $link;
        }, static fn(Throwable $problem): bool => in_array($problem->getCode(), [2002, 2003, 2005, 2013], true));
        $link->select_db($row->vdbname);
        return static fn(string $sql): array => $link->query($sql)->fetch_all();
    }

    private function postgres(stdClass $row, string $user, string $password): Closure {
        global $CFG;
        $quoted = static fn(string $value): string => "'" . addcslashes($value, "'\\") . "'";
        $socket = (string) ($CFG->dboptions['dbsocket'] ?? '');
        $parts = ['user' => $user, 'password' => $password, 'dbname' => $row->vdbname, 'connect_timeout' => (string) PATIENCE];
        [$host, $port] = array_pad(explode(':', (string) $row->vdbhost, 2), 2, (string) ($CFG->dboptions['dbport'] ?? ''));
        if (!($socket && in_array($host, ['localhost', '127.0.0.1', ''], true))) {
            $parts['host'] = $host;
        } else if (strpos($socket, '/') !== false) {
            $parts['host'] = $socket;
        }
        $parts += $port === '' ? [] : ['port' => $port];
        $parts['options'] = '-c statement_timeout=' . PATIENCE * 1000;
        $words = implode(' ', array_map(static fn(string $name): string => "{$name}=" . $quoted($parts[$name]), array_keys($parts)));
        $link = $this->once("postgres {$row->vdbhost}", static function () use ($words) {
            $link = @pg_connect($words, PGSQL_CONNECT_FORCE_NEW);
            if (!$link) {
                throw new RuntimeException(preg_replace('/^pg_connect\(\): /', '', error_get_last()['message'] ?? 'it could not be reached'));
            }
            return $link;
        }, static fn(Throwable $problem): bool => (bool) preg_match('/timeout|timed out|refused|translate host|unreachable/i', $problem->getMessage()));
        return static function (string $sql) use ($link): array {
            $answer = @pg_query($link, $sql);
            if (!$answer) {
                throw new RuntimeException(pg_last_error($link));
            }
            return pg_fetch_all($answer, PGSQL_NUM) ?: [];
        };
    }

    /** Connects, unless the server was found dead before. */
    private function once(string $server, Closure $connect, Closure $dead) {
        if (isset($this->dead[$server])) {
            throw new RuntimeException($this->dead[$server]);
        }
        try {
            return $connect();
        } catch (Throwable $problem) {
            if ($dead($problem)) {
                $this->dead[$server] = $problem->getMessage();
            }
            throw $problem;
        }
    }
}
