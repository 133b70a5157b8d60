# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Goes through the nodes of a run, so many at a time, and writes down each verdict at once."""

from __future__ import annotations

import json
import tempfile
import time
import typing as t
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from ..common.background import Background, Progress
from ..common.files import write_atomically
from .execution import Record, not_run
from .nodes import Node
from .pace import Budget, Wave
from .records import Records, a_place_for

VERDICTS = ("ok", "failed", "timeout", "skipped")
_BAD = ("failed", "timeout")
_NAMED = 3


class FleetRun:
    """One run.

    Of each node no more is kept in memory than one line of text, of one that is ok nothing unless ``keep_ok``.
    """

    def __init__(
        self,
        *,
        forks: int,
        budget: Budget,
        background: Background,
        records: Records,
        keep_ok: bool = True,
    ) -> None:
        self._forks = forks
        self._budget = budget
        self._background = background
        self._file = records
        self._keep_ok = keep_ok
        self._started = time.monotonic()
        # Of the script alone: a name that the registry does not know stops nobody.
        self._failures = 0
        self._refused = 0
        self._ran = 0
        self._total = 0
        self._stopped = ""
        self._kept: list[str] = []
        self._verdicts: Counter[str] = Counter()
        self.bad: list[str] = []
        """What is to be said of the nodes that failed, one sentence each."""
        self.unfinished: list[str] = []
        """The addresses that are to be run again: what failed, and what was not reached."""

    def run(self, execute: Callable[[Node], Record], waves: Sequence[Wave], before: Sequence[Record]) -> None:
        """Work through the waves; what is not reached because the run had to stop is recorded as skipped.

        ``execute`` does the work on one node and returns its record.
        ``before`` are the records of nodes that are not run: refused now, or done by the run that this one continues.
        """
        self._total = sum(len(wave.nodes) for wave in waves) + len(before)
        for record in before:
            self._keep(record)
        self._refused = len(self.bad)
        with ThreadPoolExecutor(self._forks) as pool:
            for wave in waves:
                self._run_wave(execute, wave, pool)
                if wave.canary and self._failures and not self._stopped:
                    self._stopped = "not started: the canary failed"
        self._report(over=True)

    def _run_wave(self, execute: Callable[[Node], Record], wave: Wave, pool: ThreadPoolExecutor) -> None:
        waiting = iter(wave.nodes)
        running: set[Future[Record]] = set()
        while True:
            while len(running) < self._forks and not self.must_stop():
                node = next(waiting, None)
                if node is None:
                    break
                running.add(pool.submit(execute, node))
            if not running:
                break
            done, running = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                record = future.result()
                self._failures += record["verdict"] in _BAD
                self._ran += _ran(record)
                self._keep(record)
            self._report()
        for node in waiting:
            self.unfinished.append(node.wwwroot)
            self._keep(not_run(node, "skipped", self._stopped))

    def must_stop(self) -> bool:
        """Whether nothing new may begin."""
        if not self._stopped and self._budget.stops(self._failures):
            self._stopped = f"not started: more than {self._budget.allowed} had failed"
        if not self._stopped and self._background.abandoned():
            self._stopped = "not started: the play that asked for it is gone"
        if not self._stopped and self._file.trouble:
            self._stopped = f"not started: {self._file.trouble}"
        return bool(self._stopped)

    def _keep(self, record: Record) -> None:
        line = self._file.add(record)
        self._verdicts[record["verdict"]] += 1
        if record["verdict"] in _BAD:
            self.bad.append(f"{record['wwwroot']}: {record['reason']}" if len(self.bad) < _NAMED else "")
            self.unfinished.append(record["wwwroot"])
        if self._keep_ok or record["verdict"] != "ok":
            self._kept.append(line)

    def _report(self, *, over: bool = False) -> None:
        done = sum(self._verdicts.values())
        progress = Progress("nodes", self._total, done, self._refused + self._failures, time.monotonic() - self._started)
        self._background.report(progress, over=over)

    def records(self) -> list[Record]:
        """The records that were kept, in the order in which they came."""
        return [json.loads(line) for line in self._kept]

    def summary(self) -> dict[str, t.Any]:
        """The run in figures."""
        seconds = time.monotonic() - self._started
        return {
            "total": sum(self._verdicts.values()),
            **{verdict: self._verdicts[verdict] for verdict in VERDICTS},
            "seconds": round(seconds, 3),
            "rate": round(self._ran / seconds, 3) if seconds > 0 else 0.0,
        }

    def started(self) -> bool:
        """Whether the script was started on any node."""
        return self._ran > 0

    def failed(self) -> bool:
        """Whether the whole run has failed."""
        return self._budget.fails(len(self.bad)) or bool(self._file.trouble)

    def complaint(self) -> str:
        """One sentence about what went wrong, with the first few nodes by name."""
        named = "; ".join(self.bad[:_NAMED])
        more = f"; and {len(self.bad) - _NAMED} more" if len(self.bad) > _NAMED else ""
        parts = [f"{len(self.bad)} of {sum(self._verdicts.values())} nodes failed: {named}{more}"] if self.bad else []
        return ". ".join([*parts, *([self._file.trouble] if self._file.trouble else [])])


def _ran(record: Record) -> bool:
    return record["rc"] is not None or record["verdict"] == "timeout"


def make_log_dir(folder: Path) -> None:
    """The folder of logs, with those above it that are missing."""
    with a_place_for("log_dir"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def try_retry_file(path: str) -> None:
    """Find out before the first node is run whether it can be written: afterwards all verdicts would be lost with it."""
    with a_place_for("retry_file"), tempfile.TemporaryFile(dir=Path(path).parent):
        pass


def write_retry_file(path: str, addresses: Sequence[str]) -> None:
    """One address a line, to be given back as ``nodes: "@path"``; empty when all is well, so that it repeats nothing."""
    write_atomically(Path(path), "".join(f"{address}\n" for address in addresses).encode(), 0o600)
