# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Process groups: ended with all that they started, by us at a time limit or by a guardian when we are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import struct
import time
from collections.abc import Callable
from types import TracebackType

_WORD = struct.Struct("i")


def group_lives(group: int) -> bool:
    """Whether any process of the group is left; a leader that nobody has reaped yet counts."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def signal_group(group: int, number: int) -> None:
    """Send a signal to all of a group, if anything is left of it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


class Guardian:
    """A process of its own that ends the groups in its care when ours is gone, however it went: nobody else hears of a SIGKILL.

    It is forked, so it must be made before the first thread is.
    """

    def __init__(self) -> None:
        reading, self._writing = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._writing)
                _stand_guard(reading)
            finally:
                os._exit(0)
        os.close(reading)

    def __enter__(self) -> Guardian:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._writing)
        os.waitpid(self._pid, 0)

    def take(self, group: int) -> None:
        """From now on the group ends with us."""
        self._say(group)

    def leave(self, group: int) -> None:
        """The group has ended, or may outlive us."""
        self._say(-group)

    def _say(self, word: int) -> None:
        # Whole even when several threads speak: it is shorter than what a pipe takes at once.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._writing, _WORD.pack(word))


def _stand_guard(reading: int) -> None:
    os.setsid()
    # Whoever waits for the end of our output must not wait for the guardian.
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    while word := os.read(reading, _WORD.size):
        number = _WORD.unpack(word)[0]
        groups.add(number) if number > 0 else groups.discard(-number)
    for number in groups:
        signal_group(number, signal.SIGKILL)


def end_group(group: int, grace: float, reap: Callable[[], object]) -> None:
    """Ask all of a group to end, and after ``grace`` seconds make them; ``reap`` waits for a leader that is our own child."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        signal_group(group, number)
        deadline = time.monotonic() + grace
        while _group_is_left(group, reap) and time.monotonic() < deadline:
            time.sleep(0.02)
        if not _group_is_left(group, reap):
            break


def _group_is_left(group: int, reap: Callable[[], object]) -> bool:
    # A leader that is not reaped keeps the group alive as a zombie.
    reap()
    return group_lives(group)
