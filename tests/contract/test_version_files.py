# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PHP itself reads what the reader reads: files from a grammar, slips of the hand, tokens in any order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.php_says import PhpSays, compared
from support.process import SupportError
from support.version_texts import PROTOTYPES, changed_files, expressions, version_files

BATCH = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def php(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PhpSays]:
    try:
        asked = PhpSays(tmp_path_factory.mktemp("php"))
    except SupportError as missing:
        pytest.skip(f"the reader was not compared with PHP: {missing}")
    with asked:
        yield asked


@pytest.mark.parametrize("content", PROTOTYPES)
def test_files_as_maintainers_write_them_are_never_refused(php: PhpSays, content: bytes) -> None:
    answer = php.of(content)
    assert "set" in answer
    assert compared(content, answer) == ("", "")


@BATCH
@given(version_files().map(lambda made: made.php))
def test_what_the_grammar_makes_is_php(php: PhpSays, content: bytes) -> None:
    answer = php.of(content)
    assert "set" in answer, (content, answer)
    assert compared(content, answer) == ("", ""), content


@BATCH
@given(st.one_of(changed_files(), expressions()))
def test_what_is_no_longer_sure_is_equal_or_refused(php: PhpSays, content: bytes) -> None:
    answer = php.of(content)
    result = compared(content, answer)
    assert not result.difference, content


def test_a_file_that_ends_php_does_not_end_the_comparison(php: PhpSays) -> None:
    assert "died" in php.of(b"<?php die('x');")
    assert "died" in php.of(b"<?php function f() {} function f() {}")
    assert php.of(b"<?php $x = 5;")["set"] == php.of(b"<?php $x = 5;")["set"]


def test_types_are_compared_too(php: PhpSays) -> None:
    for ours, other in ((b"5", b"5.0"), (b"5", b"'5'"), (b"true", b"1"), (b"null", b"''"), (b"0.0", b"-0.0"), (b"[1]", b"[1 => 1]")):
        answer = php.of(b"<?php $x = %s;" % other)
        assert compared(b"<?php $x = %s;" % ours, answer).difference
        assert not compared(b"<?php $x = %s;" % other, answer).difference
