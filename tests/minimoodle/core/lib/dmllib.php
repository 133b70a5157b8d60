<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The database: the methods of Moodle's $DB that scripts use most, on mysqli.
defined('MOODLE_INTERNAL') || die();

class moodle_database {
    private mysqli $link;
    private string $prefix;
    private int $depth = 0;

    public function __construct(stdClass $config) {
        $socket = $config->dboptions['dbsocket'] ?? '';
        mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
        try {
            $this->link = new mysqli(
                $config->dbhost,
                $config->dbuser,
                $config->dbpass,
                $config->dbname,
                (int) ($config->dboptions['dbport'] ?? 3306) ?: 3306,
                // Only a path is a socket; `true` means PHP's default one.
                is_string($socket) && str_contains($socket, '/') ? $socket : null
            );
        } catch (mysqli_sql_exception $error) {
            throw new dml_exception('dbconnectionfailed', '', '', 'Error: Database connection failed');
        }
        $this->link->set_charset('utf8mb4');
        $this->prefix = $config->prefix;
    }

    public function get_prefix(): string {
        return $this->prefix;
    }

    public function get_last_error(): string {
        return $this->link->error;
    }

    /** @return string[] names without the prefix */
    public function get_tables(): array {
        $tables = [];
        foreach ($this->run('SHOW TABLES')->fetch_all() as [$name]) {
            if ($this->prefix === '' || str_starts_with($name, $this->prefix)) {
                $tables[] = substr($name, strlen($this->prefix));
            }
        }
        return $tables;
    }

    public function get_columns(string $table): array {
        $columns = [];
        foreach ($this->run("SHOW COLUMNS FROM {{$table}}")->fetch_all(MYSQLI_ASSOC) as $column) {
            $kind = preg_match('/char|text/', $column['Type'], $found) ? ['char' => 'C', 'text' => 'X'][$found[0]] : 'I';
            $columns[$column['Field']] = (object) ['name' => $column['Field'], 'meta_type' => $kind];
        }
        return $columns;
    }

    public function get_records_sql(string $sql, ?array $params = null, int $from = 0, int $limit = 0): array {
        if ($from || $limit) {
            $sql .= ' LIMIT ' . $from . ', ' . ($limit ?: PHP_INT_MAX);
        }
        $records = [];
        foreach ($this->run($sql, $params ?? [])->fetch_all(MYSQLI_ASSOC) as $row) {
            $records[reset($row)] = (object) $row;
        }
        return $records;
    }

    public function get_recordset_sql(string $sql, ?array $params = null): ArrayIterator {
        return new ArrayIterator(array_values($this->get_records_sql($sql, $params)));
    }

    public function get_record_sql(string $sql, ?array $params = null, int $strictness = IGNORE_MISSING) {
        $row = $this->run($sql, $params ?? [])->fetch_assoc();
        if (!$row && $strictness === MUST_EXIST) {
            throw new dml_missing_record_exception($sql);
        }
        return $row ? (object) $row : false;
    }

    public function get_field_sql(string $sql, ?array $params = null, int $strictness = IGNORE_MISSING) {
        $record = $this->get_record_sql($sql, $params, $strictness);
        return $record ? current((array) $record) : false;
    }

    public function get_fieldset_sql(string $sql, ?array $params = null): array {
        return array_column($this->run($sql, $params ?? [])->fetch_all(), 0);
    }

    public function get_records(string $table, ?array $conditions = null, string $sort = '', string $fields = '*'): array {
        [$where, $params] = $this->where($conditions);
        return $this->get_records_sql("SELECT $fields FROM {{$table}} $where" . ($sort ? " ORDER BY $sort" : ''), $params);
    }

    public function get_records_select(string $table, string $select, ?array $params = null, string $sort = '', string $fields = '*'): array {
        return $this->get_records_sql("SELECT $fields FROM {{$table}} WHERE $select" . ($sort ? " ORDER BY $sort" : ''), $params);
    }

    public function get_records_menu(string $table, ?array $conditions = null, string $sort = '', string $fields = '*'): array {
        $menu = [];
        foreach ($this->get_records($table, $conditions, $sort, $fields) as $record) {
            [$key, $value] = array_values((array) $record);
            $menu[$key] = $value;
        }
        return $menu;
    }

    public function get_record(string $table, array $conditions, string $fields = '*', int $strictness = IGNORE_MISSING) {
        [$where, $params] = $this->where($conditions);
        $record = $this->get_record_sql("SELECT $fields FROM {{$table}} $where", $params);
        if (!$record && $strictness === MUST_EXIST) {
            throw new dml_missing_record_exception($table);
        }
        return $record;
    }

    public function get_field(string $table, string $field, array $conditions, int $strictness = IGNORE_MISSING) {
        $record = $this->get_record($table, $conditions, $field, $strictness);
        return $record ? current((array) $record) : false;
    }

    public function record_exists(string $table, array $conditions): bool {
        return $this->count_records($table, $conditions) > 0;
    }

    public function count_records(string $table, ?array $conditions = null): int {
        [$where, $params] = $this->where($conditions);
        return (int) $this->get_field_sql("SELECT COUNT(*) FROM {{$table}} $where", $params);
    }

    public function count_records_sql(string $sql, ?array $params = null): int {
        return (int) $this->get_field_sql($sql, $params);
    }

    public function insert_record(string $table, $record, bool $returnid = true): int {
        $values = array_intersect_key((array) $record, $this->get_columns($table));
        unset($values['id']);
        $names = implode(', ', array_map(fn($name) => "`$name`", array_keys($values)));
        $marks = implode(', ', array_fill(0, count($values), '?'));
        $this->run("INSERT INTO {{$table}} ($names) VALUES ($marks)", array_values($values));
        return (int) $this->link->insert_id;
    }

    public function update_record(string $table, $record): bool {
        $values = array_intersect_key((array) $record, $this->get_columns($table));
        $id = $values['id'];
        unset($values['id']);
        $set = implode(', ', array_map(fn($name) => "`$name` = ?", array_keys($values)));
        $this->run("UPDATE {{$table}} SET $set WHERE id = ?", [...array_values($values), $id]);
        return true;
    }

    public function set_field(string $table, string $field, $value, ?array $conditions = null): bool {
        [$where, $params] = $this->where($conditions);
        $this->run("UPDATE {{$table}} SET `$field` = ? $where", [$value, ...$params]);
        return true;
    }

    public function delete_records(string $table, ?array $conditions = null): bool {
        [$where, $params] = $this->where($conditions);
        $this->run("DELETE FROM {{$table}} $where", $params);
        return true;
    }

    public function execute(string $sql, ?array $params = null): bool {
        $this->run($sql, $params ?? []);
        return true;
    }

    /** @return array{string, array} the condition and its parameters */
    public function get_in_or_equal($items): array {
        $items = array_values((array) $items);
        return ['IN (' . implode(', ', array_fill(0, count($items), '?')) . ')', $items];
    }

    public function sql_like(string $field, string $param): string {
        return "$field LIKE $param ESCAPE '\\\\'";
    }

    public function sql_like_escape(string $text): string {
        return addcslashes($text, '\\%_');
    }

    public function start_delegated_transaction(): moodle_transaction {
        if ($this->depth++ === 0) {
            $this->link->begin_transaction();
        }
        return new moodle_transaction(function (bool $keep): void {
            if (--$this->depth === 0) {
                $keep ? $this->link->commit() : $this->link->rollback();
            }
        });
    }

    public function is_transaction_started(): bool {
        return $this->depth > 0;
    }

    public function force_transaction_rollback(): void {
        $this->depth = 0;
        $this->link->rollback();
    }

    public function dispose(): void {
        $this->link->close();
    }

    private function where(?array $conditions): array {
        if (!$conditions) {
            return ['', []];
        }
        $terms = $params = [];
        foreach ($conditions as $name => $value) {
            $terms[] = $value === null ? "`$name` IS NULL" : "`$name` = ?";
            if ($value !== null) {
                $params[] = $value;
            }
        }
        return ['WHERE ' . implode(' AND ', $terms), $params];
    }

    private function run(string $sql, array $params = []) {
        $sql = preg_replace('/\{([a-z][a-z0-9_]*)\}/', "`{$this->prefix}\$1`", $sql);
        if ($params && !array_is_list($params)) {
            $ordered = [];
            $sql = preg_replace_callback('/(?<!:):([a-z][a-z0-9_]*)/', function (array $match) use ($params, &$ordered): string {
                $ordered[] = $params[$match[1]];
                return '?';
            }, $sql);
            $params = $ordered;
        }
        $params = array_map(fn($value) => is_bool($value) ? (int) $value : $value, $params);
        try {
            $statement = $this->link->prepare($sql);
            $statement->execute($params ?: null);
            $result = $statement->get_result();
        } catch (mysqli_sql_exception $error) {
            $reading = preg_match('/^\s*(SELECT|SHOW)/i', $sql);
            throw new dml_exception($reading ? 'dmlreadexception' : 'dmlwriteexception', '', '',
                ($reading ? 'Error reading from database' : 'Error writing to database'), $error->getMessage());
        }
        return $result;
    }
}

class moodle_transaction {
    private $end;

    public function __construct(callable $end) {
        $this->end = $end;
    }

    public function allow_commit(): void {
        ($this->end)(true);
    }

    public function rollback(Throwable $error): void {
        ($this->end)(false);
        throw $error;
    }
}
