<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// The form of a backup file: a gzipped tar whose first entry is an index of the others.
defined('MOODLE_INTERNAL') || die();

function get_file_packer(string $type): object {
    return new class {
        /** @return array<string, bool> */
        public function extract_to_pathname(string $file, string $path): array {
            $done = [];
            foreach (minimoodle_archive::read($file) as $name => $content) {
                make_folder(dirname("$path/$name"));
                $done[$name] = file_put_contents("$path/$name", $content) !== false;
            }
            return $done;
        }
    };
}

class minimoodle_archive {
    private const BLOCK = 512;

    /** @param array<string, string> $contents by name; a name ending in / is a folder */
    public static function write(string $file, array $contents): void {
        $index = 'Moodle archive file index. Count: ' . count($contents) . "\n";
        foreach ($contents as $name => $content) {
            $index .= str_ends_with($name, '/') ? "$name\td\t0\t?\n" : "$name\tf\t" . strlen($content) . "\t" . time() . "\n";
        }
        $stream = gzopen($file, 'wb6');
        foreach (['.ARCHIVE_INDEX' => $index] + $contents as $name => $content) {
            gzwrite($stream, self::header($name, strlen($content)));
            gzwrite($stream, $content . str_repeat("\0", (self::BLOCK - strlen($content) % self::BLOCK) % self::BLOCK));
        }
        gzwrite($stream, str_repeat("\0", 2 * self::BLOCK));
        gzclose($stream);
    }

    /** @return array<string, string> the files by name; empty when it is no archive */
    public static function read(string $file): array {
        $contents = [];
        $stream = gzopen($file, 'rb');
        while (strlen($header = gzread($stream, self::BLOCK)) === self::BLOCK && trim($header, "\0") !== '') {
            $size = octdec(trim(substr($header, 124, 12), " \0"));
            $padded = (int) (ceil($size / self::BLOCK) * self::BLOCK);
            $content = '';
            while (strlen($content) < $padded && ($part = gzread($stream, $padded - strlen($content))) !== '') {
                $content .= $part;
            }
            if ($header[156] === '0') {
                $contents[rtrim(substr($header, 0, 100), "\0")] = substr($content, 0, $size);
            }
        }
        gzclose($stream);
        return $contents;
    }

    private static function header(string $name, int $size): string {
        $folder = str_ends_with($name, '/');
        $header = str_pad($name, 100, "\0") . ($folder ? "0000755\0" : "0000644\0") . "0000000\0" . "0000000\0"
            . sprintf('%011o', $size) . "\0" . sprintf('%011o', time()) . "\0" . '        ' . ($folder ? '5' : '0')
            . str_repeat("\0", 100) . "ustar\0" . '00' . str_repeat("\0", 64) . "0000000\0" . "0000000\0";
        $header = str_pad($header, self::BLOCK, "\0");
        return substr_replace($header, sprintf("%06o\0 ", array_sum(unpack('C*', $header))), 148, 8);
    }
}
