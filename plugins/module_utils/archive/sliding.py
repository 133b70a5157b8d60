# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that move with the year: {start}-{end} is 2025-2026 in the session of 2025. Plain data in, plain data out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Year:
    """When a session begins, and which one is meant."""

    first_month: int = 9
    offset: int = 0

    def session(self, today: date | None = None) -> tuple[int, int]:
        return session_of(today or date.today(), self.first_month, self.offset)


def session_of(day: date, first_month: int, offset: int = 0) -> tuple[int, int]:
    """The years in which the session of a day begins and ends; one that begins in January ends in the same year."""
    start = day.year - (day.month < first_month) + offset
    return start, start + (first_month > 1)


def slides(text: str) -> bool:
    return any(word in text for word in ("{start}", "{end}", "{start2}", "{end2}"))


def filled(text: str, session: tuple[int, int]) -> str:
    """The text with the years of a session, in four digits or in two; other braces stay as they are."""
    for name, year in zip(("start", "end"), session):
        text = text.replace(f"{{{name}}}", str(year)).replace(f"{{{name}2}}", f"{year % 100:02d}")
    return text
