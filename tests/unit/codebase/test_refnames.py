# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name is a hint: it tells releases from work in progress, and decides between refs that carry the same version."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.codebase.resolving.refnames import (
    is_release_branch,
    names_series,
    natural,
    prerelease,
)


@pytest.mark.parametrize(
    "name",
    [
        "MOODLE_405_STABLE",
        "MOODLE_405",
        "MOODLE_24-26_STABLE",
        "MOODLE_4.5",
        "MOODLE_4.5_STABLE",
        "MOODLE_39_STABLE",
        "MOODLE_401-405",
        "moodle45",
        "main",
        "master",
        "stable",
        "v4.5",
        "V4",
        "4.5",
        "4.5.x",
        "4.x",
        "4.5-stable",
        "405-stable",
        "release/4.5",
        "release-4.5.1",
        "releases/v4.5",
        "stable/4.5",
        "stable-405",
    ],
)
def test_a_branch_that_is_published_from(name: str) -> None:
    assert is_release_branch(name)


@pytest.mark.parametrize(
    "name",
    [
        "MOODLE_405_WORKING",
        "develop",
        "development",
        "wipcustomfields",
        "statusux",
        "642",
        "php81test",
        "nwp90-nwp90-allsessionsreport",
        "feature/x",
        "main-fix",
        "dependabot/npm/v4.5",
        "MOODLE_405_STABLE-fix",
        "release/4.5-hotfix",
        "v4.5-dev",
        "mastery",
        "fix_main",
        "4.5-wip",
        "stable/x",
        "gh-pages",
        "release",
    ],
)
def test_a_branch_that_is_worked_on(name: str) -> None:
    assert not is_release_branch(name)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("v4.5-rc1", "rc"),
        ("v4.5RC2", "rc"),
        ("2.0beta", "beta"),
        ("beta-3", "beta"),
        ("v1_alpha_2", "alpha"),
        ("v3.0-dev", "dev"),
        ("develop-3", "dev"),
        ("v3-development", "dev"),
        ("v4.5-r3", ""),
        ("archive-2", ""),
        ("4.5.0012", ""),
        ("device-1", ""),
        ("alphabet-1", ""),
    ],
)
def test_a_tag_that_says_it_is_no_release(name: str, word: str) -> None:
    assert prerelease(name) == word


@pytest.mark.parametrize(
    ("name", "branch"),
    [
        ("MOODLE_405_STABLE", 405),
        ("MOODLE_45", 405),
        ("MOODLE_40_STABLE", 400),
        ("MOODLE_39_STABLE", 39),
        ("MOODLE_310_STABLE", 310),
        ("v4.5", 405),
        ("4.5.x", 405),
        ("v3.9-r2", 39),
        ("release/3.11", 311),
        ("MOODLE_401-405", 403),
        ("MOODLE_24-26_STABLE", 25),
    ],
)
def test_a_name_speaks_of_a_series(name: str, branch: int) -> None:
    assert names_series(name, branch)
    assert not names_series(name, 500)


def test_a_name_without_numbers_speaks_of_none() -> None:
    assert not any(names_series(name, branch) for name in ("main", "x", "2024050300") for branch in (39, 310, 405))


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_numbers_in_names_are_compared_as_numbers(one: int, other: int) -> None:
    assert (natural(f"v4.5-r{one}") < natural(f"v4.5-r{other}")) == (one < other)


@given(st.text(), st.text(), st.integers(0, 1000))
@example("\u00b2", "\u0663", 405)  # digits, but not ours
def test_any_name_is_read_and_any_two_are_compared(one: str, other: str, branch: int) -> None:
    assert (natural(one) < natural(other)) in (True, False)
    assert is_release_branch(one) in (True, False)
    assert names_series(one, branch) in (True, False)
    assert isinstance(prerelease(one), str)
