# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line: frequent and in place on a terminal, whole and rare in a log."""

from __future__ import annotations

import pytest

from ansible_collections.lms.moodle.plugins.plugin_utils.progress import ProgressLine, duration, line


class Screen:
    """What Ansible's display was given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def display(self, text: str, newline: bool = True, screen_only: bool = False) -> None:
        self.texts.append(text + ("\n" if newline else ""))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def figures(done: int, failed: int = 0, seconds: float = 10.0) -> dict[str, object]:
    return {"what": "nodes", "done": done, "total": 40, "failed": failed, "seconds": seconds}


def test_words() -> None:
    assert line(figures(0)) == "0/40 nodes"
    assert line(figures(20, 1)) == "20/40 nodes, 1 failed, 2.0/s, 10 s left"
    assert line(figures(1)) == "1/40 nodes, 6.0/min, 6 min 30 s left"
    assert line(figures(40)) == "40/40 nodes, 4.0/s"


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (7800, "2 h 10 min")])
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_log_gets_a_whole_line_every_ten_seconds_and_no_carriage_return() -> None:
    screen, clock = Screen(), Clock()
    shown = ProgressLine(screen, "web1", terminal=False, clock=clock)
    for second in range(31):
        clock.now = second
        shown.show(figures(second))
    shown.end()
    assert [text.split(",")[0] for text in screen.texts] == ["web1: 10/40 nodes", "web1: 20/40 nodes", "web1: 30/40 nodes"]
    assert all(text.endswith("\n") and "\r" not in text for text in screen.texts)


def test_terminal_line_is_rewritten_and_leaves_nothing_behind() -> None:
    screen, clock = Screen(), Clock()
    shown = ProgressLine(screen, "web1", terminal=True, clock=clock)
    for moment, done in ((0.0, 10), (0.1, 11), (0.6, 40)):
        clock.now = moment
        shown.show(figures(done))
    shown.end()
    first, second, last = screen.texts
    assert first == "\rweb1: 10/40 nodes, 1.0/s, 30 s left"
    assert second == "\rweb1: 40/40 nodes, 4.0/s".ljust(len(first))
    assert (last.strip(" \r"), last[-1]) == ("", "\r")
    assert "\n" not in "".join(screen.texts)
