<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Which versions of what a site runs on, as far as courses show it; included by the programs of the archive.

/** Version of Moodle and of the plugins that leave traces in courses, by component. */
function versions_of_site(moodle_database $db): array {
    $types = ['mod', 'block', 'qtype', 'qbehaviour', 'format', 'enrol', 'availability', 'gradingform', 'customfield', 'contenttype'];
    foreach (core_component::get_plugin_types() as $type => $folder) {
        // Parts of an activity (ways to submit, reports of a quiz) hold what people did in it.
        if (strpos($folder, '/mod/') !== false) {
            $types[] = $type;
        }
    }
    $found = ['moodle' => (string) (int) get_config('', 'version')];
    foreach ($db->get_records_sql("SELECT plugin, value FROM {config_plugins} WHERE name = 'version' ORDER BY plugin") as $row) {
        if (in_array(strtok($row->plugin, '_'), $types, true)) {
            $found[$row->plugin] = (string) $row->value;
        }
    }
    return $found;
}
