<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The database that a config.php names, as a whole: php database.php CODE dump FILE | restore FILE | copy NAME | clear NAME.
// What stands in config.php stays in this process: passwords are on no command line and in no output. Only tables with Moodle's prefix
// are dumped, dropped and restored. A dump has its name only when it is complete; what is restored is read to its end before.

define('CLI_SCRIPT', true);
define('ABORT_AFTER_CONFIG', true);
set_exception_handler(function (Throwable $problem): void {
    fwrite(STDERR, $problem->getMessage() . "\n");
    exit(1);
});
[, $code, $action, $operand] = $argv;
require($code . '/config.php');
umask(0077);
$database = $CFG->dbtype === 'pgsql' ? new postgres($CFG) : new mysql($CFG);
match ($action) {
    'dump' => dump($database, $operand),
    'restore' => restore($database, $operand),
    'copy' => copy_into($database, $operand),
    'clear' => clear($database->with_name($operand), $CFG->dbname),
};

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
    echo filesize($file), "\n";
}

function restore(database $database, string $file): void {
    $last = '';
    foreach (parts_of($file) as $part) {
        $last = substr($last . $part, -4096);
    }
    if (!str_contains($last, $database->last_words())) {
        throw new Exception("$file is no whole dump of such a database: nothing was touched.");
    }
    $database->clear();
    pump($database->reader(), parts_of($file), fn() => null);
}

/** The same tables in another database on the same server, which must be there; it is emptied of them first. */
function copy_into(database $database, string $name): void {
    global $CFG;
    $copy = $database->with_name($name);
    clear($copy, $CFG->dbname);
    $file = tempnam(sys_get_temp_dir(), 'lms-moodle-copy-');
    try {
        dump($database, $file);
        pump($copy->reader(), parts_of($file), fn() => null);
    } finally {
        unlink($file);
    }
}

function clear(database $database, string $own): void {
    if ($database->name() === $own) {
        throw new Exception("$own is the site's own database: it is not emptied.");
    }
    $database->clear();
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
    abstract public function reader(): array;
    abstract public function clear(): void;
    abstract public function last_words(): string;

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
        $tables = $this->tables() ?: throw new Exception("The database {$this->name()} has no table of Moodle's.");
        $extra = ['--single-transaction', '--quick', '--default-character-set=utf8mb4', '--no-tablespaces', '--hex-blob', '--', $this->name()];
        return [[self::program('mariadb-dump', 'mysqldump'), ...$this->connection(), ...$extra, ...$tables], []];
    }

    public function reader(): array {
        return [[self::program('mariadb', 'mysql'), ...$this->connection(), '--default-character-set=utf8mb4', '--', $this->name()], []];
    }

    public function last_words(): string {
        return '-- Dump completed';
    }

    public function clear(): void {
        $link = $this->link();
        $link->query('SET FOREIGN_KEY_CHECKS = 0');
        foreach ($this->tables() as $table) {
            $link->query('DROP TABLE `' . str_replace('`', '``', $table) . '`');
        }
    }

    private function tables(): array {
        $link = $this->link();
        $like = $link->real_escape_string(addcslashes($this->config->prefix, '_%\\'));
        return array_column($link->query("SHOW TABLES LIKE '{$like}%'")->fetch_all(), 0);
    }

    private function socket(): ?string {
        return str_contains($this->option('dbsocket'), '/') ? $this->option('dbsocket') : null;
    }

    private function link(): mysqli {
        mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
        $port = ((int) $this->option('dbport')) ?: null;
        $config = $this->config;
        return new mysqli($config->dbhost, $config->dbuser, $config->dbpass, $config->dbname, $port, $this->socket());
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
    public function dumper(): array {
        $quoted = fn(string $name): string => '"' . str_replace('"', '""', $name) . '"';
        $schema = $this->option('dbschema') === '' ? '' : $quoted($this->option('dbschema')) . '.';
        $tables = '--table=' . $schema . $quoted($this->config->prefix) . '*';
        $extra = ['--no-owner', '--no-privileges', '--encoding=UTF8', $tables, '--no-password'];
        return [[self::program('pg_dump'), ...$extra], $this->connection()];
    }

    /** Not in one transaction: each table takes a dozen locks, and the server has a fixed number of them. */
    public function reader(): array {
        $extra = ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--no-password'];
        return [[self::program('psql'), ...$extra], $this->connection()];
    }

    public function last_words(): string {
        return '-- PostgreSQL database dump complete';
    }

    public function clear(): void {
        foreach ($this->connection() as $name => $value) {
            putenv("$name=$value");
        }
        // Everything that it has to know stands in the environment, as for the programs.
        $link = @pg_connect('', PGSQL_CONNECT_FORCE_NEW) ?: throw new Exception(error_get_last()['message'] ?? 'PostgreSQL cannot be reached.');
        $schema = $this->option('dbschema');
        $wanted = 'SELECT format(\'%I.%I\', schemaname, tablename) FROM pg_tables
            WHERE schemaname = coalesce(nullif($1, \'\'), current_schema()) AND starts_with(tablename, $2)';
        foreach (pg_fetch_all_columns(pg_query_params($link, $wanted, [$schema, $this->config->prefix])) as $table) {
            if (!@pg_query($link, "DROP TABLE $table CASCADE")) {
                throw new Exception(pg_last_error($link));
            }
        }
        pg_close($link);
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
