# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdict is not fooled: not by exit code 0, not by another site's answer, not by colours."""

from __future__ import annotations

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node
from ansible_collections.lms.moodle.plugins.module_utils.fleet.verdict import OUTPUT_LIMIT, Ending, excerpt, judge

NODE = Node("https://a.test", "A", "db_a")
RIGHT: dict[str, object] = {"wwwroot": "https://a.test", "database": "db_a"}


def verdict(
    rc: int | None = 0,
    text: str = "",
    report: dict[str, object] | None = RIGHT,
    *,
    takes_host: bool = False,
) -> tuple[str, str]:
    return judge(NODE, Ending(rc, text, report, 1.0), 30, takes_host=takes_host)


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
    assert verdict(255) == ("failed", "ended with 255 and printed nothing")
    assert verdict(-9)[1].startswith("was ended by signal 9")


def test_time_limit_is_a_verdict_of_its_own() -> None:
    assert verdict(None) == ("timeout", "did not end within 30 s and was stopped")


def test_excerpt_is_the_end_and_never_longer_than_agreed() -> None:
    text = excerpt("é" * 5000 + "\r\nprogress 1\rprogress 2\nlast")
    assert len(text.encode()) <= OUTPUT_LIMIT
    assert text.endswith("progress 1\nprogress 2\nlast")
