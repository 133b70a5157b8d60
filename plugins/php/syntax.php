<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Compiles the files that standard input names, one a line, and says yes of those that `php -l` has nothing against either. A no is no
// answer: a file may be refused, or end this process, because of one before it that declares the same function.

$own = array_map('strtolower', array_merge(get_declared_classes(), get_declared_interfaces()));
while (($file = rtrim((string) fgets(STDIN))) !== '') {
    try {
        $sound = !binds_classes((string) file_get_contents($file), $own) && @opcache_compile_file($file);
    } catch (Throwable) {
        $sound = false;
    }
    echo $file, $sound ? ' yes' : ' no', "\n";
}

/**
 * Whether a class may have a parent, interface or trait that is known while the file is compiled: from the file itself, or PHP's own.
 * `php -l` holds such a class against it, opcache does not before it is executed. In doubt, true.
 */
function binds_classes(string $code, array $known): bool {
    $name = '[\w\x80-\xff\\\\]+';
    if (!preg_match('~\b(?:extends|implements|trait)\b~i', $code)) {
        return false;
    }
    if (preg_match('~\b(?:class|interface|enum|extends|implements|as)\s*(?:/\*|//|\#)|\btrait\b~i', $code)) {
        return true;
    }
    preg_match_all("~\\b(?:class|interface|enum|as)\\s+($name)~i", $code, $declared);
    $known = array_flip(array_merge($known, array_map('strtolower', $declared[1])));
    preg_match_all("~\\b(?:extends|implements)\\s+($name(?:\\s*,\\s*$name)*+)(\\s*[,/\\#])?~i", $code, $parents, PREG_SET_ORDER);
    if (count($parents) !== preg_match_all('~\b(?:extends|implements)\b~i', $code)) {
        return true;
    }
    foreach ($parents as $parent) {
        foreach (preg_split('~\s*,\s*~', strtolower($parent[1])) as $one) {
            $short = substr((string) strrchr("\\$one", '\\'), 1);
            if (isset($parent[2]) || isset($known[$short])) {
                return true;
            }
        }
    }
    return false;
}
