# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a version.php says for and against a Moodle, compared as Moodle compares; and the nearest ref where none fits."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.resolving import at, core, error, only, reasons, wish

from ansible_collections.lms.moodle.plugins.module_utils.codebase.resolving.candidates import (
    number,
    series_of_branch,
    series_of_version,
    shown,
)
from ansible_collections.lms.moodle.plugins.module_utils.codebase.resolving.resolver import Candidate, Wish, resolve
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

# What a version.php says

FITTING = at("tag v1", 1, supported=[400, 402])


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"requires": 2023042400.01}, "needs Moodle version 2023042400.01 (4.2), this is 2023042400 (4.2)"),
        ({"requires": "2023042401"}, "needs Moodle version 2023042401 (4.2.1), this is 2023042400 (4.2)"),
        ({"requires": "4.3"}, None),  # the number that it is, as for Moodle
        ({"requires": "next"}, "has a 'requires' (next) that is no number"),
        ({"requires": "any"}, None),
        ({"requires": 0}, None),
        ({"requires": 2099010100}, "needs Moodle version 2099010100, this is 2023042400 (4.2)"),
        ({"supported": [39, 311]}, "supports 39 to 311, not 402"),
        ({"supported": [39, 402]}, None),
        ({"supported": [41, 42]}, "supports 41 to 42, not 402"),
        ({"supported": [402]}, "has a 'supported' ([402]) that is not a first and a last branch, which Moodle refuses"),
        ({"supported": ["402", "402"]}, "has a 'supported' (['402', '402']) that is not a first and a last branch, which Moodle refuses"),
        ({"supported": [405, 401]}, "has a 'supported' ([405, 401]) that is not a first and a last branch, which Moodle refuses"),
        ({"supported": 402}, "has a 'supported' (402) that is not a first and a last branch, which Moodle refuses"),
        ({"incompatible": 403}, None),
        ({"incompatible": 402}, "is incompatible with 402 and later, this is 402"),
        ({"incompatible": "39"}, "is incompatible with 39 and later, this is 402"),
        ({"incompatible": [402]}, "has an 'incompatible' ([402]) that is no branch number, which Moodle refuses"),
        ({"maturity": 200}, None),
        ({"maturity": 150}, "is a release candidate; 'maturity: rc' takes it"),
        ({"maturity": 100}, "is a beta; 'maturity: beta' takes it"),
        ({"maturity": 50}, "is an alpha; 'maturity: alpha' takes it"),
        ({"maturity": "stable"}, "has a maturity (stable) that Moodle does not know"),
        ({"component": "mod_x"}, None),
        ({"component": "mod_y"}, "calls itself mod_y"),
        ({"dependencies": []}, None),
        ({"dependencies": {"mod_forum": "any"}}, None),
        ({"dependencies": {"mod_forum": 0}}, None),
        ({"dependencies": {"mod_forum": 10}}, None),
        ({"dependencies": {"mod_forum": 10.5}}, "needs mod_forum 10.5 or newer, and core's own mod_forum is 10.25"),
        ({"dependencies": {"mod_forum": "new"}}, "needs mod_forum at 'new', which is no version"),
        ({"dependencies": ["mod_forum"]}, "has 'dependencies' (['mod_forum']) that name no plugins"),
        ({"version": "newest"}, "has a version (newest) that is no number"),
        ({"version": False}, "has a version (False) that is no number"),
    ],
)
def test_what_keeps_a_newer_version_away(properties: dict[str, Any], reason: str | None) -> None:
    choice = only(wish("mod_x", FITTING, at("tag v2", **{"version": 2, "supported": [400, 402], **properties})), mod_forum="10.25")
    assert (str(choice.candidate), reasons(choice)) == (("tag v1", {"tag v2": reason}) if reason else ("tag v2", {}))


@pytest.mark.parametrize(("series", "fits"), [("3.9", True), ("3.10", True), ("3.11", False), ("4.0", False)])
def test_3_10_lies_between_3_9_and_3_11(series: str, fits: bool) -> None:
    wished = wish("mod_x", at("tag v2", 2, incompatible=311), at("tag v1", 1))
    assert str(only(wished, series).candidate) == ("tag v2" if fits else "tag v1")


@pytest.mark.parametrize(("lowest", "tag"), [("stable", "v1"), ("rc", "v2-rc1"), ("beta", "v3"), ("alpha", "v4")])
def test_the_lowest_maturity_that_is_taken(lowest: str, tag: str) -> None:
    candidates = [at("tag v1", 1), at("tag v2-rc1", 2), at("tag v3", 3, maturity=100), at("tag v4", 4, maturity=50), at("tag v5-dev", 5)]
    choice = only(wish("mod_x", *candidates, maturity=lowest))
    assert choice.candidate.name == tag
    assert reasons(choice)["tag v5-dev"] == "is named dev, which is not a release"


def test_of_tags_with_the_same_version_the_one_that_is_no_candidate_is_taken() -> None:
    assert str(only(wish("mod_x", at("tag v2-rc1", 2), at("tag v2", 2), maturity="rc")).candidate) == "tag v2"


def test_a_newer_version_that_is_young_is_the_nearest_and_needs_no_force() -> None:
    assert error([wish("mod_x", at("tag v2", 2, maturity=100), at("tag v1", 1, supported=[401, 401]))]) == (
        "mod_x: no version fits Moodle 4.2 (402); the nearest, tag v2 (2), is a beta; 'maturity: beta' takes it; "
        "to take it nevertheless, pin it: 'tag: v2'."
    )


def test_a_newer_version_that_declares_outweighs_an_older_one_that_declares_nothing() -> None:
    candidates = [at("tag v1", 1), at("tag v2", 2, supported=[400, 401])]
    assert str(only(wish("mod_x", *candidates), "4.1").candidate) == "tag v2"
    assert error([wish("mod_x", *candidates)], "4.3") == (
        "mod_x: no version fits Moodle 4.3 (403); the nearest, tag v2 (2), supports 400 to 401, not 403; to take it nevertheless, pin it: "
        "'tag: v2' and 'force: true'."
    )


def test_a_version_is_not_outweighed_by_its_equal() -> None:
    same = [at("tag v2", 2, supported=[403, 403]), at("branch main", 2)]
    assert str(only(wish("mod_x", *same, at("tag v1", 1))).candidate) == "branch main"


def test_an_old_version_that_declares_itself_is_not_outweighed() -> None:
    assert str(only(wish("mod_x", at("tag v1", 1, supported=[402, 402]), at("tag v2", 2, supported=[403, 403]))).candidate) == "tag v1"


@pytest.mark.parametrize("newer", ["branch wip", "tag v2-beta", "branch foreign"])
def test_what_is_no_release_outweighs_nothing(newer: str) -> None:
    properties: dict[str, Any] = {"component": "mod_y"} if newer == "branch foreign" else {}
    assert str(only(wish("mod_x", at("tag v1", 1), at(newer, 2, supported=[403, 403], **properties))).candidate) == "tag v1"


def test_of_branches_with_the_same_version_the_one_for_this_series_is_taken() -> None:
    same = [at(f"branch {name}", 7) for name in ("MOODLE_401_STABLE", "MOODLE_402_STABLE", "main")]
    assert [str(only(wish("mod_x", *some)).candidate) for some in itertools.permutations(same)] == ["branch MOODLE_402_STABLE"] * 6
    assert [str(only(wish("mod_x", *some), "4.5").candidate) for some in itertools.permutations(same)] == ["branch MOODLE_401_STABLE"] * 6


def test_a_version_above_one_whole_number_is_newer() -> None:
    wished = wish("mod_x", at("tag a", 2024050305), at("tag b", 2024050305.01), at("tag c", "2024050305.0099"))
    assert str(only(wished).candidate) == "tag b"
    assert "2024050305.01 declares no 'supported'" in only(wished).reason


def test_hundreds_of_tags_of_one_version_share_a_line() -> None:
    choice = only(wish("mod_x", *(at(f"tag r{place}", 5, "same") for place in range(300)), at("tag z", 6, requires=2099010100)))
    assert str(choice.candidate) == "tag r299"
    assert [left.ref for left in choice.rejected] == ["tag z", "tag r298, tag r297, tag r296 and 296 more"]


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([], "since its source has neither tags nor branches"),
        ([at("tag v1", None), at("branch main", None)], r"none of its 2 refs can be used \(tag v1 gives no version: line 3"),
        ([at("branch wip", 5), at("branch old", 4)], "the nearest, branch wip .5., is a working branch.*pin it: 'branch: wip'."),
        ([at("branch wip", 5, supported=[403, 403])], "a release; supports 403, not 402; .* 'branch: wip' and 'force: true'."),
        ([at("branch wip", 5, supported=[402, 402]), at("branch main", 4, supported=[403, 403])], "the nearest, branch main"),
        ([at("tag v2", 2, requires=2099010100, supported=[403, 403]), at("tag v1", 1, supported=[39, 39])], "the nearest, tag v1"),
        ([at("tag v2", 2, requires=2023042401, supported=[402, 403]), at("tag v1", 1, supported=[401, 401])], "the nearest, tag v2"),
        (
            [at("tag v2", 2, requires=2023042401, supported=[402, 402]), at("tag v1", 1, supported=[39, 39]), at("tag v4.2", 0)],
            "the nearest, tag v2",
        ),
        ([at("tag v3", 3, supported=[404, 404]), at("tag v2", 2, supported=[400, 401])], "the nearest, tag v2"),
        ([at("tag v3", 3, supported=[404, 404]), at("branch MOODLE_402_STABLE", 2)], r"pin it: 'branch: MOODLE_402_STABLE'\."),
        ([Candidate("zip", "https://host/x.zip", "c", {"version": 1, "supported": [39, 39]})], "pin it: 'force: true'."),
    ],
)
def test_the_nearest_and_how_to_pin_it(candidates: list[Candidate], message: str) -> None:
    with pytest.raises(BadInput, match=f"^mod_x: no version fits Moodle 4.2 .402.*{message}"):
        only(wish("mod_x", *candidates))


# A version that is asked for

RELEASES = [
    at("tag v3", 3, release="1.3", supported=[403, 403]),
    at("tag v2", 2, release="1.2 (Build: 2)", maturity=100),
    at("branch main", 2, release="1.2"),
    at("branch wip", 1, release="1.1"),
    at("tag broken", None),
    at("tag v0-beta", 0.5, release="0.5"),
]


@pytest.mark.parametrize(("exact", "ref"), [("2", "tag v2"), ("2.0", "tag v2"), ("1.2", "tag v2")])
def test_a_version_that_is_asked_for_by_number_or_release(exact: str, ref: str) -> None:
    choice = only(wish("mod_x", *RELEASES, exact=exact))
    assert str(choice.candidate) == ref
    assert choice.reason == f"version {exact} was asked for; the same version is on branch main"
    assert reasons(choice)["tag v3"] == f"is not version {exact}, which was asked for"


def test_a_version_that_is_asked_for_may_be_young_by_its_name() -> None:
    assert str(only(wish("mod_x", *RELEASES, exact="0.5")).candidate) == "tag v0-beta"


def test_force_takes_the_version_that_is_asked_for_and_nothing_else() -> None:
    forced = Wish("mod_x", False, True, "stable", "1.3", RELEASES)
    resolution = resolve(core(), [forced])
    assert str(resolution.choices["mod_x"].candidate) == "tag v3"
    assert resolution.warnings == ("mod_x: 'force' takes tag v3 (3), which supports 403, not 402.",)
    assert "no version fits" in error([replace(forced, exact="")])


@pytest.mark.parametrize(
    ("exact", "message"),
    [
        ("9", "no ref of its source carries it; the newest are tag v3 .3., tag v2 .2., branch main .2.: ask for one of them"),
        ("1.3", "no release of it fits Moodle 4.2 .402.; the nearest, tag v3 .3., supports 403, not 402; .*'tag: v3' and 'force: true'"),
        ("1.1", "the nearest, branch wip .1., is a working branch, not a release; .*pin it: 'branch: wip'"),
    ],
)
def test_a_version_that_cannot_be_had(exact: str, message: str) -> None:
    with pytest.raises(BadInput, match=f"^mod_x: version {exact} was asked for, and .*{message}"):
        only(wish("mod_x", *RELEASES, exact=exact))


# Numbers


@given(st.integers(0, 2**62), st.integers(0, 99))
def test_a_number_is_what_it_looks_like(whole: int, part: int) -> None:
    assert number(whole) == number(str(whole)) == whole
    assert number(f"{whole}.{part:02d}") == Decimal(whole) + Decimal(part) / 100
    assert shown(number(f"{whole}.{part:02d}")) == (f"{whole}.{part:02d}".rstrip("0").rstrip(".") if "." in f"{whole}.{part:02d}" else "")


@pytest.mark.parametrize("value", [None, True, "", "x", "1e5", "1_000", "²", float("inf"), float("nan"), [1], {}])
def test_what_is_no_number(value: object) -> None:
    assert number(value) is None


def test_series_in_words() -> None:
    assert [series_of_branch(branch) for branch in (39, 310, 311, 400, 405, 500)] == ["3.9", "3.10", "3.11", "4.0", "4.5", "5.0"]
    told = {"2023042400": "4.2", "2023042403.05": "4.2.3", "2023012600": "4.2", "2017010100": "", "2099010100": "", "9" * 50: ""}
    assert {version: series_of_version(Decimal(version)) for version in told} == told
