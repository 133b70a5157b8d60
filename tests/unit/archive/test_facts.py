# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may differ is declared; all else is a difference, and a removal that was broken off leaves only less."""

from __future__ import annotations

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.archive.facts import Value, changes, compare, only_less

HELD: dict[str, dict[str, Value]] = {
    "settings": {"shortname": "LAW", "idnumber": "L-1", "visible": "1"},
    "activities": {"forum/section 1/News [x]": "visible 1", "page/section 2/Read": "visible 1"},
    "enrolments": {"ann": "active", "bob": "suspended"},
    "grades": {"mod/assign/Essay/0": "2 grades aa", "course///": "2 grades bb"},
    "files": {"mod_resource/content/a.pdf": "hash", "assignsubmission_file/submission_files#/mine.pdf": "hash"},
    "rows": {"forum_posts": 7, "forum_read": 9},
    "times": {"course": 1},
}


def with_(section: str, **values: Value) -> dict[str, dict[str, Value]]:
    return {**HELD, section: {**HELD.get(section, {}), **values}}


def without(section: str, key: str) -> dict[str, dict[str, Value]]:
    return {**HELD, section: {name: value for name, value in HELD[section].items() if name != key}}


def test_the_same_is_no_difference() -> None:
    assert compare(HELD, HELD) == []
    assert changes(HELD, HELD) == []


@pytest.mark.parametrize(
    "archive",
    [
        with_("settings", shortname="LAW_1"),
        with_("settings", idnumber=""),
        without("settings", "idnumber"),
        with_("settings", showreports="1"),
        with_("grades", **{"course///": "2 grades cc"}),
        with_("questions", **{"essay/More": 1}),
        with_("rows", forum_read=0),
        with_("times", course=99),
        with_("methods", manual=1),
    ],
)
def test_what_may_differ_has_a_reason_and_is_reported(archive: dict[str, dict[str, Value]]) -> None:
    (found,) = compare(HELD, archive)
    assert found.allowed


@pytest.mark.parametrize(
    "archive",
    [
        with_("settings", shortname="LAWS"),
        with_("settings", shortname="OTHER_1"),
        with_("settings", idnumber="L-2"),
        with_("settings", visible="0"),
        without("activities", "forum/section 1/News [x]"),
        with_("activities", **{"label/section 1/New": "visible 1"}),
        with_("enrolments", bob="active"),
        without("enrolments", "ann"),
        with_("grades", **{"mod/assign/Essay/0": "1 grades aa"}),
        with_("files", **{"mod_resource/content/a.pdf": "other"}),
        without("files", "mod_resource/content/a.pdf"),
        with_("rows", forum_posts=6),
        without("rows", "forum_posts"),
    ],
)
def test_every_other_difference_counts(archive: dict[str, dict[str, Value]]) -> None:
    (found,) = compare(HELD, archive)
    assert found.allowed is None


def test_user_may_declare_more() -> None:
    (found,) = compare(HELD, with_("rows", forum_posts=6), accept=["rows/forum_*"])
    assert found.allowed == "accepted by whoever asked for it"


def test_without_people_what_is_theirs_may_be_missing_but_nothing_may_be_new() -> None:
    archive: dict[str, dict[str, Value]] = {name: HELD[name] for name in ("settings", "activities", "times")}
    archive["files"] = {"mod_resource/content/a.pdf": "hash"}
    assert all(found.allowed for found in compare(HELD, archive, users=False))
    assert any(not found.allowed for found in compare(HELD, archive))
    assert [found.where for found in compare(HELD, with_("enrolments", eve="active"), users=False) if not found.allowed] == [
        "enrolments/eve"
    ]
    lost = without("files", "mod_resource/content/a.pdf")
    assert [found.where for found in compare(HELD, lost, users=False) if not found.allowed] == ["files/mod_resource/content/a.pdf"]
    assert [found.where for found in compare(HELD, without("activities", "page/section 2/Read"), users=False) if not found.allowed]


def test_source_against_itself_knows_no_exceptions() -> None:
    assert changes(HELD, with_("times", course=2)) == ["times/course"]
    assert changes(HELD, with_("rows", forum_read=10)) == ["rows/forum_read"]


def test_broken_off_removal_leaves_less_and_nothing_new() -> None:
    assert only_less(HELD, {"settings": HELD["settings"]})
    assert only_less(HELD, with_("rows", forum_posts=2))
    assert only_less(HELD, with_("times", course=5))
    assert not only_less(HELD, with_("rows", forum_posts=8))
    assert not only_less(HELD, with_("activities", **{"label/section 1/New": "visible 1"}))
    assert not only_less(HELD, with_("settings", shortname="LAWS"))
