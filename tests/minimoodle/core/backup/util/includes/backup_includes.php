<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Backup of one course, with the classes and methods that scripts call.
defined('MOODLE_INTERNAL') || die();
require_once($CFG->dirroot . '/course/lib.php');
require_once($CFG->libdir . '/minimoodle/archive.php');
require_once(__DIR__ . '/../../backup_xml.php');

abstract class backup {
    const TYPE_1COURSE = 'course';
    const FORMAT_MOODLE = 'moodle2';
    const INTERACTIVE_YES = true;
    const INTERACTIVE_NO = false;
    const MODE_GENERAL = 10;
    const MODE_AUTOMATED = 50;
    const TARGET_NEW_COURSE = 2;
    const RELEASESESSION_YES = true;
    const RELEASESESSION_NO = false;
    const STATUS_AWAITING = 700;
    const STATUS_FINISHED_OK = 1000;
    const LOG_NONE = 50;
}

class base_setting {
    const NOT_LOCKED = 3;
    const LOCKED_BY_CONFIG = 5;
    const LOCKED_BY_HIERARCHY = 7;
    const LOCKED_BY_PERMISSION = 9;
    private int $status = self::NOT_LOCKED;

    public function __construct(private string $name, private $value) {
    }

    public function get_name(): string {
        return $this->name;
    }

    public function get_value() {
        return $this->value;
    }

    public function set_value($value): void {
        if ($this->status !== self::NOT_LOCKED) {
            throw new moodle_exception('setting_locked_by_config', '', '', 'error/setting_locked_by_config');
        }
        $this->value = $value;
    }

    public function get_status(): int {
        return $this->status;
    }

    public function set_status(int $status): void {
        $this->status = $status;
    }
}

class backup_setting extends base_setting {
}

abstract class base_plan {
}

class backup_plan extends base_plan {
    /** @var array<string, backup_setting> */
    private array $settings = [];

    public function __construct(array $values) {
        foreach ($values as $name => $value) {
            $this->settings[$name] = new backup_setting($name, $value);
        }
    }

    public function get_setting(string $name): backup_setting {
        if (!isset($this->settings[$name])) {
            throw new moodle_exception('setting_by_name_not_found', '', '', "error/setting_by_name_not_found");
        }
        return $this->settings[$name];
    }

    public function setting_exists(string $name): bool {
        return isset($this->settings[$name]);
    }

    /** @return array<string, backup_setting> */
    public function get_settings(): array {
        return $this->settings;
    }
}

class backup_controller {
    private backup_plan $plan;
    private array $results = [];
    private string $id;

    public function __construct(
        private string $type,
        private $courseid,
        private string $format,
        bool $interactive,
        int $mode,
        int $userid,
        bool $releasesession = false
    ) {
        global $DB;
        $DB->get_record('course', ['id' => $courseid], '*', MUST_EXIST);
        $this->id = md5(uniqid('', true));
        $this->plan = new backup_plan([
            'filename' => 'backup.mbz', 'users' => 1, 'anonymize' => 0, 'role_assignments' => 1, 'activities' => 1, 'blocks' => 1,
            'files' => 1, 'filters' => 1, 'comments' => 1, 'badges' => 1, 'calendarevents' => 1, 'userscompletion' => 1, 'logs' => 0,
            'grade_histories' => 0, 'questionbank' => 1, 'groups' => 1, 'competencies' => 1, 'customfield' => 1,
            'contentbankcontent' => 1, 'xapistate' => 1, 'legacyfiles' => 1,
        ]);
        if ($mode === backup::MODE_GENERAL) {
            $this->apply_site_defaults();
        }
    }

    /** The site's defaults, which an administrator can lock. */
    private function apply_site_defaults(): void {
        foreach ($this->plan->get_settings() as $name => $setting) {
            $default = 'backup_general_' . ($name === 'grade_histories' ? 'histories' : $name);
            if (get_config('backup', $default) !== false) {
                $setting->set_value(get_config('backup', $default));
                $setting->set_status(get_config('backup', "{$default}_locked") ? base_setting::LOCKED_BY_CONFIG : base_setting::NOT_LOCKED);
            }
        }
    }

    public function get_plan(): backup_plan {
        return $this->plan;
    }

    public function get_backupid(): string {
        return $this->id;
    }

    public function get_id() {
        return $this->courseid;
    }

    public function get_type(): string {
        return $this->type;
    }

    public function get_format(): string {
        return $this->format;
    }

    public function get_status(): int {
        return $this->results ? backup::STATUS_FINISHED_OK : backup::STATUS_AWAITING;
    }

    public function finish_ui(): void {
    }

    public function execute_plan(): void {
        global $CFG;
        minimoodle_fault('course_backup');
        $missing = array_filter(course_files((int) $this->courseid), fn($file) => !is_file((new stored_file($file))->get_path()));
        $contents = backup_contents((int) $this->courseid, $this->id, $this->plan);
        $temporary = tempnam(make_folder($CFG->backuptempdir), 'backup');
        minimoodle_archive::write($temporary, $contents);
        $this->results = [
            'backup_destination' => minimoodle_store_file([
                'contextid' => minimoodle_context(50, (int) $this->courseid), 'component' => 'backup', 'filearea' => 'course',
                'filename' => $this->plan->get_setting('filename')->get_value(), 'mimetype' => 'application/vnd.moodle.backup',
            ], $temporary),
            'include_file_references_to_external_content' => false,
        ] + ($missing ? ['missing_files_in_pool' => true] : []);
        unlink($temporary);
    }

    public function get_results(): array {
        return $this->results;
    }

    public function destroy(): void {
    }
}

abstract class backup_plan_dbops {
    public static function get_default_backup_filename($format, $type, $id, $users, $anonymised, $useidonly = false, $files = true): string {
        global $DB;
        $short = preg_replace('/[^a-z0-9_.-]+/', '_', strtolower($DB->get_field('course', 'shortname', ['id' => $id])));
        $ending = ($users ? '' : '-nu') . ($anonymised ? '-an' : '') . ($files ? '' : '-nf');
        return "backup-$format-$type-$id-" . ($useidonly ? '' : "$short-") . date('Ymd-Hi') . "$ending.mbz";
    }
}
