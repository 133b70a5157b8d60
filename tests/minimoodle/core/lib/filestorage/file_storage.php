<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Files by the hash of their content, under the dataroot.
defined('MOODLE_INTERNAL') || die();

class stored_file {
    public function __construct(private stdClass $record) {
    }

    public function get_path(): string {
        global $CFG;
        $hash = $this->record->contenthash;
        return "$CFG->dataroot/filedir/" . substr($hash, 0, 2) . '/' . substr($hash, 2, 2) . '/' . $hash;
    }

    public function get_filename(): string {
        return $this->record->filename;
    }

    public function get_filesize(): int {
        return (int) $this->record->filesize;
    }

    public function get_contenthash(): string {
        return $this->record->contenthash;
    }

    public function copy_content_to(string $path): bool {
        return @copy($this->get_path(), $path);
    }

    public function delete(): bool {
        global $DB;
        $DB->delete_records('files', ['id' => $this->record->id]);
        if (!$DB->record_exists('files', ['contenthash' => $this->record->contenthash])) {
            @unlink($this->get_path());
        }
        return true;
    }
}

/** Stores a file's content and its record; returns the file. */
function minimoodle_store_file(array $record, string $source): stored_file {
    global $DB;
    $record += [
        'contenthash' => sha1_file($source), 'filesize' => filesize($source), 'itemid' => 0, 'filepath' => '/',
        'mimetype' => 'application/octet-stream', 'timecreated' => time(), 'timemodified' => time(),
    ];
    $record['id'] = $DB->insert_record('files', $record);
    $file = new stored_file((object) $record);
    make_folder(dirname($file->get_path()));
    copy($source, $file->get_path());
    return $file;
}

function minimoodle_store_text(array $record, string $content): stored_file {
    global $CFG;
    $temporary = tempnam(make_folder($CFG->tempdir), 'file');
    file_put_contents($temporary, $content);
    $file = minimoodle_store_file($record, $temporary);
    unlink($temporary);
    return $file;
}
