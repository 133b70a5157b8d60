# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hours in which courses may be begun: 22:00-06:00 belongs to one night. Pure but for the name of a time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..common.errors import BadInput

_FORM = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*")


@dataclass(frozen=True)
class Window:
    """From a time of day until another one, across midnight when the second is earlier."""

    begins: time
    ends: time
    zone: tzinfo | None = None
    """None is the host's own."""

    @classmethod
    def parse(cls, text: str, zone: str | None = None) -> Window:
        found = _FORM.fullmatch(text)
        try:
            begins, ends = (time(int(found[1]), int(found[2])), time(int(found[3]) % 24, int(found[4]))) if found else (None, None)
        except ValueError:
            begins = ends = None
        if begins is None or ends is None or begins == ends:
            raise BadInput(f"'{text}' is no window: write two different times of day, for example 22:00-06:00.")
        try:
            return cls(begins, ends, ZoneInfo(zone) if zone else None)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BadInput(f"'{zone}' is no time zone that this host knows: write a name such as Europe/Paris.") from None

    def open(self, moment: datetime) -> bool:
        """Whether something may begin at that moment (with its own zone)."""
        now = moment.astimezone(self.zone).time()
        if self.begins < self.ends:
            return self.begins <= now < self.ends
        return now >= self.begins or now < self.ends

    def opens(self, moment: datetime) -> datetime:
        """When it opens next, seen from a moment at which it is closed."""
        local = moment.astimezone(self.zone)
        today = local.replace(hour=self.begins.hour, minute=self.begins.minute, second=0, microsecond=0)
        return today if today > local else today + timedelta(days=1)

    def __str__(self) -> str:
        return f"{self.begins:%H:%M}-{self.ends:%H:%M}" + (f" {self.zone}" if self.zone else "")
