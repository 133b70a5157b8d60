# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What becomes of a course when the run is started again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.archive.course import STATES, Course, figures, human, merge

LAW = Course(2, "LAW", estimate=10)
ART = Course(3, "ART", estimate=5)
KEPT = replace(LAW, state="backed_up", file="backups/2/x/course.mbz", size=7, checksum="c")


def test_new_courses_are_written_and_a_second_time_nothing_is() -> None:
    first = merge({}, [LAW, ART])
    assert (first.courses, first.written, first.dropped) == ([LAW, ART], [LAW, ART], [])
    again = merge({2: LAW, 3: ART}, [LAW, ART])
    assert (again.courses, again.written, again.dropped) == ([LAW, ART], [], [])


def test_backup_stays_as_it_is_recorded_whatever_the_course_is_now() -> None:
    assert merge({2: KEPT}, [replace(LAW, shortname="LAW-2", estimate=99)]).courses == [KEPT]


def test_backup_of_a_course_that_left_the_category_is_kept() -> None:
    merged = merge({2: KEPT, 3: ART}, [])
    assert (merged.courses, merged.dropped) == ([KEPT], [ART])


@pytest.mark.parametrize("made", [{"target": 7}, {"file": "backups/2/x/course.mbz"}])
def test_what_was_ever_made_of_a_course_is_not_forgotten(made: dict[str, object]) -> None:
    known = Course.from_data({"id": 2, "shortname": "LAW", "state": "estimated", **made})
    assert (merge({2: known}, []).courses, merge({2: known}, []).dropped) == ([known], [])


@pytest.mark.parametrize("state", ["planned", "estimated", "failed"])
def test_course_that_is_not_backed_up_is_described_afresh_in_its_state(state: str) -> None:
    renamed = replace(LAW, shortname="LAW-2")
    merged = merge({2: replace(LAW, state=state, error="because")}, [renamed])
    assert merged.courses == merged.written == [replace(renamed, state=state, error="because")]


def test_figures_count_each_course_once_in_every_state() -> None:
    result = figures([KEPT, ART])
    assert result["counts"] == {**dict.fromkeys(STATES, 0), "planned": 1, "backed_up": 1}
    assert result["bytes"] == {"estimated": 15, "foreseen": 4, "written": 7, "freed": 0}


def test_what_a_later_version_wrote_is_left_out() -> None:
    assert Course.from_data({"id": 2, "shortname": "LAW", "estimate": 10, "mood": "fine"}) == LAW


def test_sizes_as_people_say_them() -> None:
    assert [human(size) for size in (0, 999, 1000, 12_345_678, 5e12)] == ["0 B", "999 B", "1.0 kB", "12.3 MB", "5.0 TB"]
