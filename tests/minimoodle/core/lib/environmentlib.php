<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Whether this machine may run this release.
defined('MOODLE_INTERNAL') || die();

/** @return array<string, string> what is wrong, by the name of the check */
function environment_problems(): array {
    $problems = [];
    // The web is content with less; the command line is where an upgrade runs.
    if (CLI_SCRIPT && (int) ini_get('max_input_vars') < 5000) {
        $problems['php_setting max_input_vars'] = 'this test must pass - PHP setting max_input_vars must be at least 5000.';
    }
    foreach (['mysqli', 'json', 'xml', 'zlib'] as $extension) {
        if (!extension_loaded($extension)) {
            $problems["php_extension $extension"] = 'this test must pass - it needs to be installed and enabled';
        }
    }
    return $problems;
}

define('ENV_SELECT_RELEASE', 2);

function normalize_version(string $release): string {
    return preg_match('/^\d+(\.\d+)*/', $release, $found) ? $found[0] : $release;
}

/** One check of the environment and how it went, asked as Moodle's own are. */
class environment_results {
    public function __construct(private string $part, private string $info, private string $current, private string $needed) {
    }

    public function getStatus(): bool {
        return $this->needed === '';
    }

    public function getLevel(): string {
        return 'required';
    }

    public function getPart(): string {
        return $this->part;
    }

    public function getInfo(): string {
        return $this->info;
    }

    public function getCurrentVersion(): string {
        return $this->current;
    }

    public function getNeededVersion(): string {
        return $this->needed;
    }
}

/** @return array{bool, environment_results[]} */
function check_moodle_environment(string $version, int $select): array {
    $results = [new environment_results('php', '', PHP_VERSION, '')];
    foreach (array_keys(environment_problems()) as $what) {
        [$part, $info] = explode(' ', $what, 2);
        $results[] = new environment_results($part, $info, (string) ini_get($info), $info === 'max_input_vars' ? '5000' : 'installed');
    }
    return [count($results) === 1, $results];
}

function environment_check_or_exit(): void {
    $problems = environment_problems();
    if ($problems) {
        cli_heading('Environment');
        foreach ($problems as $what => $report) {
            echo "!! $what !!\n$report\n\n";
        }
        exit(1);
    }
}
