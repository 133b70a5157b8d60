<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Counts the tables of a scratch database, or drops them. Standard input is JSON: do (count or clear), type, host, port, socket, name,
// user, password, prefix. No Moodle takes part: it may be half installed.

$wish = json_decode(stream_get_contents(STDIN), true, 8, JSON_THROW_ON_ERROR);
try {
    $tables = $wish['type'] === 'pgsql' ? postgres($wish) : mysql($wish);
} catch (Throwable $problem) {
    fwrite(STDERR, $problem->getMessage() . "\n");
    exit(1);
}
echo $tables, "\n";

function mysql(array $wish): int {
    mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
    $port = $wish['port'] ? (int) $wish['port'] : null;
    $database = new mysqli($wish['host'], $wish['user'], $wish['password'], $wish['name'], $port, $wish['socket'] ?: null);
    $like = $database->real_escape_string(addcslashes($wish['prefix'], '_%\\'));
    $tables = array_column($database->query("SHOW TABLES LIKE '{$like}%'")->fetch_all(), 0);
    if ($wish['do'] === 'clear') {
        $database->query('SET FOREIGN_KEY_CHECKS = 0');
        foreach ($tables as $table) {
            $database->query('DROP TABLE `' . str_replace('`', '``', $table) . '`');
        }
    }
    return count($tables);
}

function postgres(array $wish): int {
    $dsn = "pgsql:dbname={$wish['name']}" . ($wish['host'] ? ";host={$wish['host']}" : '') . ($wish['port'] ? ";port={$wish['port']}" : '');
    $database = new PDO($dsn, $wish['user'], $wish['password'], [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
    $query = $database->prepare('SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND starts_with(tablename, ?)');
    $query->execute([$wish['prefix']]);
    $tables = $query->fetchAll(PDO::FETCH_COLUMN);
    if ($wish['do'] === 'clear') {
        foreach ($tables as $table) {
            $database->exec('DROP TABLE "' . str_replace('"', '""', $table) . '" CASCADE');
        }
    }
    return count($tables);
}
