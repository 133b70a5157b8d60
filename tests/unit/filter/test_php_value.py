# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A value written as PHP source is, read by PHP, the same value again: nothing in it becomes code."""

from __future__ import annotations

import json
import shutil
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.filter.php_value import php_value

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z' \\]{1,5}", fullmatch=True), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed: what PHP makes of a value is not asked")
@settings(max_examples=30, deadline=None)
@given(st.lists(values, min_size=20, max_size=20))
def test_php_reads_the_same_value(batch: list[t.Any]) -> None:
    code = f"<?php echo json_encode({php_value(batch)}, JSON_THROW_ON_ERROR);"
    done = subprocess.run(["php"], input=code.encode(), capture_output=True, check=True)
    assert json.loads(done.stdout) == batch


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("it's", r"'it\'s'"),
        ("a\\", r"'a\\'"),
        ("<?php die;", "'<?php die;'"),
        (None, "null"),
        (True, "true"),
        ({"a": [1, "b"]}, "['a' => [1, 'b']]"),
    ],
)
def test_literals(value: t.Any, literal: str) -> None:
    assert php_value(value) == literal


def test_what_has_no_literal_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="no literal"):
        php_value(object())
