<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Of all the functions that need no login there is one, the site's own address.
define('ABORT_AFTER_CONFIG', true);
require(__DIR__ . '/../../config.php');
$answers = [];
foreach (json_decode(file_get_contents('php://input'), true) as $request) {
    $known = $request['methodname'] === 'tool_mobile_get_public_config';
    $answers[$request['index']] = $known
        ? ['error' => false, 'data' => ['wwwroot' => $CFG->wwwroot]]
        : ['error' => true, 'exception' => ['errorcode' => 'invalidrecord']];
}
echo json_encode($answers);
