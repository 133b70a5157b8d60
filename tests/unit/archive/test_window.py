# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hours in which courses may be begun, across midnight and in any zone."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.archive.window import Window
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "moment", "open_"),
    [
        ("22:00-06:00", "2026-07-01T21:59:59", False),
        ("22:00-06:00", "2026-07-01T22:00:00", True),
        ("22:00-06:00", "2026-07-02T00:00:00", True),
        ("22:00-06:00", "2026-07-02T05:59:59", True),
        ("22:00-06:00", "2026-07-02T06:00:00", False),
        (" 9:30 - 17:00 ", "2026-07-02T09:30:00", True),
        ("09:30-17:00", "2026-07-02T17:00:00", False),
        ("20:00-24:00", "2026-07-02T23:59:00", True),
        ("20:00-24:00", "2026-07-02T00:00:00", False),
    ],
)
def test_open(text: str, moment: str, open_: bool) -> None:
    assert Window.parse(text, "UTC").open(at(moment)) is open_


def test_zone_and_its_summer_count() -> None:
    window = Window.parse("22:00-06:00", "Europe/Paris")
    assert [window.open(at(moment)) for moment in ("2026-07-01T19:59:00", "2026-07-01T20:00:00")] == [False, True]
    assert [window.open(at(moment)) for moment in ("2026-01-01T20:59:00", "2026-01-01T21:00:00")] == [False, True]
    assert str(window) == "22:00-06:00 Europe/Paris"


def test_says_when_it_opens() -> None:
    window = Window.parse("22:00-06:00", "UTC")
    assert window.opens(at("2026-07-01T12:00:00")).isoformat() == "2026-07-01T22:00:00+00:00"
    assert Window.parse("01:00-02:00", "UTC").opens(at("2026-07-31T12:00:00")).isoformat() == "2026-08-01T01:00:00+00:00"


@pytest.mark.parametrize("text", ["", "22-6", "22:00", "25:00-06:00", "22:61-06:00", "06:00-06:00", "22:00-06:00x"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="no window"):
        Window.parse(text)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/passwd"])
def test_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(BadInput, match="no time zone"):
        Window.parse("22:00-06:00", zone)
