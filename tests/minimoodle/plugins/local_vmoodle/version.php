<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

defined('MOODLE_INTERNAL') || die();

$plugin->version = 2025043003;
$plugin->requires = 2022112800;
$plugin->component = 'local_vmoodle';
$plugin->maturity = MATURITY_STABLE;
$plugin->release = '4.5.0 (Build 2025043003)';
$plugin->supported = [401, 405];
