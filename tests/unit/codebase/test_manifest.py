# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code base file: what is right is typed, what is wrong is named with file, line and key."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.codebase.manifest import MOODLE_SOURCE, Part, Wanted, parse_manifest
from ansible_collections.lms.moodle.plugins.module_utils.codebase.yaml_file import read_yaml
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

GOOD = """\
project: campus
moodle:
  version: 4.10+
plugins:
  moodle-tool_redis:
    name: Redis management
    source: https://git.example.org/tool_redis.git
    branch: MOODLE_405_STABLE
  mod_board:
    source: /srv/git/board.git
    tag: v1
"""


def parsed(text: str) -> Any:
    data, lines = read_yaml(text, "codebase.yml")
    return parse_manifest(data, "codebase.yml", lines)


def test_a_good_file() -> None:
    manifest = parsed(GOOD)
    assert manifest.project == "campus"
    assert manifest.moodle == Part("moodle", MOODLE_SOURCE, Wanted("version", "4.10+"))
    assert manifest.plugins == (
        Part("mod_board", "/srv/git/board.git", Wanted("tag", "v1")),
        Part("tool_redis", "https://git.example.org/tool_redis.git", Wanted("branch", "MOODLE_405_STABLE")),
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("project: campus", "projekt: campus", r"codebase.yml, line 1: projekt: this key is not known here; allowed are project, moodle"),
        ("project: campus", "project: ../x", r"line 1: project: a name of letters"),
        ("project: campus", "project: a..b", r"line 1: project: a name of letters"),
        ("project: campus", "project: x.lock", r"line 1: project: a name of letters"),
        ("project: campus\n", "", r"codebase.yml: the key 'project' is missing"),
        ("  version: 4.10+", "  version: four", r"line 3: moodle.version: '4.5', '4.5\+' or '4.5.1' is expected, 'four' was found"),
        ("  version: 4.10+", "  version: 4.5beta", r"line 3: moodle.version"),
        ("  version: 4.10+", "  source: /srv/x", r"line 2: moodle: exactly one of version, tag, branch, commit .* none was found"),
        ("  version: 4.10+", "  tag: v1\n  branch: x", r"line 2: moodle: exactly one of .* tag and branch was found"),
        ("  version: 4.10+", "  commit: abc123", r"line 3: moodle.commit: a whole commit id"),
        ("  version: 4.10+", "  branch: --upload-pack=x", r"line 3: moodle.branch: the name of a branch is expected"),
        ("  version: 4.10+", "  branch: a:b", r"line 3: moodle.branch"),
        ("  version: 4.10+", "  branch: a..b", r"line 3: moodle.branch"),
        ("  version: 4.10+", "  branch: a*", r"line 3: moodle.branch"),
        ("moodle:\n", "moodle: 4.5\nx:\n", r"line 3: x: this key is not known"),
        ("  version: 4.10+", "  - version", r"line 2: moodle: a mapping is expected, a list was found"),
        ("mod_board:", "Mod-Board:", r"line 9: plugins.Mod-Board: a plugin is named"),
        ("mod_board:", "moodle-tool_redis:", r"line 9: plugins.moodle-tool_redis: this key stands here a second time"),
        ("mod_board:", "tool_redis:", r"line 9: plugins.tool_redis: tool_redis stands here a second time, first as 'moodle-tool_redis'"),
        ("tag: v1", "version: 1.2", r"line 11: plugins.mod_board.version: a plugin's revision is named by tag, branch or commit"),
        ("    source: /srv/git/board.git\n", "", r"line 9: plugins.mod_board: the key 'source' .* is missing"),
        ("/srv/git/board.git", "--upload-pack=evil", r"line 10: plugins.mod_board.source: a Git URL"),
        ("/srv/git/board.git", "ext::sh -c evil", r"line 10: plugins.mod_board.source: a Git URL"),
        ("/srv/git/board.git", "../board.git", r"line 10: plugins.mod_board.source: a Git URL"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput, match=message):
        parsed(GOOD.replace(old, new))


def test_a_password_in_a_wrong_source_is_not_shown() -> None:
    with pytest.raises(BadInput) as caught:
        parsed(GOOD.replace("/srv/git/board.git", "ftp://me:hunter2@host/x"))
    assert "hunter2" not in caught.value.message


def test_a_version_in_a_dictionary_must_be_text() -> None:
    with pytest.raises(BadInput, match=r"cannot tell 3\.1 from 3.10"):
        parse_manifest({"project": "a", "moodle": {"version": 3.10}}, "definition")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 1, column 5"),
        ("a: 1\n---\nb: 2\n", "found another document"),
        ("a: \x00", "special characters are not allowed"),
        ("a: &x [*x]", "an anchor may stand for one value"),
        ("a: &x {b: 1}\nc: *x", "an anchor may stand for one value"),
        ("[" * 3000, "nested too deeply"),
    ],
)
def test_a_file_that_is_not_yaml_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        read_yaml(text, "codebase.yml")
    assert "\n" not in caught.value.message


def test_an_anchor_may_stand_for_a_word() -> None:
    assert read_yaml("a: &b 3.10\nc: *b", "x")[0] == {"a": "3.10", "c": "3.10"}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["project", "moodle", "plugins"]), inner, max_size=4)
    ),
)


@given(ANYTHING)
def test_whatever_is_given_is_refused_in_words_or_right(data: object) -> None:
    try:
        parse_manifest(data, "definition")
    except BadInput as refusal:
        assert refusal.message.startswith("definition")


@given(st.text())
def test_whatever_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        read_yaml(text, "codebase.yml")
    except BadInput as refusal:
        assert refusal.message.startswith("codebase.yml")
