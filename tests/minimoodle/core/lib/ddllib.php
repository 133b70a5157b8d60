<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Tables from install.xml: the part of the format that the stand-in's own files use.
defined('MOODLE_INTERNAL') || die();

class xmldb_tables {
    private SimpleXMLElement $structure;

    public function __construct(string $file) {
        $this->structure = simplexml_load_file($file);
    }

    /** @return string[] */
    public function names(): array {
        return array_map(fn($table) => (string) $table['NAME'], iterator_to_array($this->structure->TABLES->TABLE, false));
    }

    /** @return string[] column names of a table */
    public function columns(string $name): array {
        foreach ($this->structure->TABLES->TABLE as $table) {
            if ((string) $table['NAME'] === $name) {
                return array_map(fn($field) => (string) $field['NAME'], iterator_to_array($table->FIELDS->FIELD, false));
            }
        }
        return [];
    }

    public function create(): void {
        global $DB;
        foreach ($this->structure->TABLES->TABLE as $table) {
            $lines = [];
            foreach ($table->FIELDS->FIELD as $field) {
                $lines[] = '`' . $field['NAME'] . '` ' . xmldb_type($field);
            }
            $lines[] = 'PRIMARY KEY (id)';
            foreach ($table->INDEXES->INDEX ?? [] as $index) {
                $kind = (string) $index['UNIQUE'] === 'true' ? 'UNIQUE KEY' : 'KEY';
                $lines[] = "$kind `{$index['NAME']}` ({$index['FIELDS']})";
            }
            $DB->execute("CREATE TABLE {{$table['NAME']}} (" . implode(', ', $lines) . ') DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci');
        }
    }
}

function xmldb_type(SimpleXMLElement $field): string {
    if ((string) $field['SEQUENCE'] === 'true') {
        return 'BIGINT NOT NULL AUTO_INCREMENT';
    }
    $length = (string) $field['LENGTH'];
    $type = match ((string) $field['TYPE']) {
        'int' => 'BIGINT',
        'number' => 'DECIMAL(20,5)',
        'char' => "VARCHAR($length)",
        'text' => 'LONGTEXT',
    };
    $null = (string) $field['NOTNULL'] === 'true' ? ' NOT NULL' : ' NULL';
    $default = isset($field['DEFAULT']) ? " DEFAULT '" . addslashes((string) $field['DEFAULT']) . "'" : '';
    return $type . $null . $default;
}
