# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict is not fooled: not by exit code 0, not by another site's answer, not by colours."""

from __future__ import annotations

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node
from ansible_collections.lms.moodle.plugins.module_utils.fleet.verdict import OUTPUT_LIMIT, Ending, excerpt, judge, passes

NODE = Node("https://a.test", "A", "db_a")
RIGHT: dict[str, object] = {"wwwroot": "https://a.test", "database": "db_a"}


def verdict(
    rc: int | None = 0,
    text: str = "",
    report: dict[str, object] | None = RIGHT,
    *,
    takes_host: bool = False,
) -> tuple[str, str]:
    return judge(NODE, Ending(rc, text, report), 30, takes_host=takes_host)


@pytest.mark.parametrize(
    "text", ["", "Config check : playing for https://a.test\nDone.\n", "Config check : playing for https://a.testServer Time: 1"]
)
def test_ok_when_all_agree(text: str) -> None:
    assert verdict(text=text) == ("ok", "")


@pytest.mark.parametrize(
    ("text", "report", "reason"),
    [
        ("VMoodling (Mysql) : No configuration for this host : https://a.test. Identified root is x\n", RIGHT, "no configuration"),
        ("\x1b[31mConfig check : playing for https://b.test\x1b[0m\n", RIGHT, "another site: https://b.test"),
        ("VMoodle_make_connection : Server u@h unreachable", {"wwwroot": "https://campus.test"}, "did not reach its registry"),
        ("", {"wwwroot": "https://campus.test", "database": "master"}, "another site: https://campus.test"),
        ("", {"wwwroot": "https://a.test", "database": "db_b"}, "database 'db_b'"),
        ("", {"wwwroot": None, "database": None}, "another site: None"),
        ("", None, "without saying"),
        ("fine\n!!! Error reading from database !!!\n", RIGHT, "printed an error: !!! Error reading"),
    ],
)
def test_exit_code_0_is_not_believed(text: str, report: dict[str, object] | None, reason: str) -> None:
    word, why = verdict(text=text, report=report)
    assert (word, reason in why) == ("failed", True), why


def test_script_that_takes_a_host_must_say_for_whom_it_plays() -> None:
    assert verdict(text="Done.\n", takes_host=True)[0] == "failed"
    assert verdict(text="Config check : playing for https://a.test\nDone.\n", takes_host=True)[0] == "ok"


def test_exit_code_is_told_with_the_last_words() -> None:
    assert verdict(1, "first\n\x1b[1mdatabase is gone\x1b[0m\n\n", None) == ("failed", "ended with 1: database is gone")
    fatal = "PHP Fatal error:  Uncaught E: gone in /b.php:3\nStack trace:\n#0 {main}\n  thrown in /b.php on line 3\n"
    assert verdict(255, fatal) == ("failed", "ended with 255: PHP Fatal error:  Uncaught E: gone in /b.php:3")
    assert verdict(1, "!!! Fehler !!!\n!!\n") == ("failed", "ended with 1: !!! Fehler !!!")
    assert verdict(255) == ("failed", "ended with 255 and printed nothing")
    assert verdict(-9)[1].startswith("was ended by signal 9")


def test_time_limit_is_a_verdict_of_its_own() -> None:
    assert verdict(None) == ("timeout", "did not end within 30 s and was stopped")


def test_excerpt_is_the_end_and_never_longer_than_agreed() -> None:
    text = excerpt("é" * 5000 + "\r\nprogress 1\rprogress 2\nlast")
    assert len(text.encode()) <= OUTPUT_LIMIT
    assert text.endswith("progress 1\nprogress 2\nlast")


@pytest.mark.parametrize(
    ("error", "text", "begun", "soon", "repeatable"),
    [
        ("Connection refused", "", False, True, True),
        ("Connection refused", "", True, False, True),
        ("Too many connections", "", False, True, True),
        ("", "VMoodle_make_connection : Server u@h unreachable", False, True, True),
        ("", "Cannot obtain cron lock", True, True, True),
        ("MySQL server has gone away", "", True, False, True),
        ("Deadlock found when trying to get lock", "", True, False, True),
        ("", "SQLSTATE: Lock wait timeout exceeded", True, False, True),
        ("Access denied for user 'u'@'h' (using password: YES)", "", False, False, False),
        ("Table 'a.b' doesn't exist", "No such file or directory", True, False, False),
    ],
)
def test_what_may_pass_by_itself(error: str, text: str, begun: bool, soon: bool, repeatable: bool) -> None:
    ending = Ending(1, text, {**RIGHT, "begun": begun, "database_error": error})
    assert (passes(ending, repeatable=False), passes(ending, repeatable=True)) == (soon, repeatable)


def test_a_time_limit_and_a_crash_do_not_pass() -> None:
    assert not passes(Ending(None, "Deadlock", None), repeatable=True)
    assert not passes(Ending(-9, "", None), repeatable=True)
