<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Faults on demand: what to do wrong, and when, is read from minimoodle.json in the dataroot (see the stand-in's README).
defined('MOODLE_INTERNAL') || die();

/** The fault of the script that runs, before its work; an upgrade has its own, in the middle. */
function minimoodle_fault_of_script(): void {
    $script = basename($_SERVER['SCRIPT_FILENAME'] ?? '', '.php');
    if (CLI_SCRIPT && $script !== 'upgrade') {
        minimoodle_fault($script);
    }
}

function minimoodle_fault(string $point): void {
    global $CFG;
    $file = $CFG->dataroot . '/minimoodle.json';
    if (!is_readable($file)) {
        return;
    }
    $orders = json_decode(file_get_contents($file), true);
    if (!is_array($orders)) {
        fwrite(fopen('php://stderr', 'w'), "minimoodle.json is not valid JSON\n");
        exit(99);
    }
    if (!isset($orders[$point])) {
        return;
    }
    $order = is_array($orders[$point]) ? $orders[$point] : ['do' => $orders[$point]];
    if (isset($order['branch']) && $order['branch'] !== minimoodle_branch()) {
        return;
    }
    if (isset($order['times'])) {
        $counter = $CFG->dataroot . "/minimoodle-$point.count";
        $done = is_file($counter) ? (int) file_get_contents($counter) : 0;
        if ($done >= $order['times']) {
            return;
        }
        file_put_contents($counter, $done + 1);
    }
    minimoodle_misbehave($order, $point);
}

function minimoodle_misbehave(array $order, string $point): void {
    global $CFG, $DB;
    $what = $order['do'];
    if ($what === 'fail') {
        CLI_SCRIPT ? fwrite(STDERR, "minimoodle: $point fails as it was told\n") : http_response_code(500);
        exit(1);
    } else if ($what === 'lie') {
        echo "!!! minimoodle: $point failed, and says so to nobody !!!\n";
        exit(0);
    } else if ($what === 'crash') {
        // The one kind of fatal error that no handler of PHP can catch.
        ini_set('memory_limit', '8M');
        $ballast = str_repeat('x', 64 * 1024 * 1024);
    } else if ($what === 'die') {
        posix_kill(getmypid(), 9);
    } else if ($what === 'hang') {
        while (true) {
            sleep(3600);
        }
    } else if ($what === 'slow') {
        usleep((int) (($order['seconds'] ?? 1) * 1000000));
    } else if ($what === 'noise') {
        for ($line = 0; $line < ($order['lines'] ?? 10000); $line++) {
            echo "minimoodle: line $line of a long story that $point was told to tell\n";
        }
    } else if ($what === 'lose') {
        try {
            $DB->execute('KILL CONNECTION CONNECTION_ID()');
        } catch (dml_exception $interrupted) {
            // The next query is the first that finds nobody there.
        }
        $DB->count_records('config');
    } else if ($what === 'locked') {
        echo "Cannot obtain task lock\n";
        exit(130);
    } else if ($what === 'wander') {
        $CFG->wwwroot = 'http://elsewhere.campus.test';
    } else {
        echo "minimoodle: unknown fault '$what' for '$point'\n";
        exit(99);
    }
}

function minimoodle_branch(): string {
    global $CFG;
    $branch = '';
    require($CFG->dirroot . '/version.php');
    return $branch;
}
