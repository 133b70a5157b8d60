<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Restores; included by archive_worker.php.
//
// Whatever a run makes in a site is written down there, in the same transaction: a mark in config_plugins says which course or category
// it is. So what a killed restore left behind is known for certain, and nothing else is ever removed.

const MARKS = 'lms_moodle_archive';

function mark_of(string $name): ?int {
    global $DB;
    // Past Moodle's caches: other processes write marks too.
    $value = $DB->get_field('config_plugins', 'value', ['plugin' => MARKS, 'name' => $name]);
    return $value === false ? null : (int) $value;
}

function set_mark(string $name, ?int $value): void {
    global $DB;
    $DB->delete_records('config_plugins', ['plugin' => MARKS, 'name' => $name]);
    if ($value !== null) {
        $DB->insert_record('config_plugins', (object) ['plugin' => MARKS, 'name' => $name, 'value' => (string) $value]);
    }
}

/** Makes a course out of a backup. What an earlier attempt left, and an earlier copy, are set aside: order_sweep removes them. */
function order_restore(array $order): array {
    global $CFG, $DB;
    require_once($CFG->dirroot . '/backup/util/includes/backup_includes.php');
    require_once($CFG->dirroot . '/backup/util/includes/restore_includes.php');
    $key = "{$order['run']}:{$order['id']}";
    $folder = "lms-moodle-{$order['run']}-{$order['id']}";
    $path = "{$CFG->backuptempdir}/{$folder}";
    fulldelete($path);
    set_aside("{$key}:begun", $key);
    try {
        unpack_backup($order['file'], make_backup_temp_directory($folder));
        clean_names("{$path}/moodle_backup.xml");
        $transaction = $DB->start_delegated_transaction();
        [$fullname, $shortname] = restore_dbops::calculate_course_names(0, $order['names']['fullname'], "lms-moodle-{$key}");
        $courseid = (int) restore_dbops::create_new_course($fullname, $shortname, (int) $order['category']);
        set_mark("{$key}:begun", $courseid);
        $last = $order['back'] ? newest_before("{$key}:people") : null;
        $transaction->allow_commit();
        $warnings = fill_course($courseid, $folder, (bool) $order['users']);
        $people = $last === null ? [] : people_who_had_left($courseid, "{$path}/users.xml", $last);
        $transaction = $DB->start_delegated_transaction();
        set_aside("{$key}:course", $key);
        $warnings = [...$warnings, ...give_names($courseid, $order['names'])];
        set_mark("{$key}:course", $courseid);
        set_mark("{$key}:begun", null);
        $transaction->allow_commit();
        rebuild_course_cache($courseid, true);
        return ['course' => $courseid, 'warnings' => $warnings, 'people' => $people];
    } catch (Throwable $error) {
        if ($DB->is_transaction_started()) {
            $DB->force_transaction_rollback();
        }
        set_aside("{$key}:begun", $key);
        throw $error;
    } finally {
        fulldelete($path);
    }
}

/** The course that a mark speaks of, if it is there, counts no more: it gives its names away, nobody sees it, and it is known for old. */
function set_aside(string $mark, string $key): void {
    global $DB;
    $old = mark_of($mark);
    if ($old && $DB->record_exists('course', ['id' => $old])) {
        $DB->update_record('course', (object) ['id' => $old, 'shortname' => "lms-moodle-{$key}-{$old}", 'idnumber' => '', 'visible' => 0]);
        set_mark("{$key}:old:{$old}", $old);
    }
    set_mark($mark, null);
}

/** Removes what was set aside, and what a process that died had begun. Moodle may end the whole process over a broken course, so this is an order of its own. */
function order_sweep(array $order): array {
    global $DB;
    set_aside("{$order['run']}:{$order['id']}:begun", "{$order['run']}:{$order['id']}");
    $names = $DB->get_records_sql('SELECT id, name, value FROM {config_plugins} WHERE plugin = :plugin AND ' . $DB->sql_like('name', ':name'),
        ['plugin' => MARKS, 'name' => $DB->sql_like_escape("{$order['run']}:{$order['id']}:old:") . '%']);
    foreach ($names as $mark) {
        if ($DB->record_exists('course', ['id' => (int) $mark->value])) {
            delete_without_trace((int) $mark->value, false);
        }
        set_mark($mark->name, null);
    }
    return [];
}

function unpack_backup(string $file, string $folder): void {
    $found = get_file_packer('application/vnd.moodle.backup')->extract_to_pathname($file, $folder);
    foreach (is_array($found) ? $found : ['' => false] as $name => $done) {
        if ($done !== true) {
            $left = round(disk_free_space($folder) / 2 ** 20);
            throw new RuntimeException("the backup cannot be unpacked ({$name}): it is damaged, or there is no room, {$folder} has {$left} MB left");
        }
    }
}

/** Moodle refuses to restore a name with what it takes for a tag, though a course may bear it: it is given its name afterwards. */
function clean_names(string $file): void {
    $text = file_get_contents($file);
    $clean = preg_replace_callback('~(<(original_course_(?:full|short)name)>)(.*?)(</\2>)~s', static function (array $found): string {
        $name = clean_param(html_entity_decode($found[3], ENT_QUOTES | ENT_XML1, 'UTF-8'), PARAM_TEXT);
        return $found[1] . htmlspecialchars($name, ENT_QUOTES | ENT_XML1, 'UTF-8') . $found[4];
    }, $text);
    if ($clean !== $text && file_put_contents($file, $clean) !== strlen($clean)) {
        throw new RuntimeException("there is no room for {$file}");
    }
}

/** Runs Moodle's restore into a new course; returns what its check warned of. */
function fill_course(int $courseid, string $folder, bool $users): array {
    $controller = new restore_controller($folder, $courseid, backup::INTERACTIVE_NO, backup::MODE_GENERAL, get_admin()->id,
        backup::TARGET_NEW_COURSE);
    try {
        $held = $controller->get_info()->root_settings ?? [];
        $wanted = array_filter(wanted_settings($users), static fn(string $name): bool => !empty($held[$name]), ARRAY_FILTER_USE_KEY);
        apply_settings($controller->get_plan(), $wanted + ['users' => (int) $users]);
        $results = $controller->execute_precheck() ? [] : $controller->get_precheck_results();
        if (!empty($results['errors'])) {
            throw new RuntimeException("Moodle's check refuses the backup: " . plain_text(implode('; ', $results['errors'])));
        }
        $controller->execute_plan();
        return array_map('plain_text', array_values($results['warnings'] ?? []));
    } finally {
        $controller->destroy();
    }
}

/** The newest person before the first attempt: whom one that failed has made is there for the next one, and came back all the same. */
function newest_before(string $mark): int {
    global $DB;
    $last = mark_of($mark) ?? (int) $DB->get_field_sql('SELECT MAX(id) FROM {user}');
    set_mark($mark, $last);
    return $last;
}

/** The numbers of those whom the restore has made anew, or to whom it gave back what they had, though they are deleted. */
function people_who_had_left(int $courseid, string $file, int $last): array {
    global $DB;
    $found = $DB->get_fieldset_sql('SELECT DISTINCT u.id FROM {user} u JOIN {user_enrolments} ue ON ue.userid = u.id
        JOIN {enrol} e ON e.id = ue.enrolid WHERE e.courseid = :course AND u.deleted = 1', ['course' => $courseid]);
    $new = array_column($DB->get_records_select('user', 'id > :last', ['last' => $last], '', 'id, username'), 'id', 'username');
    // What Moodle leaves of a name when it deletes somebody, by which its restore knows them.
    $deleted = array_column($DB->get_records('user', ['deleted' => 1], '', 'id, email'), 'id', 'email');
    $reader = new XMLReader();
    // Others may have come meanwhile, by another way.
    if (($new || $deleted) && is_file($file) && $reader->open($file)) {
        while ($reader->read()) {
            if ($reader->nodeType === XMLReader::ELEMENT && $reader->name === 'username') {
                $name = $reader->readString();
                $found[] = $new[$name] ?? $deleted[md5($name)] ?? 0;
            }
        }
        $reader->close();
    }
    return array_values(array_unique(array_filter(array_map('intval', $found))));
}

function plain_text(string $html): string {
    return trim(preg_replace('~\s+~', ' ', html_entity_decode(strip_tags($html), ENT_QUOTES, 'UTF-8')));
}

/** The names that the course had: a restore numbers them and drops the ID number. What another course bears stays with that. */
function give_names(int $courseid, array $names): array {
    global $DB;
    $course = ['id' => $courseid, 'fullname' => $names['fullname']];
    $warnings = [];
    foreach (['shortname', 'idnumber'] as $field) {
        $value = $names[$field];
        $taken = $value === '' ? null : $DB->get_record_sql("SELECT id FROM {course} WHERE {$field} = :value AND id <> :id",
            ['value' => $value, 'id' => $courseid], IGNORE_MULTIPLE);
        if ($taken) {
            $warnings[] = "course {$taken->id} has the {$field} '{$value}' already";
        } else {
            $course[$field] = $value;
        }
    }
    $DB->update_record('course', (object) $course);
    return $warnings;
}

/** Activities without their record, at which Moodle's own deletion would end the process. */
function remove_orphans(int $courseid): void {
    global $DB;
    $tables = array_flip($DB->get_tables());
    $modules = $DB->get_records_sql('SELECT cm.id, cm.instance, m.name FROM {course_modules} cm JOIN {modules} m ON m.id = cm.module
        WHERE cm.course = :course', ['course' => $courseid]);
    foreach ($modules as $module) {
        if (isset($tables[$module->name]) && !$DB->record_exists($module->name, ['id' => $module->instance])) {
            $DB->delete_records('course_modules', ['id' => $module->id]);
            $DB->delete_records('context', ['contextlevel' => 70, 'instanceid' => $module->id]);
        }
    }
    rebuild_course_cache($courseid, true);
}

/** Deletes a course; it stays in the recycle bin only where that was asked for. */
function delete_without_trace(int $courseid, bool $recyclebin): void {
    global $CFG, $DB;
    require_once($CFG->dirroot . '/course/lib.php');
    $before = $CFG->forced_plugin_settings;
    if (!$recyclebin) {
        $CFG->forced_plugin_settings['tool_recyclebin'] = ['coursebinenable' => false, 'categorybinenable' => false];
    }
    try {
        remove_orphans($courseid);
        delete_course($DB->get_record('course', ['id' => $courseid], '*', MUST_EXIST), false);
    } finally {
        $CFG->forced_plugin_settings = $before;
    }
    if ($DB->record_exists('course', ['id' => $courseid])) {
        throw new RuntimeException("Moodle did not delete course {$courseid}");
    }
}
