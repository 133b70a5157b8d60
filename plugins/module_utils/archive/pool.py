# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several PHP workers that make backups at the same time."""

from __future__ import annotations

import platform as machine
import time
import typing as t
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from queue import SimpleQueue
from types import TracebackType

from ..common.errors import MoodleError
from .backup import check_backup
from .course import BACKED_UP, FAILED, Course
from .journal import Journal, private_append
from .platform import Platform, Worker

_LOOK_EVERY = 0.5


class BackupPool:
    """Workers for the length of a ``with``; their messages go to logs in the run's folder."""

    def __init__(self, journal: Journal, platform: Platform, *, size: int, users: bool) -> None:
        self._journal = journal
        self._size = size
        names = (f"worker-{machine.node()}-{number}.log" for number in range(size))
        self._logs = [private_append(journal.folder / "logs" / name) for name in names]
        self._workers = [Worker(platform, log, users=users) for log in self._logs]
        self._idle: SimpleQueue[Worker] = SimpleQueue()

    def __enter__(self) -> BackupPool:
        for worker in self._workers:
            self._idle.put(worker)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for worker in self._workers:
            worker.close()
        for log in self._logs:
            log.close()

    def back_up(self, courses: Sequence[Course], may_begin: t.Callable[[Course], bool]) -> Iterator[Course | None]:
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
                    running.add(threads.submit(self._one, waiting.pop(0)))
                if not running:
                    return
                done, running = wait(running, timeout=_LOOK_EVERY, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                yield None

    def _one(self, course: Course) -> Course:
        started = time.monotonic()
        worker = self._idle.get()
        try:
            file = worker.back_up(course, self._journal.fresh_folder(course))
            checked = check_backup(file, course.id)
        except MoodleError as error:
            return replace(course, state=FAILED, error=error.message, seconds=round(time.monotonic() - started, 3))
        finally:
            self._idle.put(worker)
        return replace(
            course,
            state=BACKED_UP,
            file=str(file.relative_to(self._journal.folder)),
            size=checked.size,
            checksum=checked.checksum,
            seconds=round(time.monotonic() - started, 3),
            error=None,
        )
