# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts together for a report what the courses of an archive's run tell."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ansible.errors import AnsibleFilterError

# A night begins at noon: what was done after midnight belongs to the evening before.
_NOON = timedelta(hours=12)


def archive_nights(courses: Sequence[Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """What was reached in each night, first one first: the number of courses by state, and of all of them."""
    nights: dict[str, Counter[str]] = {}
    try:
        for course in courses:
            for state, moment in course["history"].items():
                night = (datetime.fromisoformat(moment) - _NOON).date().isoformat()
                nights.setdefault(night, Counter())[state] += 1
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"archive_nights: the courses that course_archive returned are expected ({error!r}).") from error
    return [{"night": night, "states": dict(counts), "courses": sum(counts.values())} for night, counts in sorted(nights.items())]


class FilterModule:
    """Filters for reports of the archive."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"archive_nights": archive_nights}
