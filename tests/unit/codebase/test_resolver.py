# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For every plugin the newest ref that this Moodle and the other plugins can live with, and why; or which two ends do not meet."""

from __future__ import annotations

import pytest
from support.resolving import SERIES, at, core, error, only, pinned, reasons, refs, wish

from ansible_collections.lms.moodle.plugins.module_utils.codebase.resolving.resolver import (
    Candidate,
    Core,
    Missing,
    missing_message,
    resolve,
)
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

# What real repositories hold

ATTENDANCE = wish(
    "mod_attendance",
    at("branch MOODLE_23_STABLE", None),
    at("branch MOODLE_37_STABLE", 2019072404, requires=2019052000),
    at("branch MOODLE_38_STABLE", 2021050703, requires=2019072500, supported=[38, 310]),
    at("branch MOODLE_311_STABLE", 2021082610, requires=2021051700, supported=[311, 311]),
    at("branch MOODLE_400_STABLE", 2022083108, requires=2022031100, supported=[400, 400]),
    at("branch MOODLE_401_STABLE", 2023020107, requires=2022090200, supported=[401, 401]),
    at("branch MOODLE_402_STABLE", 2023041800, requires=2023012600, supported=[402, 402]),
    at("branch MOODLE_403_STABLE", 2024020500, requires=2023100900, supported=[403, 403]),
    at("branch 642", 2022090902, requires=2022090200, supported=[401, 401]),
    at("branch nwp90-nwp90-allsessionsreport", 2020082500, requires=2019072500),
    at("branch php81test", 2022062700, requires=2022031100, supported=[400, 400]),
    at("branch statusux", 2023021600, requires=2023012600, supported=[402, 402]),
    at("branch wipcustomfields", 2022090500, requires=2022090200, supported=[401, 401]),
)


@pytest.mark.parametrize(
    ("series", "branch"),
    [
        ("3.9", "MOODLE_38_STABLE"),
        ("3.10", "MOODLE_38_STABLE"),
        ("3.11", "MOODLE_311_STABLE"),
        ("4.0", "MOODLE_400_STABLE"),
        ("4.1", "MOODLE_401_STABLE"),
        ("4.2", "MOODLE_402_STABLE"),
        ("4.3", "MOODLE_403_STABLE"),
    ],
)
def test_a_branch_for_each_series(series: str, branch: str) -> None:
    assert str(only(ATTENDANCE, series).candidate) == f"branch {branch}"


def test_the_choice_and_each_newer_ref_that_was_left_are_explained() -> None:
    choice = only(ATTENDANCE)
    assert choice.reason == "newest compatible with Moodle 4.2: 2023041800 supports 402"
    assert reasons(choice) == {
        "branch MOODLE_403_STABLE": "needs Moodle version 2023100900 (4.3), this is 2023042400 (4.2); supports 403, not 402",
        "branch MOODLE_23_STABLE": "gives no version: line 3: '<' is beyond this reader",
    }


@pytest.mark.parametrize("series", ["4.4", "4.5"])
def test_no_compatible_version_is_the_answer_and_not_a_forgotten_branch(series: str) -> None:
    branch = SERIES[series][1]
    assert error([ATTENDANCE], series) == (
        f"mod_attendance: no version fits Moodle {series} ({branch}); the nearest, branch MOODLE_403_STABLE (2024020500), supports 403, "
        f"not {branch}; to take it nevertheless, pin it: 'branch: MOODLE_403_STABLE' and 'force: true'."
    )


def test_what_the_error_says_to_write_works() -> None:
    candidate = next(one for one in ATTENDANCE.candidates if one.name == "MOODLE_403_STABLE")
    resolution = resolve(core("4.5"), [pinned("mod_attendance", candidate, force=True)])
    assert refs(resolution) == {"mod_attendance": "branch MOODLE_403_STABLE"}
    assert resolution.warnings == ("mod_attendance: 'force' takes branch MOODLE_403_STABLE (2024020500), which supports 403, not 405.",)


VMOODLE = wish(
    "local_vmoodle",
    at("branch MOODLE_405_WORKING", 2025043003, requires=2022112801, supported=[401, 405]),
    at("branch master", 2025043003, requires=2022112801, supported=[401, 405]),
    at("tag 4.5.0012", 2025043003, "same", requires=2022112801, supported=[401, 405]),
    at("branch MOODLE_405_STABLE", 2025043003, "same", requires=2022112801, supported=[401, 405]),
    at("tag 4.1.0012", 2023061303, requires=2022112801, supported=[401, 402]),
    at("tag 4.1.0011", 2023030900, requires=2022112801, supported=[41, 41], maturity=150),
)


def test_a_tag_goes_before_branches_of_the_same_version() -> None:
    choice = only(VMOODLE, "4.5")
    assert str(choice.candidate) == "tag 4.5.0012"
    assert choice.reason.endswith("2025043003 supports 401 to 405; the same version is on branch MOODLE_405_STABLE, branch master")
    assert [(left.ref, left.reason) for left in choice.rejected] == [
        ("branch MOODLE_405_STABLE", "has the same version as tag 4.5.0012, at the same commit"),
        ("branch MOODLE_405_WORKING", "is a working branch, not a release"),
        ("branch master", "has the same version as tag 4.5.0012"),
    ]


def test_a_moodle_that_is_a_minor_release_behind_is_told_so() -> None:
    assert error([VMOODLE], "4.1") == (
        "local_vmoodle: no version fits Moodle 4.1 (401); the nearest, tag 4.5.0012 (2025043003), needs Moodle version 2022112801 (4.1.1), "
        "this is 2022112800 (4.1); to take it nevertheless, pin it: 'tag: 4.5.0012' and 'force: true' (Moodle's own upgrade goes on "
        "refusing it)."
    )


REDIS = wish(
    "tool_redis",
    at("tag v4.2-r2", 2023090101, requires=2023042400, supported=[402, 402], dependencies={"cachestore_redis": 2023042400}),
    at("tag v4.2-r10", 2023090101, requires=2023042400, supported=[402, 402], dependencies={"cachestore_redis": 2023042400}),
    at("branch main", 2023090101, requires=2023042400, supported=[402, 402], dependencies={"cachestore_redis": 2023042400}),
)


def test_a_plugin_of_the_core_is_what_another_one_needs() -> None:
    resolution = resolve(core(cachestore_redis=2023042400), [REDIS])
    assert (refs(resolution), resolution.missing, resolution.warnings) == ({"tool_redis": "tag v4.2-r10"}, (), ())


def test_a_plugin_of_the_core_that_is_too_old_is_named() -> None:
    assert "needs cachestore_redis 2023042400 or newer, and core's own cachestore_redis is 2022112800" in error(
        [REDIS], cachestore_redis=2022112800
    )


# A ref that is asked for, or held by the lock


@pytest.mark.parametrize("ref", ["branch wip", "tag v2-beta", "commit abc"])
def test_a_pinned_ref_is_taken_whatever_its_name_and_maturity(ref: str) -> None:
    choice = only(pinned("mod_x", at(ref, 1, maturity=50)))
    assert (str(choice.candidate), choice.reason, choice.rejected) == (ref, f"asked for by {ref}", ())


@pytest.mark.parametrize(
    ("locked", "message"),
    [
        (False, "mod_x: branch wip (1) was asked for, but supports 403, not 402: ask for another ref, or take it nevertheless"),
        (
            True,
            "mod_x: branch wip (1) is held by the lock, but supports 403, not 402: name mod_x under 'update', to have it decided afresh",
        ),
    ],
)
def test_a_pinned_ref_that_is_incompatible_is_an_error(locked: bool, message: str) -> None:
    assert error([pinned("mod_x", at("branch wip", 1, supported=[403, 403]), locked=locked)]).startswith(message)


@pytest.mark.parametrize("candidate", [at("branch main", None), at("branch main", 1, component="mod_y"), at("branch main", "x")])
def test_force_does_not_make_a_plugin_of_what_is_none(candidate: Candidate) -> None:
    assert "ask for another ref, or correct its source" in error([pinned("mod_x", candidate, force=True)])


def test_force_waives_what_the_plugin_asks_for_and_says_so() -> None:
    needs = {"mod_forum": 20, "mod_y": 5, "mod_gone": "any"}
    candidate = at("branch main", 3, requires=2099010100, incompatible=400, supported=[405, 405], dependencies=needs)
    resolution = resolve(core(mod_forum=10), [pinned("mod_x", candidate, force=True), pinned("mod_y", at("tag v4", 4))])
    assert refs(resolution) == {"mod_x": "branch main", "mod_y": "tag v4"}
    assert resolution.missing == ()
    assert resolution.warnings == tuple(
        f"mod_x: 'force' takes branch main (3), which {text}."
        for text in (
            "needs Moodle version 2099010100, this is 2023042400 (4.2)",
            "is incompatible with 400 and later, this is 402",
            "supports 405, not 402",
            "needs mod_forum 20 or newer, and core's own mod_forum is 10",
            "needs mod_y 5 or newer, and mod_y is 4 (tag v4)",
            "needs mod_gone (any version), and nothing brings it",
        )
    )


def test_force_does_not_waive_what_others_ask_of_the_plugin() -> None:
    wishes = [pinned("mod_x", at("tag v1", 1), force=True), wish("mod_y", at("tag v9", 9, dependencies={"mod_x": 2}))]
    assert error(wishes).startswith(
        "mod_y: no version fits together with the other plugins; the nearest, tag v9 (9), needs mod_x 2 or newer, "
        "and mod_x is 1 (tag v1), which was asked for"
    )


# Plugins that need each other


def test_a_plugin_steps_down_when_another_cannot_give_what_it_needs() -> None:
    wishes = [
        wish("mod_a", at("tag v3", 3, dependencies={"mod_b": 3}), at("tag v2", 2, dependencies={"mod_b": 2}), at("tag v1", 1)),
        wish("mod_b", at("tag v3", 3, requires=2099010100), at("tag v2", 2)),
    ]
    resolution = resolve(core(), wishes)
    assert refs(resolution) == {"mod_a": "tag v2", "mod_b": "tag v2"}
    choice = resolution.choices["mod_a"]
    assert choice.reason == (
        "newest compatible with Moodle 4.2 and the other plugins: 2 declares no 'supported', and nothing speaks against it"
    )
    assert reasons(choice) == {"tag v3": "needs mod_b 3 or newer, and mod_b is 2 at most (tag v2)"}


def test_a_conflict_names_both_ends_and_why_there_is_no_more() -> None:
    wishes = [
        wish("mod_a", at("tag v3", 3, dependencies={"mod_b": 3})),
        wish("mod_b", at("tag v3", 3, supported=[405, 405]), at("tag v2", 2, supported=[400, 402])),
    ]
    assert error(wishes) == (
        "mod_a: no version fits together with the other plugins; the nearest, tag v3 (3), needs mod_b 3 or newer, and mod_b is 2 at most "
        "(tag v2), since tag v3 (3) supports 405, not 402; ask for other refs of the two, or pin this one: 'tag: v3' and 'force: true'."
    )


def test_a_conflict_speaks_of_releases_where_there_are_any() -> None:
    other = wish("mod_b", at("tag v4", 4, supported=[405, 405]), at("branch wip", 3), at("tag v2", 2, supported=[400, 402]))
    assert ", since tag v4 (4) supports 405, not 402;" in error([wish("mod_a", at("tag v3", 3, dependencies={"mod_b": 3})), other])


def test_a_pinned_ref_in_a_conflict() -> None:
    wishes = [pinned("mod_a", at("branch x", 3, dependencies={"mod_b": 3}), locked=True), wish("mod_b", at("tag v2", 2))]
    assert error(wishes) == (
        "mod_a: branch x (3) is held by the lock, but needs mod_b 3 or newer, and mod_b is 2 at most (tag v2), and its source has "
        "nothing newer: name mod_a under 'update', to have it decided afresh, or take it nevertheless with 'force: true'."
    )


def test_a_circle_that_holds_is_a_warning_naming_both_ends() -> None:
    wishes = [wish("mod_a", at("tag v2", 2, dependencies={"mod_b": 2})), wish("mod_b", at("tag v2", 2, dependencies={"mod_a": "any"}))]
    resolution = resolve(core(), wishes)
    assert refs(resolution) == {"mod_a": "tag v2", "mod_b": "tag v2"}
    assert resolution.warnings == ("mod_a and mod_b need each other: Moodle accepts that, as long as both are there.",)


def test_every_circle_is_told_and_a_plugin_that_needs_itself_is_none() -> None:
    needs = {"mod_a": ["mod_a", "mod_b", "mod_d"], "mod_b": ["mod_c"], "mod_c": ["mod_a"], "mod_d": ["mod_a"], "mod_e": ["mod_a"]}
    wishes = [wish(name, at("tag v1", 1, dependencies=dict.fromkeys(others, "any"))) for name, others in needs.items()]
    assert sorted(resolve(core(), wishes).warnings) == [
        "mod_a and mod_d need each other: Moodle accepts that, as long as both are there.",
        "mod_a needs mod_b, which needs mod_c, which needs mod_a: Moodle accepts that, as long as all are there.",
    ]


def test_a_circle_that_does_not_hold_is_an_error_naming_both_ends() -> None:
    wishes = [
        wish("mod_a", at("tag v1", 1, dependencies={"mod_b": 2})),
        wish("mod_b", at("tag v2", 2, dependencies={"mod_a": 9}), at("tag v1", 1)),
    ]
    assert error(wishes) == (
        "mod_a: no version fits together with the other plugins; the nearest, tag v1 (1), needs mod_b 2 or newer, and mod_b is 1 at most "
        "(tag v1), since tag v2 (2) needs mod_a 9 or newer, and mod_a is 1 at most (tag v1); ask for other refs of the two, or pin this "
        "one: 'tag: v1' and 'force: true'."
    )


def test_all_problems_are_told_at_once() -> None:
    told = error([ATTENDANCE, wish("mod_b", at("tag v1", 1, dependencies={"mod_attendance": 1})), wish("mod_c")], "4.5")
    assert [name in told for name in ("mod_attendance: no version fits", "mod_b:", "mod_c: no version fits")] == [True, False, True]


# What is missing

NEEDY = wish("mod_a", at("tag v2", 2, dependencies={"local_x": 2024050305.01, "tool_y": "any"}), at("tag v1", 1))


def test_a_missing_plugin_is_named_and_never_avoided_by_an_older_version() -> None:
    resolution = resolve(core(), [NEEDY, wish("mod_b", at("tag v1", 1, dependencies={"local_x": 7}))])
    assert refs(resolution) == {"mod_a": "tag v2", "mod_b": "tag v1"}
    assert resolution.missing == (
        Missing("local_x", "mod_a", "2024050305.01"),
        Missing("tool_y", "mod_a", "any"),
        Missing("local_x", "mod_b", "7"),
    )
    assert missing_message(resolution.missing) == (
        "Missing: local_x (mod_a needs 2024050305.01 or newer, mod_b needs 7 or newer), tool_y (mod_a needs any version): declare what is "
        "missing under 'plugins', or set 'resolve_dependencies: true' with a 'plugin_list'."
    )


def test_what_was_missing_is_added_and_asked_in_turn() -> None:
    added = [wish("local_x", at("tag v3", 2024050306, dependencies={"local_z": 1})), wish("tool_y", at("tag v1", 1))]
    resolution = resolve(core(), [NEEDY, *added])
    assert (refs(resolution)["mod_a"], resolution.missing) == ("tag v2", (Missing("local_z", "local_x", "1"),))


@pytest.mark.parametrize(("inside", "chosen", "missing"), [(2024050306, "tag v2", 1), (2024050305, "tag v1", 0), (None, "tag v2", 1)])
def test_a_sub_plugin_inside_another_plugin_is_there(inside: int | None, chosen: str, missing: int) -> None:
    bringer = wish("mod_b", at("tag v1", 1, brings={"local_x": inside}))
    resolution = resolve(core(), [NEEDY, bringer])
    assert (refs(resolution)["mod_a"], len(resolution.missing)) == (chosen, missing)
    assert [warning for warning in resolution.warnings if "could not be checked" in warning] == (
        [
            "mod_a: tag v2 (2) needs local_x 2024050305.01 or newer, which could not be checked: the local_x inside mod_b is "
            "an unknown version (tag v1 (1))."
        ]
        if inside is None
        else []
    )


def test_a_sub_plugin_that_goes_down_with_its_bringer_takes_along_who_needs_it() -> None:
    bringer = [at("tag v2", 2, brings={"local_x": 5}, dependencies={"mod_c": 9}), at("tag v1", 1, brings={"local_x": 3})]
    needy = wish("mod_a", at("tag v2", 2, dependencies={"local_x": 5}), at("tag v1", 1))
    resolution = resolve(core(), [needy, wish("mod_b", *bringer), wish("mod_c", at("tag v1", 1))])
    assert refs(resolution) == {"mod_a": "tag v1", "mod_b": "tag v1", "mod_c": "tag v1"}
    assert reasons(resolution.choices["mod_a"]) == {"tag v2": "needs local_x 5 or newer, and the local_x inside mod_b is 3 (tag v1 (1))"}


def test_a_plugin_of_the_core_with_an_unknown_version_is_there() -> None:
    resolution = resolve(core(local_x=None, tool_y=None), [NEEDY])
    assert (refs(resolution)["mod_a"], resolution.missing) == ("tag v2", ())
    assert "core's own local_x is an unknown version" in resolution.warnings[0]


def test_a_core_without_numbers_is_no_core() -> None:
    with pytest.raises(BadInput, match="is its source a Moodle"):
        resolve(Core(2023042400, "dev", ""), [])
