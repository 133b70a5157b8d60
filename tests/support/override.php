<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Prepended to a script of Moodle's own, this makes it run for one virtual node.
if (getenv('LMS_MOODLE_NODE')) {
    define('CLI_VMOODLE_OVERRIDE', getenv('LMS_MOODLE_NODE'));
}
