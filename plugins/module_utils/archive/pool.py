# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several PHP workers at the same time."""

from __future__ import annotations

import os
import platform as machine
import time
import typing as t
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from ..common.errors import MoodleError
from .course import Course
from .journal import Journal, private_append
from .platform import Platform, Worker

_LOOK_EVERY = 0.5
Act = t.Callable[[Worker, Course], Course]


def open_logs(journal: Journal, size: int, *, silent: bool = False) -> list[t.IO[bytes]]:
    """Where the workers' messages go; ``silent`` writes nothing anywhere."""
    if silent:
        return [Path(os.devnull).open("ab") for _number in range(size)]
    names = (f"worker-{machine.node()}-{number}.log" for number in range(size))
    return [private_append(journal.folder / "logs" / name) for name in names]


class Pool:
    """Workers for the length of a ``with``."""

    def __init__(self, journal: Journal, platform: Platform, *, size: int, silent: bool = False) -> None:
        self._size = size
        self._logs = open_logs(journal, size, silent=silent)
        self._workers = [Worker(platform, log) for log in self._logs]
        self._idle: SimpleQueue[Worker] = SimpleQueue()

    def __enter__(self) -> Pool:
        for worker in self._workers:
            self._idle.put(worker)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self._workers:
            worker.close()
        for log in self._logs:
            log.close()

    def each(self, courses: Sequence[Course], act: Act, may_begin: t.Callable[[Course], bool]) -> Iterator[Course | None]:
        """Each course in its new state as it gets there, and None every half second meanwhile.

        ``may_begin`` is asked before each course; at its first no, what is running is finished and nothing else begins.
        """
        waiting = list(courses)
        running: set[Future[Course]] = set()
        with ThreadPoolExecutor(self._size) as threads:
            while True:
                while waiting and len(running) < self._size:
                    if not may_begin(waiting[0]):
                        waiting.clear()
                        break
                    running.add(threads.submit(self._one, waiting.pop(0), act))
                if not running:
                    return
                done, running = wait(running, timeout=_LOOK_EVERY, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                yield None

    def _one(self, course: Course, act: Act) -> Course:
        started = time.monotonic()
        worker = self._idle.get()
        try:
            done = act(worker, course)
        except MoodleError as error:
            return course.failed(error.message, seconds=round(time.monotonic() - started, 3))
        finally:
            self._idle.put(worker)
        return replace(done, seconds=round(time.monotonic() - started, 3))
