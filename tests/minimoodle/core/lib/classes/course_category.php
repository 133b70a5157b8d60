<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Course categories, as far as the tree goes.
defined('MOODLE_INTERNAL') || die();

class core_course_category {
    private function __construct(stdClass $record) {
        foreach ((array) $record as $name => $value) {
            $this->$name = $value;
        }
    }

    public $id;
    public $name;
    public $idnumber;
    public $parent;
    public $sortorder;
    public $depth;
    public $path;
    public $visible;
    public $coursecount;
    public $timemodified;

    public static function get($id, int $strictness = MUST_EXIST): ?self {
        global $DB;
        $record = $DB->get_record('course_categories', ['id' => $id]);
        if (!$record && $strictness === MUST_EXIST) {
            throw new moodle_exception('unknowncategory', '', '', 'Unknown category!');
        }
        return $record ? new self($record) : null;
    }

    public static function create($data): self {
        global $DB;
        $data = (object) $data;
        $parent = empty($data->parent) ? null : self::get($data->parent);
        if (($data->idnumber ?? '') !== '' && $DB->record_exists('course_categories', ['idnumber' => $data->idnumber])) {
            throw new moodle_exception('categoryidnumbertaken', '', '', 'ID number is already used for another category');
        }
        $id = $DB->insert_record('course_categories', [
            'name' => $data->name,
            'idnumber' => $data->idnumber ?? '',
            'description' => $data->description ?? '',
            'visible' => $data->visible ?? 1,
            'sortorder' => 10000 * (1 + $DB->count_records('course_categories')),
            'parent' => $parent->id ?? 0,
            'depth' => ($parent->depth ?? 0) + 1,
            'path' => '',
            'timemodified' => time(),
        ]);
        $DB->set_field('course_categories', 'path', ($parent->path ?? '') . "/$id", ['id' => $id]);
        return self::get($id);
    }

    /** Deletes the category with all that is in it. */
    public function delete_full(bool $showfeedback = true): array {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/course/lib.php');
        $courses = $this->get_courses();
        foreach ($this->get_children() as $child) {
            $courses += $child->delete_full($showfeedback);
        }
        foreach ($this->get_courses() as $course) {
            delete_course($course, false);
        }
        $DB->delete_records('tool_recyclebin_category', ['categoryid' => $this->id]);
        $DB->delete_records('context', ['contextlevel' => CONTEXT_COURSECAT, 'instanceid' => $this->id]);
        $DB->delete_records('course_categories', ['id' => $this->id]);
        return $courses;
    }

    /** @return self[] */
    public function get_children(): array {
        global $DB;
        return array_map(fn($record) => new self($record), $DB->get_records('course_categories', ['parent' => $this->id], 'id'));
    }

    /** @return stdClass[] */
    public function get_courses(array $options = []): array {
        global $DB;
        return $DB->get_records('course', ['category' => $this->id], 'id');
    }
}
