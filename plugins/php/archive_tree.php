<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The tree of categories; included by archive_worker.php.

/** The categories of the archive for those of the source: found again, found by name, or made ("make"). Parents come first. */
function order_tree(array $order): array {
    global $DB;
    $all = all_categories($DB);
    $place = place_for($order['into'] ?? null, $all);
    if (!empty($order['same']) && $place && in_array($place, array_column($order['categories'], 'id'), true)) {
        throw new RuntimeException("'into' lies in the category that is archived: the archive would be archived in its turn");
    }
    $known = $warnings = [];
    foreach ($order['categories'] as $category) {
        $parent = $known[$category['parent']] ?? $place;
        $id = $parent === null ? null : known_category($order, $category, $parent, $known);
        if ($id === null && !$order['make']) {
            // It would be made, and what is below it.
            $known[$category['id']] = null;
            continue;
        }
        if ($id === null) {
            $taken = $category['idnumber'] !== '' && $DB->record_exists('course_categories', ['idnumber' => $category['idnumber']]);
            if ($taken && empty($order['same'])) {
                $warnings[] = "Another category has the ID number '{$category['idnumber']}' already: '{$category['path']}' is made without.";
            }
            $transaction = $DB->start_delegated_transaction();
            $id = (int) core_course_category::create((object) [
                'name' => $category['name'],
                'idnumber' => $taken ? '' : $category['idnumber'],
                'description' => $category['description'],
                'descriptionformat' => FORMAT_HTML,
                'parent' => $parent,
                'visible' => (int) $category['visible'],
            ])->id;
            set_mark("{$order['run']}:category:{$category['id']}", $id);
            $transaction->allow_commit();
        }
        $known[$category['id']] = $id;
    }
    return ['categories' => (object) $known, 'warnings' => $warnings];
}

/** The category under which the tree is made; 0 is the top. */
function place_for(?array $into, array $all): int {
    if (!$into) {
        return 0;
    }
    $found = find_categories($into, $all);
    if (count($found) !== 1) {
        throw new RuntimeException(($found ? 'several categories are' : 'no category is') . " what 'into' says: " . json_encode($into));
    }
    return reset($found)->id;
}

function known_category(array $order, array $category, int $parent, array $known): ?int {
    global $DB;
    $marked = mark_of("{$order['run']}:category:{$category['id']}");
    if ($marked && $DB->record_exists('course_categories', ['id' => $marked])) {
        return $marked;
    }
    if (!empty($order['same']) && empty($order['into']) && $DB->record_exists('course_categories', ['id' => $category['id']])) {
        return (int) $category['id'];
    }
    foreach ($DB->get_records('course_categories', ['parent' => $parent], 'sortorder, id', 'id, name') as $child) {
        // Two of one name in the source are two in the archive.
        if ($child->name === $category['name'] && !in_array((int) $child->id, $known, true)) {
            return (int) $child->id;
        }
    }
    return null;
}

/** Puts the courses of each category in the given order. */
function order_arrange(array $order): array {
    global $DB;
    foreach ($order['categories'] as $list) {
        $base = (int) $DB->get_field('course_categories', 'sortorder', ['id' => $list['category']]);
        foreach ($list['courses'] as $place => $course) {
            $DB->set_field('course', 'sortorder', $base + $place + 1, ['id' => $course, 'category' => $list['category']]);
        }
    }
    fix_course_sortorder();
    return [];
}

/** Removes the categories that hold nothing any more; children come first. */
function order_empty(array $order): array {
    global $DB;
    $found = [];
    foreach ($order['categories'] as $id) {
        $category = $DB->get_record('course_categories', ['id' => $id]);
        if (!$category) {
            continue;
        }
        $held = held_by_category((int) $id);
        if (!$held) {
            core_course_category::get($id, MUST_EXIST, true)->delete_full(false);
        }
        $found[] = ['id' => (int) $id, 'name' => $category->name, 'removed' => !$held, 'holds' => $held];
    }
    return ['categories' => $found];
}

/** What a category still holds, by kind. */
function held_by_category(int $id): array {
    global $DB;
    $tables = array_flip($DB->get_tables());
    $context = (int) $DB->get_field('context', 'id', ['contextlevel' => CONTEXT_COURSECAT, 'instanceid' => $id]);
    $held = [
        'courses' => $DB->count_records('course', ['category' => $id]),
        'categories' => $DB->count_records('course_categories', ['parent' => $id]),
    ];
    foreach (['cohort' => ['contextid', $context], 'contentbank_content' => ['contextid', $context],
            'tool_recyclebin_category' => ['categoryid', $id]] as $table => [$column, $value]) {
        $held[$table] = isset($tables[$table]) ? $DB->count_records($table, [$column => $value]) : 0;
    }
    if (isset($tables['question_bank_entries'])) {
        $held['questions'] = $DB->count_records_sql('SELECT COUNT(*) FROM {question_bank_entries} e
            JOIN {question_categories} qc ON qc.id = e.questioncategoryid WHERE qc.contextid = :context', ['context' => $context]);
    }
    return array_filter(array_map('intval', $held));
}
