# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock says what was decided, answers only what was asked, and shows no secret."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.codebase.changes import Component, compare, describe
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.lock import Locked, decision, read_lock, write_lock
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.manifest import Part, Wanted
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

COMMIT, TREE = "a" * 40, "b" * 40
PART = Part("mod_x", "https://host/x.git", Wanted("branch", "main"))
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)


@given(st.lists(st.builds(Locked, TEXT, TEXT, TEXT, TEXT, st.just(COMMIT), st.just(TREE), TEXT), unique_by=lambda entry: entry.component))
def test_what_is_written_is_read_again(entries: list[Locked]) -> None:
    assert read_lock(write_lock("campus", TREE, entries), "lock", "campus") == {entry.component: entry for entry in entries}


def test_a_decision_answers_only_what_was_asked() -> None:
    known = decision(PART, "main", COMMIT)
    assert known.answers(PART)
    assert not known.answers(Part("mod_x", "https://host/fork.git", PART.wanted))
    assert not known.answers(Part("mod_x", PART.source, Wanted("tag", "main")))
    assert not known.answers(Part("mod_y", PART.source, PART.wanted))


def test_a_choice_is_made_anew_for_another_branch_of_the_core() -> None:
    choice = Part("mod_x", PART.source, Wanted("newest", ""))
    known = decision(choice, "v1", COMMIT, "newest", "402")
    assert known.answers(choice, "402")
    assert not known.answers(choice, "403")
    assert decision(PART, "main", COMMIT, "", "402").answers(PART, "403")
    assert not known.answers(replace(choice, maturity="beta"), "402")


def test_a_password_in_the_source_is_not_in_the_lock_and_may_change() -> None:
    known = decision(Part("mod_x", "https://me:hunter2@host/x.git", PART.wanted), "main", COMMIT)
    assert "hunter2" not in write_lock("campus", TREE, [known])
    assert known.answers(Part("mod_x", "https://me:changed@host/x.git", PART.wanted))


GOOD = write_lock("campus", TREE, [decision(PART, "main", COMMIT)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lock is not a lock file"),
        ("[]", "lock is not a lock file"),
        (GOOD[: len(GOOD) // 2], "damaged entry|not YAML|not a lock file"),
        (GOOD.replace("campus", "other"), "belongs to the project 'other', not to 'campus'"),
        (GOOD.replace(COMMIT, COMMIT[:-1]), "damaged entry"),
        (GOOD.replace(COMMIT, "--exec=evil"), "damaged entry"),
        (GOOD.replace("ref: main", "ref: [main]"), "damaged entry"),
        (GOOD.replace("component: mod_x", "component: {a: b}"), "damaged entry"),
        (GOOD.replace("  ref: main\n", ""), "damaged entry"),
        ("\ufffd\ufffd", "lock is not a lock file"),
    ],
)
def test_a_damaged_lock_is_an_error_and_no_guess(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read_lock(text, "lock", "campus")


def part(name: str, commit: str) -> Component:
    return Component(name, "", 7, "7.1", "main", commit, "", "")


def test_changes_are_told_in_the_commit_message() -> None:
    old = {name: Locked(name, "s", "w", "r", commit) for name, commit in [("moodle", "1" * 40), ("mod_a", "2" * 40), ("mod_b", "3" * 40)]}
    new = [part("moodle", "9" * 40), part("mod_b", "3" * 40), part("mod_c", "4" * 40)]
    changes = compare(old, new)
    assert (changes.added, changes.removed, changes.updated) == (("mod_c",), ("mod_a",), ("moodle",))
    assert describe("campus", new, changes).splitlines() == [
        "campus: Moodle 7.1 with 2 plugins",
        "",
        "Added mod_c 7 (main, 444444444444)",
        "Updated moodle 7 (main, 999999999999)",
        "Removed mod_a",
        "",
        "Contents:",
        "  moodle 7 (main, 999999999999)",
        "  mod_b 7 (main, 333333333333)",
        "  mod_c 7 (main, 444444444444)",
    ]
