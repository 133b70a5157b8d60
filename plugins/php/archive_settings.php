<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What a backup and a restore shall bring along; included by archive_worker.php.

/** What a whole course is made of, and what of it belongs to people. A site's defaults must not quietly leave something out. */
function wanted_settings(bool $users): array {
    $always = ['activities', 'blocks', 'files', 'filters', 'badges', 'calendarevents', 'questionbank', 'groups', 'competencies',
        'customfield', 'contentbankcontent', 'legacyfiles', 'permissions'];
    $people = ['role_assignments', 'comments', 'userscompletion', 'logs', 'grade_histories', 'xapistate'];
    return ['users' => (int) $users, 'anonymize' => 0]
        + array_fill_keys($always, 1)
        + array_fill_keys($people, (int) $users);
}

/** Set them on the plan of a backup or restore; what the site locks is an error. */
function apply_settings(base_plan $plan, array $wanted): void {
    foreach ($wanted as $name => $value) {
        if (!$plan->setting_exists($name)) {
            continue;
        }
        $setting = $plan->get_setting($name);
        if ($setting->get_value() == $value) {
            continue;
        }
        // Without people, what hangs on them is locked by that and not by the site.
        if ($setting->get_status() === base_setting::LOCKED_BY_HIERARCHY && !$wanted['users']) {
            continue;
        }
        if ($setting->get_status() !== base_setting::NOT_LOCKED) {
            throw new RuntimeException("the site's backup defaults lock the setting '{$name}' at " . json_encode($setting->get_value())
                . ': unlock it in the site administration');
        }
        $setting->set_value($value);
    }
}
