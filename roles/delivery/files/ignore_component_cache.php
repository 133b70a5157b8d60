<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Prepended when code that is not served yet is asked something: it must not rewrite the map of
// components that the running code uses, nor fill that code's caches, nor list its own where that code looks for them.
define('IGNORE_COMPONENT_CACHE', true);
(function (string $private): void {
    is_dir($private) || mkdir($private, 0700);
    putenv("LMS_MOODLE_CACHEDIR=$private");
    register_shutdown_function(fn () => function_exists('remove_dir') ? remove_dir($private) : rmdir($private));
})(sys_get_temp_dir() . '/lms-moodle-preflight-' . getmypid());
