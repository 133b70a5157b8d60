# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which courses belong to a run: by a name that moves with the year, and by a query."""

from __future__ import annotations

from datetime import date

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.archive.selection import rows_for_query, selected
from ansible_collections.lms.moodle.plugins.module_utils.archive.sliding import filled, session_of, slides
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

ROWS = [
    {"id": 2, "shortname": "LAW", "visible": True, "startdate": 1756684800},  # 2025-09-01
    {"id": 3, "shortname": "ART", "visible": False, "startdate": 1756598400},  # 2025-08-31
    {"id": 4, "shortname": "OLD", "visible": True, "startdate": 0},
]


@pytest.mark.parametrize(
    ("day", "first", "offset", "session"),
    [
        (date(2025, 9, 1), 9, 0, (2025, 2026)),
        (date(2025, 8, 31), 9, 0, (2024, 2025)),
        (date(2026, 1, 1), 9, 0, (2025, 2026)),
        (date(2026, 1, 1), 9, -1, (2024, 2025)),
        (date(2026, 7, 1), 1, 0, (2026, 2026)),
        (date(2099, 10, 1), 10, 1, (2100, 2101)),
    ],
)
def test_session_of_a_day(day: date, first: int, offset: int, session: tuple[int, int]) -> None:
    assert session_of(day, first, offset) == session


def test_only_the_years_are_filled_in() -> None:
    assert filled("S{start2}{end2} {start}-{end} {other} {}", (2009, 2010)) == "S0910 2009-2010 {other} {}"
    assert (slides("{start}"), slides("a {year} b")) == (True, False)


def test_query_sees_the_session_in_which_a_course_begins() -> None:
    rows = rows_for_query(ROWS, 9)
    assert [row["session"] for row in rows] == ["2025-2026", "2024-2025", ""]
    assert [row["id"] for row in selected("[?session=='2025-2026']", rows)] == [2]
    assert [row["id"] for row in selected("[?visible].id", rows)] == [2, 4]
    assert selected("[?shortname=='NONE']", rows) == []


@pytest.mark.parametrize("query", ["[?", "[*].shortname", "length(@)", "[?unknown(@)]"])
def test_query_that_returns_no_courses_is_refused(query: str) -> None:
    with pytest.raises(BadInput, match="'select'"):
        selected(query, ROWS)
