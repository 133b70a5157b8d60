# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a source that is not Git says when it is asked for a revision."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from ..common.errors import BadInput
from ..common.fast_import import ImportedFile
from .trees import shown

DATE = re.compile(r"\{(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?)?(Z|[+-]\d\d:?\d\d)?\}")


@dataclass(frozen=True)
class Snapshot:
    key: str  # names the content among all that was ever imported
    message: str  # of the commit
    files: Callable[[Path], Iterator[ImportedFile]]  # may use an empty folder that is removed afterwards
    lasting: bool  # whether the key will always mean the same content, so that it need not be fetched again


def in_utc(revision: str, others: str) -> str:
    """The moment in ``{2026-11-21}`` or ``{2026-11-21T06:00:00+01:00}``, without a zone in UTC: the same on every host."""
    found = DATE.fullmatch(revision)
    try:
        day, time, seconds, zone = found.groups() if found else ("", None, None, None)
        zone = "+00:00" if zone in (None, "Z") else f"{zone[:3]}:{zone[-2:]}"
        moment = datetime.fromisoformat(f"{day}T{time or '00:00'}{seconds or ':00'}{zone}").astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise BadInput(
            f"revision: '{shown(revision)}' is none here: {others} is expected, "
            "or a date such as {2026-11-21} or {2026-11-21T06:00:00Z}."
        ) from None
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"
