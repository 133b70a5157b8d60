# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the script on one node: a worker, a log, a verdict, and again where that is worth it."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from ..common.groups import Guardian
from ..common.php import Php
from .logs import Log
from .nodes import Node, Refusal
from .script import Script
from .verdict import Ending, excerpt, judge, passes
from .worker import Worker

Record = dict[str, t.Any]


@dataclass(frozen=True)
class Wish:
    """What is the same for every node of a run."""

    script: Script
    code: Path
    timeout: float | None = None
    retries: int = 0
    keys: bytes | None = field(default=None, repr=False)
    """What is typed where the script asks; a password often."""
    repeatable: bool = False
    """The script may be run again when it was interrupted in the middle of its work."""
    log_dir: Path | None = None
    log_keep: int = 0
    grace: float = 5.0
    """Seconds between asking a process to end and making it."""
    pause: float = 5.0
    """Seconds before the first retry; doubled before each further one."""


class Execution:
    """The workers of a run, for the length of a ``with``; as many nodes at a time as there are of them."""

    def __init__(self, wish: Wish, php: Php, *, forks: int, must_stop: Callable[[], bool] = lambda: False) -> None:
        self._wish = wish
        self._command = php.command(wish.script.path, prepend="node_worker.php")
        self._forks = forks
        self._must_stop = must_stop
        self._idle: SimpleQueue[Worker] = SimpleQueue()
        self._workers: list[Worker] = []

    def __enter__(self) -> Execution:
        self._guardian = Guardian().__enter__()
        wish = self._wish
        self._workers = [
            Worker(self._command, wish.code, self._guardian, grace=wish.grace, keys=wish.keys) for _dummy in range(max(1, self._forks))
        ]
        for worker in self._workers:
            self._idle.put(worker)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self._workers:
            worker.close()
        self._guardian.__exit__(kind, error, trace)

    def run(self, node: Node) -> Record:
        """Run the script for one node and judge how it went; what cannot be written or started here is that node's failure alone."""
        worker = self._idle.get()
        try:
            return self._run(worker, node)
        except OSError as error:
            return not_run(node, "failed", f"could not be run: {error.filename or self._wish.script.path}: {error.strerror}")
        finally:
            self._idle.put(worker)

    def _run(self, worker: Worker, node: Node) -> Record:
        wish = self._wish
        started = time.monotonic()
        with Log.of(node.wwwroot, wish.log_dir, wish.log_keep) as log:
            tries = 0
            while True:
                ending = self._once(worker, node, log)
                verdict, reason = judge(node, ending, wish.timeout, takes_host=wish.script.takes_host)
                tries += 1
                again = verdict == "failed" and tries <= wish.retries and passes(ending, repeatable=wish.repeatable)
                if not (again and self._wait(wish.pause * 2 ** (tries - 1))):
                    break
                log.begin_again(f"[once more: {reason}]\n")
        return {
            **not_run(node, verdict, _told(reason, tries, log.trouble)),
            "rc": ending.rc,
            "seconds": round(time.monotonic() - started, 3),
            "log": str(log.path) if log.path else None,
            "output": "" if verdict == "ok" else excerpt(ending.text),
        }

    def _once(self, worker: Worker, node: Node, log: Log) -> Ending:
        script = self._wish.script
        rc, report = worker.run(
            None if script.takes_host or node.master else node.wwwroot,
            script.words(node.wwwroot),
            f"php {script.path} {node.wwwroot}",
            hear=log.write,
            timeout=self._wish.timeout,
        )
        return Ending(rc, log.text(), report)

    def _wait(self, seconds: float) -> bool:
        """Let what stands in the way pass; False when nobody waits for us any more."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._must_stop():
            time.sleep(min(0.5, left))
        return not self._must_stop()


@dataclass(frozen=True)
class Step:
    """A further script of a run."""

    execution: Execution
    name: str
    """The script, as the user named it."""
    only: Collection[str] | None = None
    """Addresses or names of the nodes that it is for; None is all."""


def run_in_turn(first: Execution, steps: Sequence[Step], node: Node) -> Record:
    """Run the first script on a node, and each further one when the one before was ok; the record is that of the last."""
    record = first.run(node)
    for step in steps:
        if record["verdict"] != "ok":
            break
        if step.only is not None and node.names().isdisjoint(step.only):
            continue
        further = step.execution.run(node)
        reason = further["reason"] and f"afterwards, {step.name}: {further['reason']}"
        record = {**further, "reason": reason, "seconds": round(record["seconds"] + further["seconds"], 3)}
    return record


def _told(reason: str, tries: int, trouble: str) -> str:
    parts = [reason, f"tried {tries} times" if tries > 1 and reason else "", trouble]
    return "; ".join(part for part in parts if part)


def not_run(node: Node | Refusal, verdict: str, reason: str) -> Record:
    """The record of a node on which the script was not started."""
    return {
        "wwwroot": node.wwwroot,
        "name": node.name,
        "verdict": verdict,
        "rc": None,
        "reason": reason,
        "seconds": 0.0,
        "log": None,
        "output": "",
    }
