# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A job's tables as people read them, and their place in the page."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .measure import Counted, Grown, Measured

BEGIN, END = "<!-- make bench writes {job} from here -->", "<!-- to here -->"


def render(
    conditions: str,
    measured: Sequence[tuple[str, Measured]],
    skipped: Mapping[str, str],
    grown: Iterable[Grown] = (),
    counted: Iterable[Counted] = (),
) -> str:
    """The whole text between the markers; `measured` holds each row after the code that it ran on."""
    lines = [conditions]
    if measured:
        lines += ["", *_compared(measured)]
    for growth in grown:
        lines += ["", *_growth(growth)]
    for count in counted:
        lines += ["", *_counted(count)]
    lines += ["", *(f"Not measured: {name}: {reason}" for name, reason in skipped.items())] if skipped else []
    return "\n".join(lines)


def _compared(measured: Iterable[tuple[str, Measured]]) -> list[str]:
    lines = [
        "| work | on | ours | s (min / median / max) | the ordinary way | s (min / median / max) | ours is |",
        "|---|---|---|---|---|---|---|",
    ]
    notes: list[str] = []
    for code, one in measured:
        row = one.row
        work = row.work
        if row.note:
            if row.note not in notes:
                notes.append(row.note)
            work += f" ({notes.index(row.note) + 1})"
        cells = (work, code, row.ours.name, _spread(one.ours), row.ordinary.name, _spread(one.ordinary), verdict(one.ratio))
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *(f"{number}. {note}" for number, note in enumerate(notes, 1))]


def _growth(grown: Grown) -> list[str]:
    unit = grown.growth.unit
    sizes = sorted({size for ways in grown.growth.ways.values() for size in ways})
    head = (f"s (median of {grown.growth.rounds}), {grown.growth.code} with", *(f"{size} {unit}" for size in sizes), "each further one")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in grown.growth.ways:
        cells = (name, *(f"{grown.median(name, size):.2f}" for size in sizes), f"{grown.slope(name) * 1000:.1f} ms")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _counted(counted: Counted) -> list[str]:
    head = (counted.title, *counted.columns)
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return lines + [f"| {' | '.join((name, *(f'{value:,}' for value in values)))} |" for name, values in counted.rows.items()]


def verdict(ratio: float) -> str:
    if 0.95 < ratio < 1.05:
        return "as fast"
    if ratio < 1:
        return f"**{1 / ratio:.1f} times slower**"
    return f"{ratio:.0f} times faster" if ratio >= 10 else f"{ratio:.1f} times faster"


def _spread(seconds: Sequence[float]) -> str:
    return " / ".join(f"{value:.2f}" for value in (min(seconds), statistics.median(seconds), max(seconds)))


def put(page: Path, job: str, table: str) -> None:
    """Replace what lies between the job's markers in the page, and nothing else."""
    text = page.read_text(encoding="utf-8")
    marker = BEGIN.format(job=job)
    before, begin, rest = text.partition(marker)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks the lines '{marker}' and '{END}', between which the table goes.")
    page.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")
