<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Prepended (auto_prepend_file) to a script of Moodle's own, which stays unchanged: tells VMoodle which virtual node to be.
//   LMS_MOODLE_NODE  its address; empty for the site itself

if (getenv('LMS_MOODLE_NODE')) {
    define('CLI_VMOODLE_OVERRIDE', getenv('LMS_MOODLE_NODE'));
}
