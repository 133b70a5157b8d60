<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What command line scripts share: options, headings, errors.

/** @return array{array, string[]} the options and what nobody knows */
function cli_get_params(array $longoptions, array $shortmapping = []): array {
    $options = $unrecognised = [];
    foreach (array_slice($_SERVER['argv'] ?? [], 1) as $word) {
        if (!str_starts_with($word, '-')) {
            $unrecognised[] = $word;
            continue;
        }
        [$key, $value] = array_pad(explode('=', ltrim($word, '-'), 2), 2, true);
        if (!str_starts_with($word, '--')) {
            $key = $shortmapping[$key] ?? $word;
        } else if (!array_key_exists($key, $longoptions) && $value === true && str_starts_with($key, 'no-')) {
            $key = substr($key, 3);
            $value = false;
        }
        if (array_key_exists($key, $longoptions)) {
            $options[$key] = $value;
        } else {
            $unrecognised[] = $word;
        }
    }
    return [$options + $longoptions, $unrecognised];
}

/** Ends the script when an option is unknown. */
function cli_refuse_unrecognised(array $unrecognised): void {
    if ($unrecognised) {
        cli_error("Unrecognised options:\n  " . implode("\n  ", $unrecognised) . "\nPlease use --help option.");
    }
}

function cli_heading(string $text): void {
    echo "== $text ==\n";
}

function cli_write(string $text, $stream = STDOUT): void {
    fwrite($stream, $text);
}

function cli_writeln(string $text, $stream = STDOUT): void {
    fwrite($stream, $text . PHP_EOL);
}

function cli_problem(string $text): void {
    cli_writeln($text, STDERR);
}

function cli_error(string $text, int $code = 1): void {
    cli_writeln($text . PHP_EOL, STDERR);
    die($code);
}

function cli_input(string $prompt, string $default = ''): string {
    cli_writeln($prompt);
    cli_write(': ');
    $line = fgets(STDIN);
    return $line === false || trim($line) === '' ? $default : trim($line);
}

/** Asks until the answer is y or n: without anybody to answer it asks for ever, as in Moodle. */
function cli_confirm(string $prompt): string {
    while (!in_array($answer = strtolower(cli_input($prompt)), ['y', 'n'], true)) {
        cli_writeln('Incorrect value, please retry');
        usleep(1000);
    }
    return $answer;
}
