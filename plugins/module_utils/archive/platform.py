# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Moodle that acts: what it says of a category, and the long-lived PHP that works on its courses."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.php import Php, as_node
from .course import Course

# PHP gathers memory over the courses: a fresh process costs a fifth of a second.
COURSES_PER_WORKER = 50


@dataclass(frozen=True)
class Selected:
    """A category as the platform knows it, and the courses of its sub-tree."""

    wwwroot: str
    release: str
    category: Mapping[str, t.Any]
    courses: Sequence[Course]
    tree: Sequence[Mapping[str, t.Any]] = ()
    """The category with those above and below it, parents first."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Version of Moodle and of the plugins that leave traces in courses."""
    temp: int | None = None
    """Bytes that are free where the platform puts backups together."""


@dataclass(frozen=True)
class Platform:
    """A site, or one virtual node of it."""

    php: Php
    code: Path
    host: str | None = None

    def select(
        self, category: Mapping[str, t.Any], choose: t.Callable[[list[dict[str, t.Any]]], Sequence[Mapping[str, t.Any]]]
    ) -> Selected:
        """The courses below the one category that fits, those of them that ``choose`` leaves."""
        command = self.php.command(self.php.own("archive_plan.php"), [str(self.code)], prepend="override.php")
        order = json.dumps({"category": dict(category)}).encode()
        done = subprocess.run(command, input=order, env=dict(as_node(self.host)), capture_output=True, check=False)
        lines = done.stdout.decode(errors="replace").splitlines()
        if done.returncode != 0 or not lines or not lines[0].startswith("{"):
            said = (done.stderr + done.stdout).decode(errors="replace").strip()[-800:] or "it printed nothing"
            raise MoodleError(f"The courses could not be read from {self.host or self.code}: PHP ended with {done.returncode}: {said}")
        site, *rows = (json.loads(line) for line in lines)
        self.must_be(site["wwwroot"])
        ((kind, value),) = category.items()
        if not site["categories"]:
            raise BadInput(f"{site['wwwroot']} has no category whose {kind} is '{value}'.")
        if len(site["categories"]) > 1:
            several = ", ".join(f"{found['id']} ({found['path']})" for found in site["categories"])
            raise BadInput(f"{site['wwwroot']} has several categories whose {kind} is '{value}': {several}. Name one by its id.")
        courses = [Course.from_data({**row, "place": place}) for place, row in enumerate(choose(rows))]
        found = {name: site[name] for name in ("tree", "versions", "temp") if name in site}
        return Selected(site["wwwroot"], site["release"], site["categories"][0], courses, **found)

    def ask(self, what: str, **order: t.Any) -> dict[str, t.Any]:
        """One order to a PHP of its own."""
        with tempfile.TemporaryFile() as log:
            worker = Worker(self, log)
            try:
                return worker.order(what, 0, **order)
            except MoodleError as error:
                worker.close()
                log.seek(max(0, log.tell() - 400))
                said = log.read().decode(errors="replace").strip()
                raise MoodleError(error.message + (f" ({said})" if said else "")) from None
            finally:
                worker.close()

    def must_be(self, wwwroot: str) -> None:
        """PHP must speak for the node that was asked for."""
        if self.host and wwwroot != self.host.rstrip("/"):
            raise MoodleError(f"Moodle answered for {wwwroot} instead of {self.host}: is the node in VMoodle's registry?")


class Worker:
    """One PHP process that works on course after course; started at the first, and anew after so many or after a failure."""

    def __init__(self, platform: Platform, log: t.IO[bytes]) -> None:
        self._platform = platform
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._done = 0

    def order(self, what: str, course: int, **order: t.Any) -> dict[str, t.Any]:
        """Have one thing done with one course; returns the answer. What goes wrong is a MoodleError with the reason."""
        try:
            answer = self._ask({"do": what, "id": course, **order})
            if answer.get("id") != course:
                raise MoodleError(f"the PHP worker answered for course {answer.get('id')} instead of {course}")
            if "error" in answer:
                raise MoodleError(str(answer["error"]))
        except BaseException:
            # What a failed course left in the process (an open transaction, a lost connection) must not hit the next.
            self.close()
            raise
        self._done += 1
        if self._done >= COURSES_PER_WORKER:
            self.close()
        return answer

    def close(self) -> None:
        """End the process: it ends by itself when its input does."""
        process, self._process, self._done = self._process, None, 0
        if process is None:
            return
        with contextlib.suppress(OSError):
            _input(process).close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _output(process).close()

    def _ask(self, order: Mapping[str, t.Any]) -> dict[str, t.Any]:
        process = self._process = self._process or self._start()
        with contextlib.suppress(BrokenPipeError):
            _input(process).write(json.dumps(order) + "\n")
            _input(process).flush()
        return self._answer(process)

    def _start(self) -> subprocess.Popen[str]:
        platform = self._platform
        process = subprocess.Popen(
            platform.php.command(platform.php.own("archive_worker.php"), [str(platform.code)], prepend="override.php"),
            env=dict(as_node(platform.host)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            encoding="utf-8",
            errors="replace",
        )
        self._process = process
        platform.must_be(str(self._answer(process).get("wwwroot")))
        return process

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, t.Any]:
        line = _output(process).readline()
        try:
            return t.cast("dict[str, t.Any]", json.loads(line))
        except ValueError:
            process.kill()
            said = f" and said: {line.strip()[:300]}" if line.strip() else ""
            more = f"; its log has more: {self._log.name}" if isinstance(self._log.name, str) else ""
            raise MoodleError(f"the PHP worker ended with {process.wait()}{said}{more}") from None


def _input(process: subprocess.Popen[str]) -> t.IO[str]:
    return t.cast("t.IO[str]", process.stdin)


def _output(process: subprocess.Popen[str]) -> t.IO[str]:
    return t.cast("t.IO[str]", process.stdout)
