<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Prepended (auto_prepend_file) to a script of Moodle's own, which stays unchanged: runs it once for each order, in a child of its own,
// so that PHP starts once for many nodes. Where PHP cannot fork, the first order is the only one.
//   LMS_MOODLE_CONTROL  number of the file through which orders come and answers go, one JSON object a line:
//     in   {"node": address for VMoodle's override, or null; "words": the script's arguments; "title": what a process list shows}
//     out  {"group": process group of the run}; it begins when a line comes back, so that nothing runs that nobody can end
//     out  {"site": ...} which site the script really ran for, however it ended
//     out  {"ended": exit code, negative for a signal}, by a parent only

(static function (): void {
    $control = fopen('php://fd/' . getenv('LMS_MOODLE_CONTROL'), 'r+');
    putenv('LMS_MOODLE_CONTROL');
    unset($_SERVER['LMS_MOODLE_CONTROL'], $_ENV['LMS_MOODLE_CONTROL']);
    $answer = static function (array $line) use ($control): void {
        @fwrite($control, json_encode($line, JSON_INVALID_UTF8_SUBSTITUTE) . "\n");
    };
    $forks = function_exists('pcntl_fork') && function_exists('pcntl_waitpid') && function_exists('posix_setsid');
    while (($line = fgets($control)) !== false) {
        $order = json_decode($line, true);
        $child = $forks ? pcntl_fork() : 0;
        if ($child > 0) {
            while (pcntl_waitpid($child, $status) === -1 && pcntl_get_last_error() === PCNTL_EINTR) {
                continue;
            }
            $answer(['ended' => pcntl_wifsignaled($status) ? -pcntl_wtermsig($status) : pcntl_wexitstatus($status)]);
            continue;
        }
        if ($child < 0) {
            exit(71);
        }
        if ($forks) {
            posix_setsid();
        }
        $answer(['group' => getmypid()]);
        if (fgets($control) === false) {
            exit(1);
        }
        $_SERVER['argv'] = [$_SERVER['argv'][0], ...$order['words']];
        $_SERVER['argc'] = count($_SERVER['argv']);
        [$GLOBALS['argv'], $GLOBALS['argc']] = [$_SERVER['argv'], $_SERVER['argc']];
        [$_SERVER['REQUEST_TIME'], $_SERVER['REQUEST_TIME_FLOAT']] = [time(), microtime(true)];
        // Without the arguments, which may be nobody's business.
        @cli_set_process_title($order['title']);
        if ($order['node'] !== null) {
            define('CLI_VMOODLE_OVERRIDE', $order['node']);
        }
        $own = getmypid();
        register_shutdown_function(static function () use ($answer, $own): void {
            // Not for a child of the script's own making.
            if (getmypid() !== $own) {
                return;
            }
            $config = $GLOBALS['CFG'] ?? null;
            // Read by a program: Moodle shows the database's own words to developers only, and its own in the user's language.
            $warning = error_get_last()['message'] ?? '';
            $lost = function_exists('mysqli_connect_error') ? mysqli_connect_error() : null;
            $lost ??= strpos($warning, 'pg_connect') !== false ? $warning : null;
            try {
                $lost ??= isset($GLOBALS['DB']) ? $GLOBALS['DB']->get_last_error() : '';
            } catch (Throwable $problem) {
                // There is no connection that could have one.
                $lost ??= '';
            }
            $answer(['site' => [
                'wwwroot' => $config->wwwroot ?? null,
                'database' => $config->dbname ?? null,
                // Moodle has come to the end of its own start: from here on the script does its work.
                'begun' => isset($GLOBALS['SITE']),
                'database_error' => (string) $lost,
            ]]);
        });
        return;
    }
    exit(0);
})();
