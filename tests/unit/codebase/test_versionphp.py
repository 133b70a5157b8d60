# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reader of version.php says what PHP says, or that it cannot know."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.codebase.php_tokens import Refused
from ansible_collections.lms.moodle.plugins.module_utils.codebase.versionphp import read_plugin, read_version

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
        "<?php $plugin->version = 1 + 1;",
        "<?php $plugin->version = true ? 1 : 2;",
        "<?php $plugin->version = '1' * 2;",
        '<?php $plugin->release = "$version";',
        '<?php $plugin->release = "{$version}";',
        '<?php $plugin->release = "\\x41";',
        "<?php $plugin->release = <<<END\nx\nEND;",
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
    ],
)
def test_what_it_cannot_know_it_refuses(php: str) -> None:
    with pytest.raises(Refused):
        read_plugin(php)


@given(st.text(), st.booleans())
def test_whatever_is_given_is_read_or_refused(text: str, opened: bool) -> None:
    try:
        read_version(f"<?php {text}" if opened else text)
    except Refused as refusal:
        assert refusal.message


# Files that PHP accepts, and what PHP itself says of them.

SPACE = st.sampled_from([" ", "\n", "\t", "\r\n", " /* x; $plugin->a = 9; */ ", " // y ' \n", ' # z "\n', "\r// old mac\r"])
WORD = st.text("abzAZ_019", min_size=1, max_size=6)
WHOLE = st.one_of(
    st.integers(0, 2**65).map(str),
    st.integers(0, 2**20).map(hex),
    st.integers(0, 2**20).map(bin),
    st.integers(0, 2**20).map(lambda number: f"0{number:o}"),
    st.integers(10**6, 10**10).map(lambda number: f"{number:_}"),
)
NUMBER = st.one_of(WHOLE, st.sampled_from(["2024050305.01", "1.", ".5", "1e3", "1.5E-2", "2022041900.00", "0.0"]))
RAW = st.text("ab'\"\\$n{}t \n\ré/*#?", max_size=8)
SINGLE = RAW.map(lambda raw: "'" + raw.replace("\\", "\\\\").replace("'", "\\'") + "'")
LOOSE = st.sampled_from(
    ["'a\\nb'", "'\\\\'", "'a\\qb'", '"a\\qb"', '"\\$x\\\\"', '"\\t\\n\\r\\v\\e\\f"', '"$"', '"{a}"', '"a$ b"', '"\\""', '"it\'s"']
)
STRING = st.one_of(SINGLE, LOOSE, st.lists(st.one_of(SINGLE, LOOSE), min_size=2, max_size=3).map(" . ".join))
SCALAR = st.one_of(
    NUMBER,
    WHOLE.map(lambda number: f"-{number}"),
    STRING,
    st.sampled_from(["true", "FALSE", "null", "MATURITY_STABLE", "MATURITY_ALPHA", "ANY_VERSION", "(5)", "2 * 3 * 4"]),
)
KEY = st.one_of(st.integers(0, 50).map(str), SINGLE, st.sampled_from(["'5'", "'05'", "'-0'", "'0'", "'99999999999999999999'", "' 5'"]))


@st.composite
def arrays(draw: st.DrawFn) -> str:
    items = draw(st.lists(st.tuples(st.none() | KEY, SCALAR), max_size=4))
    inner = ", ".join(value if key is None else f"{key} => {value}" for key, value in items) + draw(
        st.sampled_from(["", ","]) if items else st.just("")
    )
    return draw(st.sampled_from(["[%s]", "array(%s)", "array( %s )"])) % inner


@st.composite
def files(draw: st.DrawFn) -> str:
    parts = [
        "<?php",
        draw(SPACE).lstrip(" ") or "\n",
        draw(st.sampled_from(["", "$plugin = new stdClass();", "defined('MOODLE_INTERNAL') || die();"])),
    ]
    for _turn in range(draw(st.integers(1, 4))):
        name, holder = draw(WORD), draw(st.sampled_from(["plugin", "module"]))
        parts += [draw(SPACE), f"${holder}->p{name}", draw(SPACE), "=", draw(SPACE), draw(SCALAR | arrays()), draw(SPACE), ";"]
        if draw(st.booleans()):
            parts += [f"$plugin->d{name}[{draw(KEY)}] = {draw(SCALAR)};"]
    return "".join(parts) + draw(st.sampled_from(["", "\n", "?>", "?>\n", " // end", " // end ?>"]))


ASK = r"""<?php
error_reporting(0);
define('MOODLE_INTERNAL', 1); define('MATURITY_ALPHA', 50); define('MATURITY_BETA', 100); define('MATURITY_RC', 150);
define('MATURITY_STABLE', 200); define('ANY_VERSION', 'any');
function said($v) {
    if (is_array($v)) {
        $out = [];
        foreach ($v as $k => $x) { $out[] = [is_int($k), bin2hex((string) $k), said($x)]; }
        return ['array', $out];
    }
    return [gettype($v), is_string($v) ? bin2hex($v) : (is_float($v) ? sprintf('%.17g', $v) : $v)];
}
function ask($file) {
    $plugin = new stdClass(); $module = $plugin; ob_start();
    try { include($file); } finally { ob_end_clean(); }
    return $plugin;
}
while (($file = fgets(STDIN)) !== false) {
    try { $o = []; foreach (ask(trim($file)) as $k => $v) { $o[$k] = said($v); } echo json_encode(['value' => $o]), "\n"; }
    catch (Throwable $e) { echo json_encode(['error' => $e->getMessage()]), "\n"; }
}
"""


def said(value: Any) -> Any:
    """A value as the PHP above tells it."""
    if isinstance(value, (list, dict)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return ["array", [[isinstance(key, int), str(key).encode().hex(), said(item)] for key, item in pairs]]
    if value is None or isinstance(value, bool):
        return ["NULL" if value is None else "boolean", value]
    if isinstance(value, str):
        return ["string", value.encode().hex()]
    return ["integer", value] if isinstance(value, int) else ["double", value]


def equal(ours: Any, php: Any) -> bool:
    if isinstance(ours, list) and isinstance(php, list) and ours[:1] == php[:1] == ["double"]:
        return math.isclose(ours[1], float(php[1]), rel_tol=0)
    if isinstance(ours, list) and isinstance(php, list):
        return len(ours) == len(php) and all(map(equal, ours, php))
    return type(ours) is type(php) and ours == php


class Php:
    """One interpreter that says of each file what it is."""

    def __init__(self, folder: Path) -> None:
        (folder / "ask.php").write_text(ASK)
        self.file = folder / "version.php"
        self.process = subprocess.Popen(["php", "-n", str(folder / "ask.php")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def says(self, content: str) -> dict[str, Any]:
        self.file.write_bytes(content.encode())
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{self.file}\n".encode())
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture(scope="module")
def php(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Php]:
    if not shutil.which("php"):
        pytest.skip("php is not installed: the reader was not compared with PHP itself")
    interpreter = Php(tmp_path_factory.mktemp("php"))
    yield interpreter
    interpreter.process.communicate()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files())
def test_the_reader_says_what_php_says(php: Php, content: str) -> None:
    answer = php.says(content)
    try:
        ours = read_plugin(content)
    except Refused as refusal:
        known = "key of an array" in refusal.message or ("neither" in refusal.message and not answer.get("value"))
        assert "error" in answer or known, (refusal.message, answer)
        return
    told = dict(answer["value"])
    assert ours.keys() == told.keys(), (ours, told)
    for key, value in ours.items():
        assert equal(said(value), told[key]), (key, value, told[key])
