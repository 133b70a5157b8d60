# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may begin a piece of work that another play holds: two at once never, one after a killed one at once where that is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.hold import Hold, HoldFile, decide

WORK = "The upgrade"
MORNING, NOON, EVENING = (f"2026-11-21T{hour:02}:00:00+00:00" for hour in (8, 12, 18))
ALICES, BOBS = {"machine": "a", "process": "1"}, {"machine": "a", "process": "2"}
ALICE = Hold("alice", MORNING, NOON, ALICES)


def bob(since: str = "2026-11-21T09:00:00+00:00") -> Hold:
    return Hold("bob", since, EVENING, BOBS)


def test_a_second_play_is_refused_and_told_who_is_at_work() -> None:
    refusal = decide(ALICE, bob(), WORK).refusal
    assert "The upgrade is held by alice since" in refusal
    assert NOON in refusal
    assert decide(ALICE, Hold("alice", MORNING, NOON, BOBS), WORK).refusal, "another play of the same user is another play"


def test_the_same_play_goes_on() -> None:
    assert decide(ALICE, Hold("alice", NOON, EVENING, ALICES), WORK) == decide(ALICE, ALICE, WORK)
    assert not decide(ALICE, ALICE, WORK).taken
    nobodys = Hold("alice", MORNING, NOON, {})
    assert decide(nobodys, Hold("alice", MORNING, NOON, {}), WORK).refusal, "plays that say nothing of themselves are not the same"


@pytest.mark.parametrize(
    ("since", "take_over", "gone"), [(NOON, False, None), (MORNING, True, None), (MORNING, False, ALICES)], ids=["expired", "asked", "gone"]
)
def test_what_is_over_is_taken_over_and_said(since: str, take_over: bool, gone: dict[str, str] | None) -> None:
    decision = decide(ALICE, bob(since), WORK, take_over=take_over, gone=gone)
    assert (decision.taken, decision.refusal) == (True, "")
    assert "alice" in decision.warning
    assert "bob" in decision.warning


def test_another_play_that_is_gone_says_nothing_of_the_one_that_holds_it() -> None:
    assert decide(ALICE, bob(), WORK, gone={"machine": "a", "process": "9"}).refusal


def test_only_who_holds_it_lets_go(tmp_path: Path) -> None:
    file = HoldFile(tmp_path / "held.json", WORK)
    assert file.take(ALICE, take_over=False, gone=None, only_look=True).taken
    assert file.read() is None
    assert file.take(ALICE, take_over=False, gone=None, only_look=False).taken
    assert not file.release(BOBS, only_look=False)
    assert file.release(ALICES, only_look=True)
    assert file.read() == ALICE
    assert file.release(ALICES, only_look=False)
    assert file.read() is None
    assert not HoldFile(tmp_path / "nowhere" / "held.json", WORK).release(ALICES, only_look=False)


@pytest.mark.parametrize("text", ["", "[]", '{"holder": "x"}', '{"holder": "x", "since": "", "expiry": "soon", "play": {}}'])
def test_a_damaged_file_holds_up_with_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "held.json").write_text(text)
    with pytest.raises(MoodleError, match="is damaged: remove it when nobody is at work on The upgrade"):
        HoldFile(tmp_path / "held.json", WORK).take(ALICE, take_over=False, gone=None, only_look=False)
