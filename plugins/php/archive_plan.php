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
require(__DIR__ . '/archive_categories.php');
require(__DIR__ . '/archive_versions.php');

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
$categories = all_categories($DB);
$found = find_categories($wanted, $categories);
$top = reset($found);
$below = static fn(stdClass $category): bool => $category->id === $top->id || strpos($category->path, $top->path . '/') === 0;
$above = static fn(stdClass $category): bool => strpos($top->path . '/', $category->path . '/') === 0;

say([
    'wwwroot' => $CFG->wwwroot,
    'release' => $CFG->release,
    'categories' => array_values(array_map(static fn(stdClass $category): array => [
        'id' => $category->id,
        'path' => names_to($category, $categories),
    ], $found)),
    'versions' => versions_of_site($DB),
    // It is made when the first backup is.
    'temp' => (int) disk_free_space(is_dir($CFG->backuptempdir) ? $CFG->backuptempdir : $CFG->dataroot),
    'tree' => count($found) !== 1 ? [] : array_values(array_map(static fn(stdClass $category): array => [
        'id' => $category->id,
        'parent' => $category->parent,
        'name' => $category->name,
        'idnumber' => (string) $category->idnumber,
        'description' => (string) $category->description,
        'visible' => (bool) $category->visible,
        'path' => names_to($category, $categories),
        'within' => $below($category),
    ], array_filter($categories, static fn(stdClass $category): bool => $below($category) || $above($category)))),
]);
if (count($found) !== 1) {
    exit(0);
}

foreach (array_filter($categories, $below) as $category) {
    $columns = 'id, shortname, fullname, idnumber, visible, startdate, enddate, timemodified';
    foreach ($DB->get_records('course', ['category' => $category->id], 'sortorder, id', $columns) as $course) {
        say([
            'id' => (int) $course->id,
            'shortname' => $course->shortname,
            'fullname' => $course->fullname,
            'idnumber' => (string) $course->idnumber,
            'visible' => (bool) $course->visible,
            'startdate' => (int) $course->startdate,
            'enddate' => (int) $course->enddate,
            'timemodified' => (int) $course->timemodified,
            'category' => names_to($category, $categories),
            'categoryid' => $category->id,
            'estimate' => bytes_of_files($DB, (int) $course->id),
        ]);
    }
}
