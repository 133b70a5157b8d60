<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The way of a database from one release to the next.
defined('MOODLE_INTERNAL') || die();

function xmldb_main_upgrade(float $oldversion): bool {
    global $DB;
    // @since 402
    if ($oldversion < 2023042400.00) {
        $DB->execute('CREATE TABLE IF NOT EXISTS {reportbuilder_stamp} (id BIGINT NOT NULL AUTO_INCREMENT, name VARCHAR(255) NOT NULL, PRIMARY KEY (id))');
        upgrade_main_savepoint(true, 2023042400.00);
    }
    // @end
    // @since 403
    if ($oldversion < 2023100900.00) {
        $DB->execute('ALTER TABLE {reportbuilder_stamp} ADD COLUMN IF NOT EXISTS timeused BIGINT NOT NULL DEFAULT 0');
        upgrade_main_savepoint(true, 2023100900.00);
    }
    // @end
    // @since 404
    if ($oldversion < 2024041200.00) {
        set_config('enablecourserelativedates', 0);
        upgrade_main_savepoint(true, 2024041200.00);
    }
    // @end
    return true;
}
