# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One line that says how far a long task is, for a terminal and for a log."""

from __future__ import annotations

import os
import sys
import time
import typing as t
from collections.abc import Mapping

LOG_EVERY = 10.0
TERMINAL_EVERY = 0.5
_MINUTE = 60
_HOUR = 3600


def _is_terminal() -> bool:
    # ansible-runner and AWX run the play on a pseudo-terminal whose text ends in a log: no line can be rewritten there.
    in_a_log = "AWX_ISOLATED_DATA_DIR" in os.environ or os.environ.get("ANSIBLE_STDOUT_CALLBACK") == "awx_display"
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not in_a_log


# Asked where Ansible loads the plugin: the process that runs the task has been cut off from the terminal.
TERMINAL = _is_terminal()


def duration(seconds: float) -> str:
    """A span as people say it: 8 s, 3 min 05 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02d} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02d} min"


def line(progress: Mapping[str, t.Any]) -> str:
    """37/200 nodes, 1 failed, 4.2/s, 39 s left"""
    done, total, failed, seconds = (progress[key] for key in ("done", "total", "failed", "seconds"))
    parts = [f"{done}/{total} {progress['what']}"]
    if failed:
        parts.append(f"{failed} failed")
    if done and seconds > 0:
        rate = done / seconds
        parts.append(f"{rate:.1f}/s" if rate >= 1 else f"{rate * _MINUTE:.1f}/min")
        if done < total:
            parts.append(f"{duration((total - done) / rate)} left")
    return ", ".join(parts)


class ProgressLine:
    """Shows the line on Ansible's display: rewritten in place on a terminal, whole and every ten seconds elsewhere.

    Several hosts at once cannot share one line of a terminal: then whole lines are printed there too.
    """

    def __init__(self, display: t.Any, host: str, *, terminal: bool, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._display = display
        self._host = host
        self._terminal = terminal
        self._clock = clock
        self._shown = ""
        self._shown_at: float | None = None if terminal else clock()

    def show(self, progress: Mapping[str, t.Any]) -> None:
        """Print the figures if it is time to."""
        text = f"{self._host}: {line(progress)}"
        pause = TERMINAL_EVERY if self._terminal else LOG_EVERY
        if text == self._shown or (self._shown_at is not None and self._clock() - self._shown_at < pause):
            return
        if self._terminal:
            # Blanks cover what a longer line before may have left.
            self._display.display("\r" + text.ljust(len(self._shown)), newline=False, screen_only=True)
        else:
            self._display.display(text)
        self._shown, self._shown_at = text, self._clock()

    def end(self) -> None:
        """Free the terminal's line for what Ansible prints next."""
        if self._terminal and self._shown:
            self._display.display("\r" + " " * len(self._shown) + "\r", newline=False, screen_only=True)
            self._shown = ""
