# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted in AWX, as its API has it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.awx.wish import Template, as_answer, merged, survey

ASKED: dict[str, t.Any] = {
    "question_name": "Which side?",
    "question_description": "",
    "variable": "moodle_side",
    "type": "multiplechoice",
    "required": False,
    "choices": "source\narchive",
    "default": "source",
}
TEMPLATE = Template("archive_purge", "Moodle archive_purge", {}, {}, [ASKED])


@pytest.mark.parametrize(
    ("value", "answer"),
    [
        ("text", "text"),
        ("", ""),
        (True, "true"),
        (7, "7"),
        (["--name=theme", "--set=boost"], "--name=theme,--set=boost"),
        ({"path": "Droit/Été"}, '{"path": "Droit/Été"}'),
        ([{"a": 1}], '[{"a": 1}]'),
    ],
)
def test_an_answer_is_text_as_it_would_be_typed(value: t.Any, answer: str) -> None:
    assert as_answer(value) == answer


@pytest.mark.parametrize(
    "kept",
    [
        ASKED,
        # As the interface saves it, which says more and has the choices in a list.
        {**ASKED, "choices": ["source", "archive"], "min": 0, "max": 1024, "new_question": True},
    ],
)
def test_a_survey_that_says_the_same_is_not_set_again(kept: dict[str, t.Any]) -> None:
    assert survey(TEMPLATE, {"name": "", "description": "", "spec": [kept]}, ["moodle_side"]) is None


def test_a_question_of_ours_that_is_asked_no_more_goes_and_somebodys_own_stays() -> None:
    old, own = {**ASKED, "variable": "moodle_old"}, {**ASKED, "variable": "ticket"}
    wanted = survey(TEMPLATE, {"name": "N", "description": "D", "spec": [own, old]}, ["moodle_side", "moodle_old"])
    assert wanted == {"name": "N", "description": "D", "spec": [ASKED, own]}
    assert survey(Template("x", "x", {}, {}, []), {"spec": [old]}, ["moodle_old"]) is None, "without questions it is left alone"


def test_variables_are_merged_only_where_ours_are_not_among_them() -> None:
    assert merged({"a": 1, "b": 2}, {"a": 1}) is None
    assert merged({"a": 1, "b": 2}, {"a": 3}) == {"a": 3, "b": 2}
    assert merged({}, {}) is None
