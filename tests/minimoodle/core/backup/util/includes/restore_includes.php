<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Restore of one course into a new one.
defined('MOODLE_INTERNAL') || die();
require_once(__DIR__ . '/backup_includes.php');

abstract class restore_dbops {
    /** @return array{string, string} names that no course has yet */
    public static function calculate_course_names($courseid, string $fullname, string $shortname): array {
        global $DB;
        $taken = fn(string $name) => $DB->count_records_sql('SELECT COUNT(*) FROM {course} WHERE shortname = ? AND id <> ?', [$name, $courseid]);
        for ($copy = 0; $taken(self::numbered($shortname, $copy, '_')); $copy++);
        return [self::numbered($fullname, $copy, ' copy '), self::numbered($shortname, $copy, '_')];
    }

    public static function create_new_course(string $fullname, string $shortname, $category): int {
        return (int) create_course((object) ['fullname' => $fullname, 'shortname' => $shortname, 'category' => $category])->id;
    }

    private static function numbered(string $name, int $copy, string $between): string {
        return $copy ? $name . $between . $copy : $name;
    }
}

class restore_controller {
    /** @var array<string, string> */
    private array $contents = [];
    private array $results = [];
    private ?backup_plan $plan = null;

    public function __construct(string $folder, private int $courseid, bool $interactive, int $mode, $userid, int $target) {
        global $CFG;
        $root = "$CFG->backuptempdir/$folder";
        $found = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($root, FilesystemIterator::SKIP_DOTS));
        foreach ($found as $path => $info) {
            $this->contents[substr($path, strlen($root) + 1)] = file_get_contents($path);
        }
        if (isset($this->contents['moodle_backup.xml'])) {
            foreach (['fullname', 'shortname'] as $name) {
                $value = (string) $this->description()->{"original_course_$name"};
                if (clean_param($value, PARAM_TEXT) !== $value) {
                    throw new moodle_exception('setting_invalid_text', '', '', 'error/setting_invalid_text');
                }
            }
        }
    }

    public function execute_precheck(): bool {
        global $CFG;
        if (!isset($this->contents['moodle_backup.xml'])) {
            throw new moodle_exception('cannot_precheck_wrong_status', '', '', 'error/cannot_precheck_wrong_status');
        }
        if ((int) $CFG->version < (int) $this->description()->moodle_version) {
            $this->results['warnings'][] = 'This backup file is newer than this site.';
        }
        if ((int) $this->description()->backup_version < 2010072300) {
            $this->results['errors'][] = 'This backup file is too old.';
        }
        return !$this->results;
    }

    public function get_precheck_results(): array {
        return $this->results;
    }

    public function get_info(): stdClass {
        $settings = [];
        foreach ($this->description()->settings->setting ?? [] as $setting) {
            $settings[(string) $setting->name] = (string) $setting->value;
        }
        return (object) ['root_settings' => $settings];
    }

    public function get_courseid(): int {
        return $this->courseid;
    }

    public function get_plan(): backup_plan {
        return $this->plan ??= new backup_plan(['users' => 1]);
    }

    private function description(): SimpleXMLElement {
        return simplexml_load_string($this->contents['moodle_backup.xml'])->information;
    }

    public function execute_plan(): void {
        global $DB;
        if (!empty($this->results['errors'])) {
            throw new moodle_exception('restore_not_executable_awaiting_required', '', '', 'error/restore_not_executable_awaiting_required');
        }
        $description = $this->description();
        [$fullname, $shortname] = restore_dbops::calculate_course_names(
            $this->courseid, (string) $description->original_course_fullname, (string) $description->original_course_shortname);
        $course = simplexml_load_string($this->contents['course/course.xml']);
        // The idnumber stays empty: it belongs to the original.
        $DB->update_record('course', ['id' => $this->courseid, 'fullname' => $fullname, 'shortname' => $shortname, 'idnumber' => '',
            'summary' => (string) $course->summary === '$@NULL@$' ? null : (string) $course->summary,
            'format' => (string) $course->format, 'visible' => (int) $course->visible,
            'startdate' => (int) $description->original_course_startdate, 'enddate' => (int) $description->original_course_enddate]);
        $modules = $this->restore_activities($description);
        minimoodle_fault('course_restore');
        $this->restore_files($modules, (int) $description->original_course_id);
        $this->restore_grades($this->restore_people());
    }

    public function destroy(): void {
    }

    /** @return array<int, int> the new course module of each old one */
    private function restore_activities(SimpleXMLElement $description): array {
        $numbers = [];
        foreach ($description->contents->sections->section ?? [] as $section) {
            $numbers[(int) $section->sectionid] = (int) $section->title;
            minimoodle_section($this->courseid, (int) $section->title);
        }
        $modules = [];
        foreach ($description->contents->activities->activity ?? [] as $activity) {
            $module = (string) $activity->modulename;
            $record = (array) simplexml_load_string($this->contents["{$activity->directory}/$module.xml"])->$module;
            unset($record['id'], $record['course']);
            $record = array_map(fn($value) => is_string($value) ? $value : '', $record);
            $modules[(int) $activity->moduleid] = add_activity($this->courseid, $numbers[(int) $activity->sectionid] ?? 0, $module, $record);
        }
        return $modules;
    }

    private function restore_files(array $modules, int $oldcourse): void {
        foreach (simplexml_load_string($this->contents['files.xml'])->file ?? [] as $file) {
            $level = (int) $file->contextlevel;
            $instance = $level === 50 ? $this->courseid : ($modules[(int) $file->instanceid] ?? 0);
            $hash = (string) $file->contenthash;
            minimoodle_store_text([
                'contextid' => minimoodle_context($level, $instance), 'component' => (string) $file->component,
                'filearea' => (string) $file->filearea, 'filename' => (string) $file->filename,
            ], $this->contents['files/' . substr($hash, 0, 2) . "/$hash"]);
        }
    }

    /** @return array<int, int> the new id of each user */
    private function restore_people(): array {
        global $DB;
        $known = [];
        foreach (simplexml_load_string($this->contents['users.xml'])->user ?? [] as $user) {
            $id = $DB->get_field('user', 'id', ['username' => (string) $user->username]) ?: $DB->insert_record('user', [
                'username' => (string) $user->username, 'firstname' => (string) $user->firstname,
                'lastname' => (string) $user->lastname, 'email' => (string) $user->email,
            ]);
            enrol_in_course($this->courseid, (int) $id);
            $known[(int) $user->id] = (int) $id;
        }
        return $known;
    }

    private function restore_grades(array $users): void {
        global $DB;
        $DB->delete_records('grade_items', ['courseid' => $this->courseid]);
        foreach (simplexml_load_string($this->contents['gradebook.xml'])->grade_item ?? [] as $item) {
            $record = array_map(fn($value) => (string) $value === '$@NULL@$' ? null : (string) $value, (array) $item);
            unset($record['id'], $record['grades']);
            $id = $DB->insert_record('grade_items', ['courseid' => $this->courseid] + $record);
            foreach ($item->grades->grade ?? [] as $grade) {
                $final = (string) $grade->finalgrade === '$@NULL@$' ? null : (string) $grade->finalgrade;
                $DB->insert_record('grade_grades', ['itemid' => $id, 'userid' => $users[(int) $grade->userid] ?? 0, 'finalgrade' => $final]);
            }
        }
    }
}
