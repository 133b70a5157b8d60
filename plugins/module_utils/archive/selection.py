# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of a category's courses belong to a run: a JMESPath query over what is known of them."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from ..common.errors import BadInput, MoodleError
from .sliding import session_of

Row = Mapping[str, t.Any]


def rows_for_query(rows: Sequence[Row], first_month: int) -> list[dict[str, t.Any]]:
    """What a query sees: the rows, and beside the dates the session in which each course begins."""
    return [{**row, "session": _session(row.get("startdate"), first_month)} for row in rows]


def selected(expression: str, rows: Sequence[Row]) -> list[Row]:
    """The rows that the query returns, as rows or by their ids, in the order that they have."""
    try:
        # Not on every host, and needed by this parameter alone.
        import jmespath  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise MoodleError("'select' needs the Python library jmespath on this host: install it (Debian: python3-jmespath).") from error
    try:
        answer: t.Any = jmespath.search(expression, rows)
    except jmespath.exceptions.JMESPathError as error:
        raise BadInput(f"'select' is no valid JMESPath query: {error}") from error
    found = answer if isinstance(answer, list) else [None]
    ids = [row.get("id") if isinstance(row, dict) else row for row in found]
    if not all(isinstance(number, int) for number in ids):
        raise BadInput("'select' must return rows of courses, or their ids: for example [?visible && session=='2025-2026'].")
    return [row for row in rows if row["id"] in ids]


def _session(moment: t.Any, first_month: int) -> str:
    if not moment:
        return ""
    # A month is no matter of hours.
    start, end = session_of(datetime.fromtimestamp(int(moment), timezone.utc).date(), first_month)
    return str(start) if start == end else f"{start}-{end}"
