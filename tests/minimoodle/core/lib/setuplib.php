<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// What is needed before anything else works: errors and folders.
defined('MOODLE_INTERNAL') || die();

class moodle_exception extends Exception {
    /** @var string */
    public $errorcode;
    /** @var string|null */
    public $debuginfo;

    public function __construct(string $errorcode, string $module = '', string $link = '', $a = null, ?string $debuginfo = null) {
        $this->errorcode = $errorcode;
        $this->debuginfo = $debuginfo;
        parent::__construct(is_string($a) && $a !== '' ? $a : $errorcode);
    }
}
class coding_exception extends moodle_exception {
}
class dml_exception extends moodle_exception {
}
class dml_missing_record_exception extends dml_exception {
    public function __construct(string $table) {
        parent::__construct('invalidrecord', '', '', "No record was found in the table $table.");
    }
}
class downgrade_exception extends moodle_exception {
    public function __construct(string $plugin, string $old, string $new) {
        parent::__construct('cannotdowngrade', 'debug', '', "Cannot downgrade $plugin from $old to $new.");
    }
}
class plugin_incompatible_exception extends moodle_exception {
    public function __construct(string $plugin, string $version, string $branch) {
        parent::__construct('pluginunsupported', 'error', '', "Plugin \"$plugin\" $version does not support this version of Moodle $branch.");
    }
}

/** Every error that nobody caught ends here: one line on the standard output, exit code 1. */
function default_exception_handler(Throwable $error): void {
    if (!CLI_SCRIPT) {
        http_response_code($error instanceof dml_exception ? 503 : 500);
        echo '<p>' . s($error->getMessage()) . "</p>\n";
        exit(1);
    }
    $message = $error instanceof moodle_exception ? $error->getMessage() : 'Exception - ' . $error->getMessage();
    echo "!!! $message !!!\n";
    if ($error instanceof downgrade_exception || $error instanceof plugin_incompatible_exception) {
        echo "!! \nError code: {$error->errorcode} !!\n";
        fwrite(STDERR, "Default exception handler: $message Error code: {$error->errorcode}\n");
    }
    exit(1);
}

function make_folder(string $path): string {
    global $CFG;
    if (!is_dir($path) && !@mkdir($path, $CFG->directorypermissions, true) && !is_dir($path)) {
        throw new moodle_exception('nocreatepath', '', '', "Cannot create the folder $path");
    }
    return $path;
}

function make_writable_directory(string $path): string {
    return make_folder($path);
}

function make_backup_temp_directory(string $folder): string {
    global $CFG;
    return make_folder("$CFG->backuptempdir/$folder");
}

function s($text): string {
    return htmlspecialchars((string) $text, ENT_QUOTES);
}
