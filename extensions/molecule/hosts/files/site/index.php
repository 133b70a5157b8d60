<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Says who answered and from which release: all that a delivery needs to be checked by.
header('Content-Type: application/json');
echo json_encode([
    'host' => gethostname(),
    'release' => basename(__DIR__),
    'document_root' => $_SERVER['DOCUMENT_ROOT'],
    'max_input_vars' => (int) ini_get('max_input_vars'),
]);
