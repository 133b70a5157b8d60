<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Says what PHP makes of files like version.php: on its input a length, an end of line and so many bytes of PHP; on its
// output a line of JSON for each. Strings, keys and floats are told as their bytes, so that nothing is lost on the way.

error_reporting(0);
define('MOODLE_INTERNAL', true);
define('MATURITY_ALPHA', 50);
define('MATURITY_BETA', 100);
define('MATURITY_RC', 150);
define('MATURITY_STABLE', 200);
define('ANY_VERSION', 'any');

function told($value) {
    if (is_array($value) || is_object($value)) {
        $pairs = [];
        foreach ((array) $value as $key => $item) {
            $pairs[] = [is_int($key) ? $key : 'x' . bin2hex($key), told($item)];
        }
        return [is_array($value) ? 'array' : 'object', $pairs];
    }
    if (is_string($value)) {
        return ['string', bin2hex($value)];
    }
    return is_float($value) ? ['float', bin2hex(pack('E', $value))] : [gettype($value), $value];
}

// As Moodle includes it: inside a function, one object under both names.
function included() {
    $plugin = new stdClass();
    $module = $plugin;
    include(func_get_arg(0));
    return get_defined_vars();
}

function tell($answer) {
    while (ob_get_level()) {
        ob_end_clean();
    }
    fwrite(STDOUT, json_encode($answer) . "\n");
}

$finished = false;
register_shutdown_function(function () use (&$finished) {
    if (!$finished) {
        tell(['died' => error_get_last()['message'] ?? 'it ended by itself']);
    }
});

$file = $argv[1];
while (($length = fgets(STDIN)) !== false) {
    $php = '';
    while (strlen($php) < (int) $length) {
        $php .= fread(STDIN, (int) $length - strlen($php));
    }
    file_put_contents($file, $php);
    ob_start();
    try {
        $answer = ['set' => told(included($file))];
    } catch (Throwable $error) {
        $answer = ['error' => bin2hex($error->getMessage())];
    }
    tell($answer);
}
$finished = true;
