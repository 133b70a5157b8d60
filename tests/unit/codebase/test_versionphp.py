# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reader of version.php says what PHP says, or that it cannot know."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.codebase.php.tokens import Refused, tokens
from ansible_collections.lms.moodle.plugins.module_utils.codebase.php.versionphp import read_plugin, read_subplugins, read_version

GOOD = r"""<?php
// This file is part of Moodle // http://moodle.org/
/** A comment with $plugin->version = 1; in it. */
defined('MOODLE_INTERNAL') || die();
# an old comment; $plugin->version = 2;
$plugin->component = 'mod_board'; $plugin->version = 2024050305.01;
$plugin->requires = 2022041900.00; // 4.0.
$plugin->supported = [401, 405];
$plugin->maturity = MATURITY_STABLE;
$plugin->release = "4.1 \"Board\" \$x" . ' it\'s' . '\n';
$plugin->cron = 24 * 60 * 60;
$plugin->dependencies = array('mod_quiz' => ANY_VERSION, "local_x" => 2020010100,);
$plugin->dependencies['tool_y'] = -1;
"""


def test_a_file_as_maintainers_write_it() -> None:
    assert read_plugin(GOOD) == {
        "component": "mod_board",
        "version": 2024050305.01,
        "requires": 2022041900.00,
        "supported": [401, 405],
        "maturity": 200,
        "release": '4.1 "Board" $x it\'s\\n',
        "cron": 86400,
        "dependencies": {"mod_quiz": "any", "local_x": 2020010100, "tool_y": -1},
    }


@pytest.mark.parametrize(
    "guard",
    [
        "",
        "defined('MOODLE_INTERNAL') || die();",
        "\\defined('MOODLE_INTERNAL') OR exit(1);",
        "declare(strict_types=1);\ndefined('MOODLE_INTERNAL') || die();",
        "if (!defined('MATURITY_RC')) { define('MATURITY_RC', 150); }",
        'defined("MOODLE_INTERNAL") or die;',
        "if (!defined('MOODLE_INTERNAL')) { die('Direct access'); }",
        "if (!defined('MOODLE_INTERNAL')) exit();",
        "$plugin = new stdClass();",
        "$plugin = new \\stdClass;",
    ],
)
def test_the_guards_that_are_in_use(guard: str) -> None:
    assert read_plugin(f"<?php\n{guard}\n$plugin->version = 7;") == {"version": 7}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_comment_ends_with_its_line_on_every_system(ending: str) -> None:
    assert read_plugin(ending.join(["<?php", "// one", "$plugin->version = 7; # two", "$plugin->release = 'x';"])) == {
        "version": 7,
        "release": "x",
    }


def test_both_names_of_the_object_are_one_object() -> None:
    assert read_plugin("<?php $module->version = 7; $plugin->component = 'mod_x';") == {"version": 7, "component": "mod_x"}
    assert read_plugin("<?php $module->version = 7;") == {"version": 7}
    assert read_plugin("<?php $module = new stdClass(); $module->version = 7;") == {"version": 7}


def test_a_new_object_under_one_name_is_not_the_other() -> None:
    with pytest.raises(Refused, match="neither"):
        read_plugin("<?php $plugin = new stdClass(); $module->version = 7;")


def test_core_sets_plain_variables() -> None:
    assert read_version("<?php $version = 2023100900.00; $release = '4.3'; $branch = '403'; $maturity = MATURITY_BETA; ?>\n") == {
        "version": 2023100900.0,
        "release": "4.3",
        "branch": "403",
        "maturity": 100,
    }


@pytest.mark.parametrize(
    "php",
    [
        "",
        "just text",
        "<?php",
        "<?php $x = 1;",
        "<?php $plugin->version = $other;",
        "<?php $plugin->version = time();",
        "<?php $plugin->version = MY_CONSTANT;",
        "<?php $plugin->version = true ? 1 : 2;",
        "<?php $plugin->version = '1' * 2;",
        '<?php $plugin->release = "$version";',
        '<?php $plugin->release = "{$version}";',
        "<?php if ($CFG->branch > 400) { $plugin->version = 1; }",
        "<?php if (!defined('OTHER')) { die(); } $plugin->version = 1;",
        "<?php $plugin->version = 1; } else { $plugin->version = 2; }",
        "<?php include('x.php'); $plugin->version = 1;",
        "<?php $plugin->version = 1; ?> text <?php $plugin->version = 2;",
        "<?php $plugin->version = 08;",
        "<?php $plugin->dependencies = [-1 => 2, 3];",
        "<?php $plugin->dependencies = [1.5 => 2];",
        "<?php $plugin->dependencies[] = 1;",
        "<?php $plugin->version = 1",
        "<?php $plugin->version = 9223372036854775807 * 2;",
        "<?php #[Attribute]\n$plugin->version = 1;",
        "<?php if (defined('MOODLE_INTERNAL')) { $plugin->version = 1; }",
        "<?php if (isset($CFG->branch) && $CFG->branch < 26) { $module->version = 1; } $plugin->version = 2;",
        "<?php defined(MOODLE_INTERNAL) || die(); $plugin->version = 1;",
        "<?php defined('MOODLE_INTERNAL') && die(); $plugin->version = 1;",
        "<?php define('MINE', 1); $plugin->version = MINE;",
        "<?php const MINE = 1; $plugin->version = MINE;",
        "<?php ; declare(strict_types=1); $plugin->version = 1;",
        "\ufeff<?php declare(strict_types=1); $plugin->version = 1;",
        "<?php namespace x; $plugin->version = MATURITY_BETA;",
        "<?php global $plugin; $plugin->version = 1;",
        "<?php $plugin->version = $plugin->nothing;",
        "<?php $nobody->version = 1; $plugin->version = 1;",
        "<?php $plugin = []; $plugin->version = 1;",
        "<?php $this = 1; $plugin->version = 1;",
        "<?php $plugin->self = $plugin;",
        "<?php $plugin->version = 1; $plugin->a = 'x'; $plugin->a['b'] = 1;",
        "<?php $plugin->version = --5;",
        "<?php $plugin->version = 5 / 2;",
        "<?php $plugin->version = 1 / 0;",
        "<?php $plugin->version = 1.5 + 1;",
        "<?php $plugin->version = 'a' + 1;",
        "<?php $plugin->version = true . 'a';",
        "<?php $plugin->release = 1.5 . 'a';",
        "<?php $plugin->release = 'a' . 1 + 2;",
        "<?php $plugin->version = (int) '5';",
        "<?php $plugin->version = 0xFFFFFFFFFFFFFFFF;",
        "<?php $plugin->version = 1e999;",
        "<?php $plugin->version = 1__0;",
        "<?php $plugin->dependencies = [9223372036854775807 => 1, 2];",
        "<?php $plugin->dependencies = ['-9223372036854775808' => 1];",
        "<?php $plugin->dependencies = [true => 1];",
        "<?php $plugin->dependencies = [1,,2];",
        "<?php $a = [1]; $plugin->dependencies = $a;",
        '<?php $plugin->release = "\\u{110000}";',
        '<?php $plugin->release = "\\u{}";',
        '<?php $plugin->release = "\\\\$x";',
        '<?php $plugin->release = "${x}";',
        "<?php $plugin->release = <<<END\n$x\nEND;",
        "<?php $plugin->release = <<<END\nEND1;",
        "<?php $plugin->release = <<<END\n x\n  END;",
        "<?php $plugin->release = <<<END\n\tx\n END;",
        "<?php $plugin->release = <<<END\n \tx\n \tEND;",
        "<?php $plugin->release = <<<END\n\t\n  x\n  END;",
        "<?php $plugin->version = 1;\n<<<<<<< HEAD\n$plugin->version = 2;",
        "<?php /* $plugin->version = 1;",
        "<?php $plugin->version = 1; \0",
        "<?php $plugin->release = '\ud800';",
        "<?php$plugin->version = 1;",
        "<? $plugin->version = 1;",
    ],
)
def test_what_it_cannot_know_it_refuses(php: str) -> None:
    with pytest.raises(Refused):
        read_plugin(php)


@pytest.mark.parametrize(
    ("php", "value"),
    [
        ("1 + 2 - 4", -1),
        ("2 + 3 * 4 / 6", 4),
        ("-(2 - 5) * +2", 6),
        ("60*5", 300),
        ("9223372036854775808", 9223372036854775808.0),
        ("-9223372036854775808", -9223372036854775808.0),
        ("-9223372036854775807 - 1", -9223372036854775808),
        ("0x1F + 0b11 + 017 + 1_000", 1049),
        ("2024_05_03.5", 20240503.5),
        ("'v' . 2024 . -1 . 2 * 3", "v2024-16"),
        ("1 . 2", "12"),
        (r"'it\'s \\ \n'", "it's \\ \\n"),
        (r'"\101\x42\X43\u{44}\u{1F600}\8\u\q\x"', "ABCD\U0001f600\\8\\u\\q\\x"),
        (r'"\400\x4"', "\0\x04"),
        (r'"\xc3\xa9" . "\xc3" . "\xa9"', "éé"),
        (r'"\xff"', "\udcff"),
        (r'"\u{d800}"', "\udced\udca0\udc80"),
        ('"{ $ a}$"', "{ $ a}$"),
        ("<<<END\nEND", ""),
        ("<<<END\n\nEND . 'x'", "x"),
        ('<<<"END"\na "b" \\" \\x41 ENDED\n END1\nEND', 'a "b" \\" A ENDED\n END1'),
        ("<<<'END'\na $b {$c} \\x41\\\\\nEND", "a $b {$c} \\x41\\\\"),
        ("<<< END\n    a\n\n \n      b\n    END", "a\n\n\n  b"),
        ("<<<END\r\n\ta\r\n\tb\r\n\tEND", "a\r\nb"),
        ("[<<<A\n x\n A, <<<'A'\n y\n A]", ["x", "y"]),
        ("array('a' => 1, 5 => 2, 3)", {"a": 1, 5: 2, 6: 3}),
        ("['1' => 'a', '0' => 'b']", {1: "a", 0: "b"}),
        ("[0 => 'a', 1 => [], '2' => [[1]]]", ["a", [], [[1]]]),
        ("[1, 0 => 2]", [2]),
    ],
)
def test_expressions_are_worth_what_php_makes_of_them(php: str, value: object) -> None:
    found = read_version(f"<?php $x = {php};")["x"]
    assert (found, type(found)) == (value, type(value))


def test_what_the_file_has_set_can_be_used_again() -> None:
    php = "<?php $module->version = 7; $build = 'b' . $module->version; $plugin->release = $build; $plugin->requires = $plugin->version;"
    assert read_plugin(php) == {"version": 7, "release": "b7", "requires": 7}
    assert read_plugin("<?php $plugin = new stdClass(); $module = $plugin; $module->version = 7;") == {"version": 7}


def test_php_may_be_written_in_capitals() -> None:
    assert read_plugin("<?PHP // $Id$\r\n\r\n$module->version  = 2007101509;\r\n$module->cron = 60;\r\n\r\n?>\r\n") == {
        "version": 2007101509,
        "cron": 60,
    }


def test_bytes_come_back_as_they_were() -> None:
    raw = b"caf\xe9 \xc3\xa9 \xff\x00"
    release = read_plugin(b"\xef\xbb\xbf<?php // \xe9\n$plugin->release = '" + raw + b"';")["release"]
    assert release.encode("utf-8", "surrogateescape") == raw


@pytest.mark.parametrize(
    ("php", "line"),
    [
        ("<?php\n\n$plugin->version = time();", 3),
        ("<?php\r\n/* a\r\nb */\r\n$plugin->version = time();", 4),
        ("<?php\r// a\r$x = 'a\rb';\r$plugin->version = MINE;", 5),
        ("<?php\n$x = <<<A\n1\n2\nA;\nif ($x) {}", 6),
        ("\n\n<?php\n$x =", 4),
        ("<?php\n$x = [\n1 => 2,\n1.5 => 2];", 4),
        ("<?php\n$x = <<<A\n  ok\nwrong\n  A;", 4),
    ],
)
def test_a_refusal_names_the_line(php: str, line: int) -> None:
    with pytest.raises(Refused, match=f"^line {line}: "):
        read_version(php)


def test_types_of_subplugins_are_read() -> None:
    declared = "array('quiz' => 'mod/quiz/report', 'quizaccess'=>'mod/quiz/accessrule',)"
    php = f"<?php\ndefined('MOODLE_INTERNAL') || die();\n$subplugins = {declared};\n".encode()
    assert read_subplugins(php) == {"quiz": "mod/quiz/report", "quizaccess": "mod/quiz/accessrule"}
    assert read_subplugins("<?php $subplugins['a'] = 'local/a';") == {"a": "local/a"}
    assert read_subplugins("<?php $subplugins = [];") == {}


@pytest.mark.parametrize(
    "php",
    [
        "<?php $plugin->version = 1;",
        "<?php $subplugins = 'quiz';",
        "<?php $subplugins = ['quiz'];",
        "<?php $subplugins = ['quiz' => 5];",
        "<?php $subplugins = ['quiz' => ['mod/quiz/report']];",
        "<?php $subplugins = (array) json_decode(file_get_contents(__DIR__ . '/subplugins.json'))->plugintypes;",
    ],
)
def test_types_of_subplugins_that_are_not_plain_are_refused(php: str) -> None:
    with pytest.raises(Refused):
        read_subplugins(php)


# Hostile input: it takes no time, no memory, no stack.

MANY = 1_000_000
JUNK: dict[str, bytes] = {
    "brackets": b"<?php $x = " + b"[" * MANY,
    "calls of array": b"<?php $x = " + b"array(" * MANY,
    "some brackets": b"<?php $x = " + b"(" * 500 + b"1" + b")" * 500 + b";",
    "signs": b"<?php $x = " + b"- " * MANY + b"1;",
    "open comments": b"<?php " + b"/* " * MANY,
    "open strings": b"<?php " + b"'\\' \"" * MANY,
    "backslashes": b"<?php '" + b"\\" * MANY,
    "heredocs": b"<?php " + b"<<<A\n" * MANY,
    "digits": b"<?php $x = " + b"1" * MANY + b";",
    "groups of digits": b"<?php $x = " + b"1_" * MANY + b"1;",
    "digits as a key": b"<?php $x[1." + b"0" * MANY + b"] = 1;",
    "dots": b"<?php " + b"." * MANY,
    "names": b"<?php " + b"a\\" * MANY,
    "statements": b"<?php " + b";" * MANY,
    "nothing": b"\0" * MANY,
    "no characters": b"<?php " + b"\xff" * MANY,
    "white space": b" " * MANY,
    "growing strings": b"<?php $x = '" + b"x" * 1000 + b"'; " + b"$x = $x . $x; " * 60,
    "nested arrays": b"<?php $x = [1]; " + b"$x = [$x, $x]; " * 60,
}
LONG: dict[str, tuple[bytes, Callable[[dict[str, Any]], bool]]] = {
    "lines": (b"<?php" + b"\n" * MANY + b"$x = 1;", lambda found: found["x"] == 1),
    "a comment": (b"<?php /*" + b"* '\n" * MANY + b"*/ $x = 1;", lambda found: found["x"] == 1),
    "many comments": (b"<?php " + b"# ?\n" * (MANY // 5) + b"$x = 1;", lambda found: found["x"] == 1),
    "a string": (b"<?php $x = '" + b"\\'" * MANY + b"';", lambda found: found["x"] == "'" * MANY),
    "escapes": (b'<?php $x = "' + b"\\x41" * (MANY // 5) + b'";', lambda found: found["x"] == "A" * (MANY // 5)),
    "a concatenation": (b"<?php $x = ''" + b".'ab'" * 40_000 + b";", lambda found: found["x"] == "ab" * 40_000),
    "an array": (b"<?php $x = [" + b"1," * 40_000 + b"];", lambda found: found["x"] == [1] * 40_000),
    "a heredoc": (b"<?php $x = <<<A\n" + b" A1\n" * (MANY // 5) + b" A;", lambda found: len(found["x"]) == 3 * (MANY // 5) - 1),
}


@pytest.mark.parametrize("junk", JUNK)
def test_megabytes_of_junk_are_refused_at_once(junk: str) -> None:
    started = time.process_time()
    with pytest.raises(Refused) as refusal:
        read_version(JUNK[junk])
    assert len(refusal.value.message) < 400
    assert time.process_time() - started < 5


@pytest.mark.parametrize("kind", LONG)
def test_long_files_are_read_in_one_pass(kind: str) -> None:
    php, right = LONG[kind]
    started = time.process_time()
    assert right(read_version(php))
    assert time.process_time() - started < 5


def test_a_refusal_can_be_printed_whatever_the_file_holds() -> None:
    for php in (b"<?php $\xff->a = 1;", b"<?php <<<\xff\n", b"<?php if (!defined('\xff')) die;", b"<?php \xff;", b"<?php $x[-'\xff'] = 1;"):
        with pytest.raises(Refused) as refusal:
            read_version(php)
        assert "udcff" in refusal.value.message or "'-'" in refusal.value.message
        assert refusal.value.message.encode()


def test_depth_is_refused_long_before_the_stack_ends() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(600)
    try:
        with pytest.raises(Refused, match="deep"):
            read_version("<?php $x = " + "[" * 100 + "]" * 100 + ";")
        assert read_version("<?php $x = " + "[" * 40 + "]" * 40 + ";")
    finally:
        sys.setrecursionlimit(limit)


def test_tokens_are_those_of_php() -> None:
    assert [token[:2] for token in tokens("<?php $a->b = 'c' . 1.5; // d")] == [
        ("variable", "$a"),
        ("op", "->"),
        ("name", "b"),
        ("op", "="),
        ("string", "c"),
        ("op", "."),
        ("float", 1.5),
        ("op", ";"),
    ]
