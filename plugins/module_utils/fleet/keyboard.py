# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Types answers for scripts that ask: Moodle takes whatever one reading of its input gives for one answer, so it must be a terminal's."""

from __future__ import annotations

import os
import re
import termios

from ..common.errors import BadInput

_LFLAG, _CC = 3, 6
_END_OF_INPUT = b"\x04"
# What a terminal holds before anybody reads.
_ROOM = 4000


def typed(text: str) -> bytes:
    """The answers, one a line, as they are typed."""
    lines = (text.removesuffix("\n") + "\n").encode()
    if len(lines) > _ROOM:
        raise BadInput(f"'input' is longer than {_ROOM} bytes, which no terminal holds: such a script must read a file.")
    if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", lines):
        raise BadInput("'input' holds control characters: only text can be typed.")
    # Whoever asks more is told that nobody answers.
    return lines + _END_OF_INPUT * 8


class Keyboard:
    """A terminal whose one end is a process's standard input; what is typed is not shown."""

    def __init__(self) -> None:
        self._ours, self.theirs = os.openpty()
        settings = termios.tcgetattr(self.theirs)
        settings[_LFLAG] = termios.ICANON
        # No character but the end has a meaning of its own.
        settings[_CC] = [_END_OF_INPUT if number == termios.VEOF else b"\0" for number in range(len(settings[_CC]))]
        termios.tcsetattr(self.theirs, termios.TCSANOW, settings)

    def type(self, keys: bytes) -> None:
        """Forget what the last script has not read, and type."""
        termios.tcflush(self.theirs, termios.TCIFLUSH)
        os.write(self._ours, keys)

    def close(self) -> None:
        """Take it away."""
        os.close(self._ours)
        os.close(self.theirs)
