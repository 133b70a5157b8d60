# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was done in each night, for a report."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.lms.moodle.plugins.filter.archive import archive_nights


def test_night_begins_at_noon() -> None:
    courses = [
        {"history": {"planned": "2026-07-01T11:59:00+02:00", "backed_up": "2026-07-01T23:00:00+02:00"}},
        {"history": {"planned": "2026-07-01T12:00:00+02:00", "backed_up": "2026-07-02T05:00:00+02:00"}},
        {"history": {}},
    ]
    assert archive_nights(courses) == [
        {"night": "2026-06-30", "states": {"planned": 1}, "courses": 1},
        {"night": "2026-07-01", "states": {"backed_up": 2, "planned": 1}, "courses": 3},
    ]


@pytest.mark.parametrize("courses", [[{}], [{"history": {"planned": "yesterday"}}], ["course"]])
def test_other_data_is_refused_by_name(courses: list[object]) -> None:
    with pytest.raises(AnsibleFilterError, match="archive_nights"):
        archive_nights(courses)  # type: ignore[arg-type]
