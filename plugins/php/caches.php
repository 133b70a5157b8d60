<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Throws away what other code has cached: php caches.php CODE. Moodle keeps a list of its caches beside the data, and code cannot even
// purge where that list names caches of a newer release: it is made again from this code first. Stores and their mappings stay.
define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
cache_helper::update_definitions();
purge_all_caches();
