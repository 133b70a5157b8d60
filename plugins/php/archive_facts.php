<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What a course holds, in words and numbers that mean the same in another site: no ids, and texts as what a backup keeps of them.
// Two levels: a section, and in it a value for each key. module_utils/archive/facts.py compares them; included by archive_worker.php.

/** Reads one course, past Moodle's caches. */
class course_facts {
    /** Rows that no backup holds. */
    private const WITHOUT = ['quiz_attempts' => 'preview = 1'];
    private const CHANGED = ['timemodified', 'modified', 'timecreated', 'created', 'time'];

    private moodle_database $db;
    private int $course;
    /** Condition that a context cx is the course's or below it, and its parameters. */
    private string $under;
    private array $place;
    private array $tables;

    /** @return array<string, array<string, mixed>>|null null when there is no such course */
    public static function of(moodle_database $db, int $course): ?array {
        if (!$db->record_exists('course', ['id' => $course])) {
            return null;
        }
        $reader = new self($db, $course);
        // Objects, or a section whose keys are the numbers from 0 on would come out as a list.
        return array_map(static fn(array $section): object => (object) $section, array_filter([
            'settings' => $reader->settings(),
            'sections' => $reader->sections(),
            'activities' => $reader->activities(),
            'roles' => $reader->roles(),
            'enrolments' => $reader->enrolments(),
            'methods' => $reader->counted('SELECT id, enrol FROM {enrol} WHERE courseid = :course AND status = 0'),
            'groups' => $reader->counted('SELECT id, name FROM {groups} WHERE courseid = :course', 'groups'),
            'members' => $reader->counted('SELECT m.id, g.name FROM {groups_members} m JOIN {groups} g ON g.id = m.groupid
                JOIN {user} u ON u.id = m.userid WHERE g.courseid = :course AND u.deleted = 0', 'groups_members'),
            'groupings' => $reader->counted('SELECT id, name FROM {groupings} WHERE courseid = :course', 'groupings'),
            'grade_items' => $reader->grade_items(),
            'grades' => $reader->grades(),
            'questions' => $reader->questions(),
            'shared' => $reader->shared(),
            'files' => $reader->files(),
            'blocks' => $reader->counted("SELECT b.id, b.blockname FROM {block_instances} b
                JOIN {context} cx ON cx.id = b.parentcontextid WHERE {$reader->under}", 'block_instances', $reader->place),
            'badges' => $reader->counted('SELECT id, name FROM {badge} WHERE courseid = :course', 'badge'),
            'calendar' => $reader->counted("SELECT id, name FROM {event} WHERE courseid = :course AND eventtype = 'course'", 'event'),
            'completion' => $reader->completion(),
            'rows' => $reader->rows('COUNT(*)'),
            'times' => $reader->times(),
        ]));
    }

    private function __construct(moodle_database $db, int $course) {
        $this->db = $db;
        $this->course = $course;
        $context = $db->get_record('context', ['contextlevel' => 50, 'instanceid' => $course], 'id, path');
        $this->under = '(cx.id = :context OR cx.path LIKE :below)';
        $this->place = ['context' => $context->id ?? 0, 'below' => ($context->path ?? '-') . '/%'];
        $this->tables = array_flip($db->get_tables());
    }

    private function settings(): array {
        $columns = ['fullname', 'shortname', 'idnumber', 'format', 'showgrades', 'newsitems', 'startdate', 'enddate', 'visible', 'groupmode',
            'groupmodeforce', 'lang', 'theme', 'calendartype', 'enablecompletion', 'completionnotify', 'showactivitydates',
            'showcompletionconditions', 'showreports', 'maxbytes'];
        $course = $this->db->get_record('course', ['id' => $this->course]);
        $found = ['summary' => self::hash($course->summary)];
        foreach ($columns as $column) {
            if (isset($course->$column)) {
                $found[$column] = self::clean($course->$column);
            }
        }
        if (isset($this->tables['course_format_options'])) {
            $options = $this->db->get_records('course_format_options', ['courseid' => $this->course, 'sectionid' => 0]);
            foreach ($options as $option) {
                $found["option {$option->format} {$option->name}"] = self::clean($option->value);
            }
        }
        return $found;
    }

    private function sections(): array {
        $found = [];
        foreach ($this->db->get_records('course_sections', ['course' => $this->course]) as $section) {
            $found["section {$section->section}"] = self::details([
                'name' => $section->name, 'visible' => $section->visible, 'text' => self::hash($section->summary),
            ]);
        }
        return $found;
    }

    private function activities(): array {
        $found = [];
        foreach ($this->types() as $type) {
            $texts = [];
            foreach ($this->db->get_columns($type) as $name => $column) {
                if (in_array($column->meta_type ?? 'C', ['C', 'X'], true)) {
                    $texts[] = $name;
                }
            }
            $modules = $this->db->get_records_sql('SELECT cm.*, s.section AS number FROM {course_modules} cm
                JOIN {modules} m ON m.id = cm.module LEFT JOIN {course_sections} s ON s.id = cm.section
                WHERE cm.course = :course AND m.name = :type AND cm.deletioninprogress = 0',
                ['course' => $this->course, 'type' => $type]);
            $instances = $this->db->get_records($type, ['course' => $this->course]);
            foreach ($modules as $module) {
                if (!isset($instances[$module->instance])) {
                    // Half removed: no backup brings it along, nobody can open it.
                    continue;
                }
                $instance = (array) $instances[$module->instance];
                $text = implode("\0", array_map(fn(string $name): string => (string) ($instance[$name] ?? ''), $texts));
                $details = ['visible' => $module->visible, 'text' => self::hash($text)];
                foreach (['idnumber', 'groupmode', 'completion', 'indent'] as $column) {
                    $details[$column] = $module->$column ?? null;
                }
                $found["{$type}/section {$module->number}/" . self::clean($instance['name'] ?? '')][] = self::details($details);
            }
        }
        return self::joined($found);
    }

    /** The activity types that the course uses and whose tables are there. */
    private function types(): array {
        $types = $this->db->get_fieldset_sql('SELECT DISTINCT m.name FROM {course_modules} cm JOIN {modules} m ON m.id = cm.module
            WHERE cm.course = :course', ['course' => $this->course]);
        sort($types);
        return array_filter($types, fn(string $type): bool => isset($this->tables[$type]));
    }

    private function roles(): array {
        if (!isset($this->tables['role_assignments'])) {
            return [];
        }
        $found = [];
        $assignments = $this->db->get_records_sql("SELECT ra.id, u.username, r.shortname, cx.contextlevel FROM {role_assignments} ra
            JOIN {role} r ON r.id = ra.roleid JOIN {user} u ON u.id = ra.userid JOIN {context} cx ON cx.id = ra.contextid
            WHERE {$this->under} AND u.deleted = 0", $this->place);
        foreach ($assignments as $one) {
            $found[$one->username][] = $one->shortname . ((int) $one->contextlevel === 50 ? '' : " at level {$one->contextlevel}");
        }
        return self::joined(array_map('array_unique', $found));
    }

    private function enrolments(): array {
        $found = [];
        $enrolments = $this->db->get_records_sql('SELECT ue.id, u.username, ue.status, e.status AS closed FROM {user_enrolments} ue
            JOIN {enrol} e ON e.id = ue.enrolid JOIN {user} u ON u.id = ue.userid
            WHERE e.courseid = :course AND u.deleted = 0', ['course' => $this->course]);
        foreach ($enrolments as $one) {
            $active = (int) $one->status === 0 && (int) $one->closed === 0;
            $found[$one->username] = $active || ($found[$one->username] ?? '') === 'active' ? 'active' : 'suspended';
        }
        return $found;
    }

    private function grade_items(): array {
        $found = [];
        foreach ($this->db->get_records('grade_items', ['courseid' => $this->course]) as $item) {
            $details = [];
            foreach (['gradetype', 'grademax', 'grademin', 'gradepass', 'hidden'] as $column) {
                $details[$column] = isset($item->$column) ? round((float) $item->$column, 5) : null;
            }
            $found[$this->item($item)][] = self::details($details);
        }
        return self::joined($found);
    }

    private function grades(): array {
        $found = [];
        foreach ($this->db->get_records('grade_items', ['courseid' => $this->course]) as $item) {
            $lines = [];
            $grades = $this->db->get_records_sql('SELECT g.id, u.username, g.finalgrade FROM {grade_grades} g JOIN {user} u ON u.id = g.userid
                WHERE g.itemid = :item AND g.finalgrade IS NOT NULL AND u.deleted = 0', ['item' => $item->id]);
            foreach ($grades as $grade) {
                $lines[] = $grade->username . '=' . round((float) $grade->finalgrade, 5);
            }
            if ($lines) {
                sort($lines);
                $found[$this->item($item)][] = count($lines) . ' grades ' . sha1(implode("\n", $lines));
            }
        }
        return self::joined($found);
    }

    private function item(stdClass $item): string {
        $name = $item->itemname ?? '';
        if ($item->itemtype === 'category' && isset($this->tables['grade_categories'])) {
            $name = $this->db->get_field('grade_categories', 'fullname', ['id' => $item->iteminstance]);
        }
        return "{$item->itemtype}/" . ($item->itemmodule ?? '') . '/' . self::clean($name) . '/' . ($item->itemnumber ?? '');
    }

    private function questions(): array {
        if (!isset($this->tables['question_bank_entries'])) {
            return [];
        }
        return $this->counted("SELECT v.id, CONCAT(q.qtype, '/', q.name) AS what FROM {question_versions} v
            JOIN {question} q ON q.id = v.questionid JOIN {question_bank_entries} e ON e.id = v.questionbankentryid
            JOIN {question_categories} qc ON qc.id = e.questioncategoryid JOIN {context} cx ON cx.id = qc.contextid
            WHERE {$this->under} AND q.parent = 0", 'question', $this->place);
    }

    /** Uses of questions that lie in a bank outside of the course. */
    private function shared(): array {
        if (!isset($this->tables['question_references'])) {
            return [];
        }
        $uses = $this->db->get_records_sql("SELECT r.id, qc.contextid FROM {question_references} r
            JOIN {context} cx ON cx.id = r.usingcontextid JOIN {question_bank_entries} e ON e.id = r.questionbankentryid
            JOIN {question_categories} qc ON qc.id = e.questioncategoryid WHERE {$this->under}", $this->place);
        $own = array_flip($this->db->get_fieldset_sql("SELECT cx.id FROM {context} cx WHERE {$this->under}", $this->place));
        $outside = array_filter($uses, static fn(stdClass $use): bool => !isset($own[$use->contextid]));
        return $outside ? ['questions' => count($outside)] : [];
    }

    private function files(): array {
        $found = [];
        $files = $this->db->get_records_sql("SELECT f.id, f.component, f.filearea, f.itemid, f.filepath, f.filename, f.contenthash FROM {files} f
            JOIN {context} cx ON cx.id = f.contextid WHERE {$this->under} AND f.filename <> '.'
            AND f.component NOT IN ('backup', 'tool_recyclebin') AND f.filearea <> 'draft'", $this->place);
        foreach ($files as $file) {
            // What hangs on an item (a submission, a post) is mostly somebody's; # tells it apart.
            $area = "{$file->component}/{$file->filearea}" . ((int) $file->itemid ? '#' : '');
            $found[$area . self::clean($file->filepath . $file->filename)][] = $file->contenthash;
        }
        return self::joined($found);
    }

    private function completion(): array {
        if (!isset($this->tables['course_modules_completion'])) {
            return [];
        }
        return array_filter([
            'criteria' => $this->db->count_records('course_completion_criteria', ['course' => $this->course]),
            'activities' => (int) $this->db->get_field_sql('SELECT COUNT(*) FROM {course_modules_completion} c
                JOIN {course_modules} cm ON cm.id = c.coursemoduleid JOIN {user} u ON u.id = c.userid
                WHERE cm.course = :course AND cm.deletioninprogress = 0 AND u.deleted = 0 AND c.completionstate > 0', ['course' => $this->course]),
            'courses' => (int) $this->db->get_field_sql('SELECT COUNT(*) FROM {course_completions} c JOIN {user} u ON u.id = c.userid
                WHERE c.course = :course AND u.deleted = 0 AND c.timecompleted IS NOT NULL', ['course' => $this->course]),
        ]);
    }

    /** What a plain SQL function says of each table that hangs on the course's activities, as their install.xml tells. */
    private function rows(string $what): array {
        $found = [];
        foreach ($this->types() as $type) {
            foreach ($this->tables_of($type) as $table => [$condition, $changed]) {
                $column = $what === 'MAX' ? ($changed ? "MAX({$changed})" : null) : $what;
                if ($column && isset($this->tables[$table])) {
                    $left = isset(self::WITHOUT[$table]) ? ' AND NOT (' . self::WITHOUT[$table] . ')' : '';
                    $value = $this->db->get_field_sql("SELECT {$column} FROM {{$table}} WHERE {$condition}{$left}", ['course' => $this->course]);
                    $found[$table] = (int) $value;
                }
            }
        }
        return array_filter($found);
    }

    private function times(): array {
        return ['course' => (int) $this->db->get_field('course', 'timemodified', ['id' => $this->course])] + $this->rows('MAX');
    }

    /** @return array<string, array{string, ?string}> condition and column of the last change, by table */
    private function tables_of(string $type): array {
        static $known = [];
        if (isset($known[$type])) {
            return $known[$type];
        }
        $folders = [core_component::get_plugin_directory('mod', $type)];
        foreach (core_component::get_plugin_types() as $kind => $folder) {
            if (strpos($folder, "/mod/{$type}/") !== false) {
                array_push($folders, ...array_values(core_component::get_plugin_list($kind)));
            }
        }
        $tables = [];
        foreach ($folders as $folder) {
            $file = "{$folder}/db/install.xml";
            $structure = is_readable($file) ? simplexml_load_file($file) : false;
            foreach ($structure ? $structure->TABLES->TABLE : [] as $table) {
                $tables[(string) $table['NAME']] = $table;
            }
        }
        $reached = isset($tables[$type]) ? [$type => ['course = :course', self::changed($tables[$type])]] : [];
        do {
            $before = count($reached);
            foreach (array_diff_key($tables, $reached) as $name => $table) {
                foreach ($table->KEYS->KEY ?? [] as $key) {
                    $above = (string) $key['REFTABLE'];
                    if (strpos((string) $key['TYPE'], 'foreign') === 0 && isset($reached[$above]) && strpos((string) $key['FIELDS'], ',') === false) {
                        $condition = "{$key['FIELDS']} IN (SELECT id FROM {{$above}} WHERE {$reached[$above][0]})";
                        $reached[$name] = [$condition, self::changed($table)];
                        break;
                    }
                }
            }
        } while (count($reached) > $before);
        return $known[$type] = $reached;
    }

    private static function changed(SimpleXMLElement $table): ?string {
        $columns = [];
        foreach ($table->FIELDS->FIELD as $field) {
            $columns[] = (string) $field['NAME'];
        }
        return array_values(array_intersect(self::CHANGED, $columns))[0] ?? null;
    }

    /** How often each value of the second column is there. */
    private function counted(string $sql, ?string $table = null, ?array $params = null): array {
        if ($table && !isset($this->tables[$table])) {
            return [];
        }
        $found = [];
        foreach ($this->db->get_records_sql($sql, $params ?? ['course' => $this->course]) as $row) {
            $name = self::clean(array_values((array) $row)[1]);
            $found[$name] = ($found[$name] ?? 0) + 1;
        }
        return $found;
    }

    /** A text as a backup keeps it: addresses apart, which are rewritten, and what XML has no room for. */
    private static function hash(?string $text): string {
        return sha1(preg_replace('~https?://[^\s"\'<>]+~', 'URL', self::clean((string) $text)));
    }

    private static function clean(?string $text): string {
        $text = preg_replace('~\r\n?~', "\n", (string) $text);
        return preg_replace('~[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]~', '', $text);
    }

    private static function details(array $values): string {
        $words = [];
        foreach ($values as $name => $value) {
            $words[] = "{$name} " . self::clean((string) $value);
        }
        return implode(', ', $words);
    }

    /** Lists of values as one value each, the same whatever their order. */
    private static function joined(array $lists): array {
        return array_map(static function (array $values): string {
            sort($values);
            $text = implode('; ', $values);
            return strlen($text) > 400 ? count($values) . ' of them: ' . sha1($text) : $text;
        }, $lists);
    }
}
