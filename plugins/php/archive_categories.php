<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Categories by what people call them; included by the programs of the archive.

/** The category's name after those of its parents, slashes between. */
function names_to(stdClass $category, array $categories): string {
    $names = [];
    for ($step = $category; $step; $step = $categories[$step->parent] ?? null) {
        array_unshift($names, $step->name);
    }
    return implode('/', $names);
}

/** All categories, parents before their children and in the site's order. */
function all_categories(moodle_database $db): array {
    $columns = 'id, parent, name, idnumber, description, path, depth, visible, sortorder';
    $all = $db->get_records('course_categories', null, 'depth, sortorder, id', $columns);
    foreach ($all as $category) {
        [$category->id, $category->parent] = [(int) $category->id, (int) $category->parent];
    }
    return $all;
}

/** The categories of which {"id"|"path"|"idnumber"|"name": …} speaks. */
function find_categories(array $wanted, array $categories): array {
    return array_filter($categories, static function (stdClass $category) use ($wanted, $categories): bool {
        $value = reset($wanted);
        switch (key($wanted)) {
            case 'id':
                return $category->id === (int) $value;
            case 'path':
                return names_to($category, $categories) === preg_replace('~\s*/\s*~', '/', trim($value, " /"));
            case 'idnumber':
                return (string) $category->idnumber === $value;
            default:
                return $category->name === $value;
        }
    });
}
