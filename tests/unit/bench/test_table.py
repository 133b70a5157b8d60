# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The figures of the benchmark's table, and the page that it goes into."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.measure import Grown, Growth, Measured, Race, Row, Way, grow, run
from bench.run import JOBS, PAGE, RACES
from bench.table import BEGIN, END, put, render, verdict

OURS, ORDINARY, OTHER = (Way(name, lambda _: None) for name in ("ours", "ordinary", "other"))


def test_ways_take_turns_and_one_that_two_rows_share_runs_once_a_round() -> None:
    done: list[str] = []
    ours, ordinary, other = (Way(name, lambda number, name=name: done.append(f"{name}{number}")) for name in ("a", "b", "c"))
    measured = run(Race("code", 2, [Row("work", ours, ordinary), Row("work", ours, other)]), lambda _: None)
    assert done == ["a0", "b0", "c0", "a1", "b1", "c1"]
    assert [len(one.ours) for one in measured] == [2, 2]


def test_ratio_compares_each_round_with_itself() -> None:
    # The machine was ten times slower in the last round, for both.
    assert Measured(Row("work", OURS, ORDINARY), [1, 1, 10], [3, 2, 20]).ratio == 2


def test_growth_is_measured_at_every_size_and_tells_what_one_more_costs() -> None:
    done: list[str] = []
    ways = {"a": {size: Way("a", lambda number, size=size: done.append(f"{size}:{number}")) for size in (1, 5)}}
    grown = grow(Growth("code", 2, "plugins", ways), lambda _: None)
    assert done == ["1:0", "5:0", "1:1", "5:1"]
    assert [len(seconds) for seconds in grown.seconds["a"].values()] == [2, 2]
    text = render("Conditions.", [], {}, [Grown(grown.growth, {"a": {1: [0.5, 0.5], 5: [0.7, 0.7]}})])
    assert "| s (median of 2), code with | 1 plugins | 5 plugins | each further one |" in text
    assert "| a | 0.50 | 0.70 | 50.0 ms |" in text


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(0.5, "**2.0 times slower**"), (0.97, "as fast"), (1.04, "as fast"), (4.44, "4.4 times faster"), (37.3, "37 times faster")],
)
def test_slower_is_said_as_plainly_as_faster(ratio: float, words: str) -> None:
    assert verdict(ratio) == words


def test_skipped_races_are_named_and_notes_numbered_once() -> None:
    rows = [Measured(Row(f"work {number}", OURS, ORDINARY, "A note."), [1], [2]) for number in range(2)]
    text = render("Conditions.", [("Moodle", row) for row in rows], {"fleet": "php is not installed"})
    assert text.count("(1)") == 2
    assert text.count("1. A note.") == 1
    assert text.endswith("Not measured: fleet: php is not installed")


def test_prose_around_the_table_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    fleet, archive = (BEGIN.format(job=job) for job in ("fleet", "archive"))
    page.write_text(f"before\n{fleet}\nold\n{END}\nbetween\n{archive}\nold\n{END}\nafter\n")
    put(page, "archive", "new")
    put(page, "archive", "newer")
    assert page.read_text() == f"before\n{fleet}\nold\n{END}\nbetween\n{archive}\nnewer\n{END}\nafter\n"
    with pytest.raises(ValueError, match="lacks the lines"):
        put(page, "delivery", "new")


def test_each_race_belongs_to_one_job_and_each_job_has_its_place() -> None:
    assert sorted(race for races in JOBS.values() for race in races) == sorted(RACES)
    assert not JOBS.keys() & RACES.keys()
    assert all(BEGIN.format(job=job) in PAGE.read_text() for job in JOBS)
