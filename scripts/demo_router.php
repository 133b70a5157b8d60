<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The demo's web server: each request is answered by the release that `current` names at this moment,
// and stays in that release to its end. nginx does the same with $realpath_root.
clearstatcache(true);
$root = realpath((string) getenv('DEMO_CURRENT'));
if ($root === false) {
    http_response_code(503);
    header('Retry-After: 1');
    echo "Nothing has been delivered yet.\n";
    return true;
}
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$file = realpath($root . ($path === '/' || $path === null ? '/index.php' : $path));
if ($file === false || !str_starts_with($file, $root . '/') || !is_file($file)) {
    http_response_code(404);
    return true;
}
if (pathinfo($file, PATHINFO_EXTENSION) !== 'php') {
    readfile($file);
    return true;
}
$_SERVER['SCRIPT_FILENAME'] = $file;
$_SERVER['SCRIPT_NAME'] = $_SERVER['PHP_SELF'] = substr($file, strlen($root));
$_SERVER['DOCUMENT_ROOT'] = $root;
chdir(dirname($file));
require $file;
