# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moodle's order of versions, and the refs that a version form stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.codebase.resolving.versions import core_ref, release_of_tag, stable_branch
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

TAGS = [
    "v3.9.0",
    "v3.9.25",
    "v3.10.0",
    "v3.10.11",
    "v4.0",
    "v4.0.1",
    "v4.5.0-beta",
    "v4.5.0-rc1",
    "v4.4.0",
    "v4.4.10",
    "v4.4.9",
    "other",
    "v4.6.0-rc2",
]
BRANCHES = ["main", "MOODLE_39_STABLE", "MOODLE_310_STABLE", "MOODLE_400_STABLE", "MOODLE_404_STABLE"]


@pytest.mark.parametrize(
    ("series", "branch"),
    [
        ((2, 9), "MOODLE_29_STABLE"),
        ((3, 9), "MOODLE_39_STABLE"),
        ((3, 10), "MOODLE_310_STABLE"),
        ((3, 11), "MOODLE_311_STABLE"),
        ((4, 0), "MOODLE_400_STABLE"),
        ((4, 5), "MOODLE_405_STABLE"),
        ((5, 0), "MOODLE_500_STABLE"),
        ((5, 10), "MOODLE_510_STABLE"),
    ],
)
def test_the_stable_branch_of_a_series(series: tuple[int, int], branch: str) -> None:
    assert stable_branch(series) == branch


@pytest.mark.parametrize(
    ("version", "ref"),
    [
        ("3.9", ("tag", "v3.9.25")),
        ("3.10", ("tag", "v3.10.11")),
        ("4.0", ("tag", "v4.0.1")),
        ("4.0.0", ("tag", "v4.0")),
        ("4.4", ("tag", "v4.4.10")),
        ("4.4.9", ("tag", "v4.4.9")),
        ("4.4+", ("branch", "MOODLE_404_STABLE")),
        ("3.10+", ("branch", "MOODLE_310_STABLE")),
    ],
)
def test_a_version_form_stands_for_a_ref(version: str, ref: tuple[str, str]) -> None:
    assert core_ref(version, TAGS, BRANCHES) == ref


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("4.5", "no release of this series"),  # a beta and a candidate are none
        ("4.6", "no release of this series"),
        ("4.4.11", "of this series it has v4.4.0, v4.4.9, v4.4.10"),
        ("4.5+", "MOODLE_405_STABLE, which the source does not have"),
        ("4.5.1", "it has none"),
    ],
)
def test_a_version_that_is_not_there_is_told(version: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        core_ref(version, TAGS, BRANCHES)


NUMBERS = st.integers(0, 30)


@given(st.sets(st.tuples(NUMBERS, NUMBERS, NUMBERS), min_size=1), st.randoms())
def test_the_latest_release_is_found_by_number_and_in_any_order(releases: set[tuple[int, int, int]], chance: object) -> None:
    tags = [f"v{major}.{minor}.{patch}" for major, minor, patch in releases]
    chance.shuffle(tags)  # type: ignore[attr-defined]
    for series in {release[:2] for release in releases}:
        kind, tag = core_ref(f"{series[0]}.{series[1]}", tags, [])
        assert kind == "tag"
        assert release_of_tag(tag) == max(release for release in releases if release[:2] == series)
