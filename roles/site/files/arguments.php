<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Gives a command line its arguments from the environment, so that a password among them is in no process list.
$lmsmoodlearguments = json_decode((string) getenv('LMS_MOODLE_ARGUMENTS'), true);
if (!is_array($lmsmoodlearguments)) {
    fwrite(STDERR, "LMS_MOODLE_ARGUMENTS is missing from the environment.\n");
    exit(1);
}
putenv('LMS_MOODLE_ARGUMENTS');
$_SERVER['argv'] = array_merge([$_SERVER['argv'][0]], $lmsmoodlearguments);
$_SERVER['argc'] = count($_SERVER['argv']);
$argv = $_SERVER['argv'];
$argc = $_SERVER['argc'];
unset($lmsmoodlearguments);
