<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Put into each release of the scenarios: says which code PHP really runs on this host, whatever the links say.
define('MOODLE_INTERNAL', true);
define('MATURITY_STABLE', 200);
require(__DIR__ . '/version.php');
header('Content-Type: application/json');
echo json_encode([
    'host' => gethostname(),
    'directory' => basename(__DIR__),
    'document_root' => $_SERVER['DOCUMENT_ROOT'],
    'moodle' => $release,
    'max_input_vars' => (int) ini_get('max_input_vars'),
]);
