# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Goes through the nodes of a run with a bounded number of processes, and writes down each verdict at once."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import typing as t
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from ..common.background import Background, Progress
from ..common.errors import BadInput
from ..common.files import write_atomically
from .execution import Record, not_run
from .nodes import Node
from .pace import Budget, Wave

VERDICTS = ("ok", "failed", "timeout", "skipped")
_BAD = ("failed", "timeout")


class FleetRun:
    """One run: ``execute`` does the work on one node and returns its record."""

    def __init__(
        self,
        execute: Callable[[Node], Record],
        *,
        forks: int,
        budget: Budget,
        background: Background,
        records: t.TextIO | None = None,
    ) -> None:
        self._execute = execute
        self._forks = forks
        self._budget = budget
        self._background = background
        self._file = records
        self._started = time.monotonic()
        # Of the script alone: a name that the registry does not know stops nobody.
        self._failures = 0
        self._refused = 0
        self._not_reached: list[Node] = []
        self._total = 0
        self._stopped = ""
        self.records: list[Record] = []

    def run(self, waves: Sequence[Wave], refused: Sequence[Record]) -> None:
        """Work through the waves; what is not reached because the run had to stop is recorded as skipped."""
        self._total = sum(len(wave.nodes) for wave in waves) + len(refused)
        for record in refused:
            self._keep(record)
        self._refused = len(self.bad())
        with ThreadPoolExecutor(self._forks) as pool:
            for wave in waves:
                self._run_wave(wave, pool)
                if wave.canary and self._failures and not self._stopped:
                    self._stopped = "not started: the canary failed"
        self._report(over=True)

    def _run_wave(self, wave: Wave, pool: ThreadPoolExecutor) -> None:
        waiting = iter(wave.nodes)
        running: set[Future[Record]] = set()
        while True:
            while len(running) < self._forks and not self._must_stop():
                node = next(waiting, None)
                if node is None:
                    break
                running.add(pool.submit(self._execute, node))
            if not running:
                break
            done, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                record = future.result()
                self._failures += record["verdict"] in _BAD
                self._keep(record)
            self._report()
        for node in waiting:
            self._not_reached.append(node)
            self._keep(not_run(node, "skipped", self._stopped))

    def _must_stop(self) -> bool:
        if not self._stopped and self._budget.stops(self._failures):
            self._stopped = f"not started: more than {self._budget.allowed} had failed"
        if not self._stopped and self._background.abandoned():
            self._stopped = "not started: the play that asked for it is gone"
        return bool(self._stopped)

    def _keep(self, record: Record) -> None:
        self.records.append(record)
        if self._file:
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()

    def _report(self, *, over: bool = False) -> None:
        bad = self._refused + self._failures
        progress = Progress("nodes", self._total, len(self.records), bad, time.monotonic() - self._started)
        self._background.report(progress, over=over)

    def summary(self) -> dict[str, t.Any]:
        """The run in figures."""
        counts = Counter(record["verdict"] for record in self.records)
        seconds = time.monotonic() - self._started
        ran = sum(map(_ran, self.records))
        return {
            "total": len(self.records),
            **{verdict: counts[verdict] for verdict in VERDICTS},
            "seconds": round(seconds, 3),
            "rate": round(ran / seconds, 3) if seconds > 0 else 0.0,
        }

    def started(self) -> bool:
        """Whether the script was started on any node."""
        return any(map(_ran, self.records))

    def bad(self) -> list[Record]:
        """The records of the nodes that failed."""
        return [record for record in self.records if record["verdict"] in _BAD]

    def unfinished(self) -> list[str]:
        """The addresses that are to be run again: what failed, and what was not reached."""
        return [record["wwwroot"] for record in self.bad()] + [node.wwwroot for node in self._not_reached]


def _ran(record: Record) -> bool:
    return record["rc"] is not None or record["verdict"] == "timeout"


def open_records(path: str) -> t.TextIO:
    """The file of records, begun anew; only its owner may read what scripts printed."""
    with _a_place_for("records"):
        return open(path, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600))


def make_log_dir(folder: Path) -> None:
    """The folder of logs, with those above it that are missing."""
    with _a_place_for("log_dir"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def try_retry_file(path: str) -> None:
    """Find out before the first node is run whether it can be written: afterwards all verdicts would be lost with it."""
    with _a_place_for("retry_file"), tempfile.TemporaryFile(dir=Path(path).parent):
        pass


@contextlib.contextmanager
def _a_place_for(name: str) -> t.Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadInput(f"'{name}' cannot be written on this host by the user who runs this: {error.filename}: {error.strerror}.") from error


def write_retry_file(path: str, addresses: Sequence[str]) -> None:
    """One address a line, to be given back as ``nodes: "@path"``; empty when all is well, so that it repeats nothing."""
    write_atomically(Path(path), "".join(f"{address}\n" for address in addresses).encode(), 0o600)


def complaint(bad: Sequence[Record], total: int) -> str:
    """One sentence about what went wrong, with the first few nodes by name."""
    named = "; ".join(f"{record['wwwroot']}: {record['reason']}" for record in bad[:3])
    more = f"; and {len(bad) - 3} more" if len(bad) > 3 else ""  # noqa: PLR2004 - as many as a line holds
    return f"{len(bad)} of {total} nodes failed: {named}{more}"
