<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// A Moodle's database as a whole, by the programs of its server. Passwords are on no command line and in no output. Only tables with
// Moodle's prefix are dumped, dropped and restored. A dump has its name only when it is complete; what is restored is read to its end before.

namespace lms_moodle;

use Exception;
use Generator;
use mysqli;
use stdClass;
use Throwable;

function dump(database $database, string $file): void {
    $partial = "$file.partial";
    $target = @gzopen($partial, 'wb6') ?: throw new Exception("$partial cannot be written.");
    try {
        $last = pump($database->dumper(), null, function (string $part) use ($target, $partial): void {
            if (gzwrite($target, $part) !== strlen($part)) {
                throw new Exception("$partial cannot be written: is the disk full?");
            }
        });
        if (!gzclose($target) || !str_contains($last, $database->last_words())) {
            throw new Exception('The dump broke off before its end.');
        }
        rename($partial, $file);
    } catch (Throwable $problem) {
        unlink($partial);
        throw $problem;
    }
}

function restore(database $database, string $file): void {
    check_dump($database, $file);
    $database->clear();
    pump($database->reader(), parts_of($file), fn() => null);
}

/** Reads it to its end; touches nothing. With `confined` it is refused where it would reach beyond the database that it is loaded into. */
function check_dump(database $database, string $file, bool $confined = false): void {
    [$last, $line, $inrows] = ['', '', false];
    foreach (parts_of($file) as $part) {
        $last = substr($last . $part, -4096);
        foreach ($confined ? explode("\n", $part) : [] as $number => $text) {
            // Of long lines the beginning is enough.
            $line = $number ? $text : (strlen($line) < 4096 ? $line . $text : $line);
            // The lines between COPY and \. are rows, whatever they look like.
            $inrows = $inrows ? $line !== '\.' : (bool) preg_match('/^COPY .* FROM stdin;$/D', $line);
            if (!$inrows && preg_match($database->beyond(), $line)) {
                throw new Exception("$file is not fit for a node: '" . substr($line, 0, 60) . "' in it would reach beyond the node's database.");
            }
        }
    }
    if (!str_contains($last, $database->last_words())) {
        throw new Exception("$file is no whole dump of such a database: nothing was touched.");
    }
}

function parts_of(string $file): Generator {
    $source = is_readable($file) ? gzopen($file, 'rb') : throw new Exception("$file cannot be read.");
    while (!gzeof($source)) {
        $part = gzread($source, 1 << 18);
        if ($part === false) {
            throw new Exception("$file is damaged.");
        }
        yield $part;
    }
    gzclose($source);
}

/** Runs a program, feeds it and takes what it prints; gives the end of that. */
function pump(array $program, ?Generator $input, callable $take): string {
    [$command, $environment] = $program;
    $errors = tmpfile();
    $process = proc_open($command, [['pipe', 'r'], ['pipe', 'w'], $errors], $pipes, null, $environment + getenv());
    if (!$process) {
        throw new Exception("$command[0] cannot be run.");
    }
    foreach ($input ?? [] as $part) {
        for ($sent = 0; $sent < strlen($part); $sent += $written) {
            $written = @fwrite($pipes[0], substr($part, $sent));
            if (!$written) {
                break 2; // It has ended, and says why.
            }
        }
    }
    fclose($pipes[0]);
    $last = '';
    while (!feof($pipes[1])) {
        $part = (string) fread($pipes[1], 1 << 18);
        $take($part);
        $last = substr($last . $part, -4096);
    }
    $code = proc_close($process);
    if ($code !== 0) {
        rewind($errors);
        throw new Exception("$command[0] failed ($code): " . trim(substr((string) stream_get_contents($errors), -1500)));
    }
    return $last;
}

abstract class database {
    public function __construct(protected stdClass $config) {
    }

    public function with_name(string $name): static {
        $config = clone $this->config;
        $config->dbname = $name;
        return new static($config);
    }

    public function name(): string {
        return $this->config->dbname;
    }

    /** @return array{string[], array<string, string>} a command and what it needs in its environment */
    abstract public function dumper(): array;
    /** `confined`: it runs no program and opens no file, whatever it reads, as far as the server's client offers that. */
    abstract public function reader(bool $confined = false): array;
    abstract public function clear(): void;
    abstract public function last_words(): string;
    /** What a line of a dump begins with that concerns more than its own database, as a pattern. */
    abstract public function beyond(): string;
    abstract public function exists(): bool;
    abstract public function create(string $collation): void;
    abstract public function drop(): void;
    /** @return int how many tables there are, of whatever prefix */
    abstract public function count_tables(): int;
    /** @return int bytes of the rows in Moodle's tables, which a packed dump of them does not exceed */
    abstract public function size(): int;
    /** @return array<string, string> what Moodle's table of settings says, as far as it is there */
    abstract public function settings(string $table, string $condition): array;

    /** Open a connection. */
    abstract protected function link(?string $name = null);
    /** One of Moodle's tables as it is named in a query; nothing where it is not there. */
    abstract protected function table($link, string $name): string;
    /** Run a query in which ? stands for the value. */
    abstract protected function change($link, string $query, string $value): void;

    /** As Moodle does: the peer's row stays, for people who came from there belong to it. */
    public function forget_peer(string $address): void {
        $link = $this->link();
        $hosts = $this->table($link, 'mnet_host');
        $services = $this->table($link, 'mnet_host2service');
        if ($services !== '') {
            $this->change($link, "DELETE FROM $services WHERE hostid IN (SELECT id FROM $hosts WHERE wwwroot = ?)", $address);
        }
        if ($hosts !== '') {
            $this->change($link, "UPDATE $hosts SET deleted = 1 WHERE wwwroot = ?", $address);
        }
    }

    public function prefix(): string {
        return $this->config->prefix;
    }

    public function with_prefix(string $prefix): static {
        $config = clone $this->config;
        $config->prefix = $prefix;
        return new static($config);
    }

    protected function option(string $name): string {
        return (string) ($this->config->dboptions[$name] ?? '');
    }

    protected static function program(string ...$names): string {
        foreach ($names as $name) {
            foreach (explode(PATH_SEPARATOR, (string) getenv('PATH')) as $folder) {
                if (is_executable("$folder/$name")) {
                    return "$folder/$name";
                }
            }
        }
        throw new Exception("$names[0] is missing on this host: install the client programs of the database.");
    }
}

class mysql extends database {
    private mixed $options = null;

    public function dumper(): array {
        $tables = $this->tables($this->link()) ?: throw new Exception("The database {$this->name()} has no table of Moodle's.");
        $extra = ['--single-transaction', '--quick', '--default-character-set=utf8mb4', '--no-tablespaces', '--hex-blob', '--', $this->name()];
        return [[self::program('mariadb-dump', 'mysqldump'), ...$this->connection(), ...$extra, ...$tables], []];
    }

    public function reader(bool $confined = false): array {
        $program = self::program('mariadb', 'mysql');
        $help = '';
        $confined && pump([[$program, '--help'], []], null, function (string $part) use (&$help): void {
            $help .= $part;
        });
        $options = [...$this->connection(), '--default-character-set=utf8mb4', ...(str_contains($help, '--sandbox') ? ['--sandbox'] : [])];
        return [[$program, ...$options, '--', $this->name()], []];
    }

    public function last_words(): string {
        return '-- Dump completed';
    }

    public function beyond(): string {
        return '/^\s*(?:USE\s|(?:CREATE|DROP|ALTER)\s+(?:DATABASE|SCHEMA|USER)|GRANT\s|\\\\[^\-]|system\s|source\s)'
            . '|^\/\*!\d+ *(?:CREATE|DROP) DATABASE/i';
    }

    public function exists(): bool {
        $link = $this->link('');
        $name = $link->real_escape_string($this->name());
        return (bool) $link->query("SELECT 1 FROM information_schema.schemata WHERE schema_name = '$name'")->fetch_row();
    }

    public function create(string $collation): void {
        $this->link('')->query("CREATE DATABASE {$this->quoted($this->name())} CHARACTER SET utf8mb4 COLLATE $collation");
    }

    public function drop(): void {
        $this->link('')->query("DROP DATABASE {$this->quoted($this->name())}");
    }

    public function count_tables(): int {
        return $this->link()->query('SHOW TABLES')->num_rows;
    }

    public function size(): int {
        $link = $this->link();
        $like = $link->real_escape_string(addcslashes($this->config->prefix, '_%\\'));
        $wanted = "SELECT sum(data_length) FROM information_schema.tables WHERE table_schema = database() AND table_name LIKE '{$like}%'";
        return (int) $link->query($wanted)->fetch_row()[0];
    }

    public function settings(string $table, string $condition): array {
        $link = $this->link();
        $table = $this->table($link, $table);
        return $table === '' ? [] : array_column($link->query("SELECT name, value FROM $table WHERE $condition")->fetch_all(), 1, 0);
    }

    protected function table($link, string $name): string {
        return in_array($this->prefix() . $name, $this->tables($link), true) ? $this->quoted($this->prefix() . $name) : '';
    }

    protected function change($link, string $query, string $value): void {
        $prepared = $link->prepare($query);
        $prepared->bind_param('s', $value);
        $prepared->execute();
    }

    private function quoted(string $name): string {
        return '`' . str_replace('`', '``', $name) . '`';
    }

    public function clear(): void {
        $link = $this->link();
        $link->query('SET FOREIGN_KEY_CHECKS = 0');
        foreach ($this->tables($link) as $table) {
            $link->query("DROP TABLE {$this->quoted($table)}");
        }
    }

    private function tables(mysqli $link): array {
        $like = $link->real_escape_string(addcslashes($this->config->prefix, '_%\\'));
        return array_column($link->query("SHOW TABLES LIKE '{$like}%'")->fetch_all(), 0);
    }

    private function socket(): ?string {
        return str_contains($this->option('dbsocket'), '/') ? $this->option('dbsocket') : null;
    }

    protected function link(?string $name = null): mysqli {
        mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
        $port = ((int) $this->option('dbport')) ?: null;
        $config = $this->config;
        return new mysqli($config->dbhost, $config->dbuser, $config->dbpass, $name ?? $config->dbname, $port, $this->socket());
    }

    /** The password goes through a file that only this user can read, and that is gone with this process. */
    private function connection(): array {
        $quoted = fn(string $value): string => '"' . addcslashes($value, "\\\"") . '"';
        $this->options = tmpfile();
        $lines = ['[client]', 'user=' . $quoted($this->config->dbuser), 'password=' . $quoted($this->config->dbpass)];
        $lines[] = $this->socket() === null ? 'host=' . $quoted($this->config->dbhost) : 'socket=' . $quoted($this->socket());
        if ($this->option('dbport') !== '') {
            $lines[] = 'port=' . (int) $this->option('dbport');
        }
        fwrite($this->options, implode("\n", $lines) . "\n");
        return ['--defaults-extra-file=' . stream_get_meta_data($this->options)['uri']];
    }
}

class postgres extends database {
    /** It is on every server: what is not there, or has to go, cannot be connected to. */
    private const MAINTENANCE = 'postgres';

    public function dumper(): array {
        $quoted = fn(string $name): string => '"' . str_replace('"', '""', $name) . '"';
        $schema = $this->option('dbschema') === '' ? '' : $quoted($this->option('dbschema')) . '.';
        $tables = '--table=' . $schema . $quoted($this->config->prefix) . '*';
        $extra = ['--no-owner', '--no-privileges', '--encoding=UTF8', $tables, '--no-password'];
        return [[self::program('pg_dump'), ...$extra], $this->connection()];
    }

    /** Not in one transaction: each table takes a dozen locks, and the server has a fixed number of them. */
    public function reader(bool $confined = false): array {
        $extra = ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--no-password'];
        return [[self::program('psql'), ...$extra], $this->connection()];
    }

    public function last_words(): string {
        return '-- PostgreSQL database dump complete';
    }

    public function beyond(): string {
        return '/^\s*(?:(?:CREATE|DROP|ALTER)\s+(?:DATABASE|ROLE|USER)|GRANT\s|\\\\(?!\.$|restrict |unrestrict ))/i';
    }

    public function exists(): bool {
        $link = $this->link(self::MAINTENANCE);
        return (bool) pg_fetch_row($this->ask($link, 'SELECT 1 FROM pg_database WHERE datname = $1', [$this->name()]));
    }

    public function create(string $collation): void {
        $link = $this->link(self::MAINTENANCE);
        $this->ask($link, 'CREATE DATABASE ' . pg_escape_identifier($link, $this->name()) . " ENCODING 'UTF8' TEMPLATE template0");
    }

    public function drop(): void {
        $link = $this->link(self::MAINTENANCE);
        // Who is connected is a visitor of what is to go.
        $this->ask($link, 'DROP DATABASE ' . pg_escape_identifier($link, $this->name()) . ' WITH (FORCE)');
    }

    public function count_tables(): int {
        $wanted = "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
        return (int) pg_fetch_row($this->ask($this->link(), $wanted))[0];
    }

    public function size(): int {
        $link = $this->link();
        $size = 0;
        foreach ($this->tables($link) as $table) {
            $size += (int) pg_fetch_row($this->ask($link, 'SELECT pg_table_size($1::regclass)', [$table['quoted']]))[0];
        }
        return $size;
    }

    public function settings(string $table, string $condition): array {
        $link = $this->link();
        $table = $this->table($link, $table);
        $rows = $table === '' ? null : $this->ask($link, "SELECT name, value FROM $table WHERE $condition");
        return $rows ? array_column(pg_fetch_all($rows), 'value', 'name') : [];
    }

    protected function table($link, string $name): string {
        $found = array_column($this->tables($link), 'quoted', 'tablename');
        return $found[$this->prefix() . $name] ?? '';
    }

    protected function change($link, string $query, string $value): void {
        $this->ask($link, str_replace('?', '$1', $query), [$value]);
    }

    public function clear(): void {
        $link = $this->link();
        foreach ($this->tables($link) as $table) {
            $this->ask($link, "DROP TABLE {$table['quoted']} CASCADE");
        }
        pg_close($link);
    }

    private function tables($link): array {
        $wanted = 'SELECT tablename, format(\'%I.%I\', schemaname, tablename) AS quoted FROM pg_tables
            WHERE schemaname = coalesce(nullif($1, \'\'), current_schema()) AND starts_with(tablename, $2)';
        return pg_fetch_all($this->ask($link, $wanted, [$this->option('dbschema'), $this->config->prefix]));
    }

    protected function link(?string $name = null) {
        // Everything that it has to know stands in the environment, as for the programs; and nothing that another one needed.
        array_map('putenv', ['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE', 'PGSSLMODE']);
        foreach (['PGDATABASE' => $name ?? $this->name()] + $this->connection() as $variable => $value) {
            putenv("$variable=$value");
        }
        return @pg_connect('', PGSQL_CONNECT_FORCE_NEW) ?: throw new Exception(error_get_last()['message'] ?? 'PostgreSQL cannot be reached.');
    }

    private function ask($link, string $sql, array $values = []) {
        return @pg_query_params($link, $sql, $values) ?: throw new Exception(pg_last_error($link));
    }

    /** As Moodle connects. */
    private function connection(): array {
        $config = $this->config;
        $local = $this->option('dbsocket') !== '' && in_array($config->dbhost, ['localhost', '127.0.0.1'], true);
        $socket = str_contains($this->option('dbsocket'), '/') ? $this->option('dbsocket') : '';
        return array_filter([
            'PGHOST' => $local ? $socket : $config->dbhost,
            'PGPORT' => $this->option('dbport'),
            'PGUSER' => $config->dbuser,
            'PGPASSWORD' => $config->dbpass,
            'PGDATABASE' => $config->dbname,
            'PGSSLMODE' => $this->option('ssl'),
        ], fn(string $value): bool => $value !== '');
    }
}
