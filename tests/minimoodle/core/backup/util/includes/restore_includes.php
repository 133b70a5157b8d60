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
        for ($copy = 0; $DB->record_exists('course', ['shortname' => self::numbered($shortname, $copy, '_')]); $copy++);
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

    public function __construct(string $folder, private int $courseid, bool $interactive, int $mode, $userid, int $target) {
        global $CFG;
        $root = "$CFG->backuptempdir/$folder";
        $found = new RecursiveIteratorIterator(new RecursiveDirectoryIterator($root, FilesystemIterator::SKIP_DOTS));
        foreach ($found as $path => $info) {
            $this->contents[substr($path, strlen($root) + 1)] = file_get_contents($path);
        }
    }

    public function execute_precheck(): bool {
        if (!isset($this->contents['moodle_backup.xml'])) {
            throw new moodle_exception('cannot_precheck_wrong_status', '', '', 'error/cannot_precheck_wrong_status');
        }
        return true;
    }

    public function get_precheck_results(): array {
        return [];
    }

    public function get_courseid(): int {
        return $this->courseid;
    }

    public function get_plan(): backup_plan {
        return new backup_plan(['users' => 1]);
    }

    public function execute_plan(): void {
        global $DB;
        $description = simplexml_load_string($this->contents['moodle_backup.xml'])->information;
        [$fullname, $shortname] = restore_dbops::calculate_course_names(
            $this->courseid, (string) $description->original_course_fullname, (string) $description->original_course_shortname);
        // The idnumber stays empty: it belongs to the original.
        $DB->update_record('course', ['id' => $this->courseid, 'fullname' => $fullname, 'shortname' => $shortname,
            'startdate' => (int) $description->original_course_startdate, 'enddate' => (int) $description->original_course_enddate]);
        $modules = $this->restore_activities($description);
        $this->restore_files($modules, (int) $description->original_course_id);
        $this->restore_people();
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

    private function restore_people(): void {
        global $DB;
        foreach (simplexml_load_string($this->contents['users.xml'])->user ?? [] as $user) {
            $id = $DB->get_field('user', 'id', ['username' => (string) $user->username]) ?: $DB->insert_record('user', [
                'username' => (string) $user->username, 'firstname' => (string) $user->firstname,
                'lastname' => (string) $user->lastname, 'email' => (string) $user->email,
            ]);
            enrol_in_course($this->courseid, (int) $id);
        }
    }
}
