<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The database that a config.php names, as a whole: php database.php CODE dump FILE | restore FILE | copy NAME | clear NAME.
// What stands in config.php stays in this process: passwords are on no command line and in no output. Only tables with Moodle's prefix
// are dumped, dropped and restored.

namespace lms_moodle;

use Exception;
use Throwable;

define('CLI_SCRIPT', true);
define('ABORT_AFTER_CONFIG', true);
set_exception_handler(function (Throwable $problem): void {
    fwrite(STDERR, $problem->getMessage() . "\n");
    exit(1);
});
[, $code, $action, $operand] = $argv;
require($code . '/config.php');
require(__DIR__ . '/databases.php');
umask(0077);
$database = $CFG->dbtype === 'pgsql' ? new postgres($CFG) : new mysql($CFG);
match ($action) {
    'dump' => [dump($database, $operand), print(filesize($operand) . "\n")],
    'restore' => restore($database, $operand),
    'copy' => copy_into($database, $operand),
    'clear' => clear($database->with_name($operand), $CFG->dbname),
};

/** The same tables in another database on the same server, which must be there; it is emptied of them first. */
function copy_into(database $database, string $name): void {
    global $CFG;
    $copy = $database->with_name($name);
    clear($copy, $CFG->dbname);
    $file = tempnam(sys_get_temp_dir(), 'lms-moodle-copy-');
    try {
        dump($database, $file);
        pump($copy->reader(), parts_of($file), fn() => null);
    } finally {
        unlink($file);
    }
}

function clear(database $database, string $own): void {
    if ($database->name() === $own) {
        throw new Exception("$own is the site's own database: it is not emptied.");
    }
    $database->clear();
}
