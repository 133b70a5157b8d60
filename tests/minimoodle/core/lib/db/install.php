<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What an installed site holds beside its tables.
defined('MOODLE_INTERNAL') || die();

function xmldb_main_install(): void {
    global $CFG, $DB;
    $now = time();
    $context = $DB->insert_record('context', ['contextlevel' => 10, 'instanceid' => 0, 'path' => '/1', 'depth' => 1]);
    $DB->insert_record('course', ['category' => 0, 'fullname' => '', 'shortname' => '', 'format' => 'site', 'timecreated' => $now]);
    $category = $DB->insert_record('course_categories', ['name' => 'Category 1', 'depth' => 1, 'path' => '/1', 'timemodified' => $now]);
    set_config('defaultrequestcategory', $category);
    $DB->insert_record('user', ['username' => 'guest', 'firstname' => 'Guest', 'lastname' => 'user']);
    $DB->insert_record('user', ['username' => 'admin', 'firstname' => 'Admin', 'lastname' => 'User']);
    set_config('mnet_localhost_id', $DB->insert_record('mnet_host', ['wwwroot' => $CFG->wwwroot]));
    set_config('siteidentifier', random_string(32) . parse_url($CFG->wwwroot, PHP_URL_HOST));
    set_config('siteadmins', 2);
    set_config('theme', 'boost');
    set_config('enrol_plugins_enabled', 'manual,guest,self,cohort');
    set_config('categorybinenable', 1, 'tool_recyclebin');
    set_config('lang', 'en');
}
