<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// archive_plan.php CODE: reads {"category": {"id"|"path"|"idnumber"|"name": …}} on standard input and prints the site and the
// category, then each course of its sub-tree (hidden ones too) with the size of its files.

define('CLI_SCRIPT', true);
define('CACHE_DISABLE_ALL', true);
require($argv[1] . '/config.php');
require(__DIR__ . '/lines.php');

/** The category's name after those of its parents, slashes between. */
function names_to(stdClass $category, array $categories): string {
    $names = [];
    for ($step = $category; $step; $step = $categories[$step->parent] ?? null) {
        array_unshift($names, $step->name);
    }
    return implode('/', $names);
}

/** The bytes of the files under a course, each content once, old backups left out. */
function bytes_of_files(moodle_database $db, int $courseid): int {
    $context = $db->get_record('context', ['contextlevel' => CONTEXT_COURSE, 'instanceid' => $courseid], 'id, path');
    if (!$context || !$context->path) {
        return 0;
    }
    $sql = "SELECT SUM(once.filesize)
              FROM (SELECT DISTINCT f.contenthash, f.filesize
                      FROM {files} f
                      JOIN {context} c ON c.id = f.contextid
                     WHERE (c.id = :id OR c.path LIKE :below) AND f.component <> 'backup') once";
    return (int) $db->get_field_sql($sql, ['id' => $context->id, 'below' => $context->path . '/%']);
}

$wanted = json_decode(stream_get_contents(STDIN), true)['category'];
$categories = $DB->get_records('course_categories', null, 'sortorder, id', 'id, parent, name, idnumber, path');
$found = array_filter($categories, static function (stdClass $category) use ($wanted, $categories): bool {
    $value = reset($wanted);
    switch (key($wanted)) {
        case 'id':
            return (int) $category->id === (int) $value;
        case 'path':
            return names_to($category, $categories) === preg_replace('~\s*/\s*~', '/', trim($value, " /"));
        case 'idnumber':
            return (string) $category->idnumber === $value;
        default:
            return $category->name === $value;
    }
});

say([
    'wwwroot' => $CFG->wwwroot,
    'release' => $CFG->release,
    'categories' => array_values(array_map(static fn(stdClass $category): array => [
        'id' => (int) $category->id,
        'path' => names_to($category, $categories),
    ], $found)),
]);
if (count($found) !== 1) {
    exit(0);
}

$top = reset($found);
foreach ($categories as $category) {
    if ($category->id !== $top->id && strpos($category->path, $top->path . '/') !== 0) {
        continue;
    }
    $columns = 'id, shortname, fullname, idnumber, visible';
    foreach ($DB->get_records('course', ['category' => $category->id], 'sortorder, id', $columns) as $course) {
        say([
            'id' => (int) $course->id,
            'shortname' => $course->shortname,
            'fullname' => $course->fullname,
            'idnumber' => (string) $course->idnumber,
            'visible' => (bool) $course->visible,
            'category' => names_to($category, $categories),
            'estimate' => bytes_of_files($DB, (int) $course->id),
        ]);
    }
}
