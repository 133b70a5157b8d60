<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// One JSON object a line on standard output, and nothing else there: what Moodle or a plugin prints goes to standard error.

ob_start(static function (string $text): string {
    fwrite(STDERR, $text);
    return '';
}, 1);

function say(array $line): void {
    fwrite(STDOUT, json_encode($line, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
}
