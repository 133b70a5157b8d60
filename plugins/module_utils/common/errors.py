# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's one family of exceptions: raised anywhere, caught once in a module's main()."""

from __future__ import annotations


class MoodleError(Exception):
    """Something that the user can act on: says what was asked, what was found and what to do.

    Facts that belong to the module's result (records that were already made, say) go into ``result``.
    """

    def __init__(self, message: str, **result: object) -> None:
        super().__init__(message)
        self.message = message
        self.result = result


class BadInput(MoodleError):
    """What was asked for cannot be right; nothing was touched."""


class CommandFailed(MoodleError):
    """A program that was run ended badly."""
