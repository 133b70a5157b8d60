# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user's program that runs for each course: any program, one of Moodle's own scripts, or a file for local_moodlescript."""

from __future__ import annotations

import os
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.php import as_node
from .course import Course
from .platform import Platform, Worker


@dataclass(frozen=True)
class Script:
    """What to run, and as which platform. The course's number in that platform and its names are in the environment."""

    path: str
    platform: Platform
    run: str
    timeout: float = 3600

    @classmethod
    def find(cls, path: str | None, platform: Platform, run: str, name: str) -> Script | None:
        """The script of the parameter ``name``, which must be there before anything begins; None where none is asked for."""
        if not path:
            return None
        script = cls(path, platform, run)
        if not script._file.is_file():
            raise BadInput(f"'{name}' is {path}: {script._file} does not exist on this host.")
        if script._inside and ".." in Path(path).parts:
            raise BadInput(f"'{name}' is {path}: a script of Moodle is named by its path inside the code.")
        return script

    def __call__(self, worker: Worker, course: Course, number: int) -> None:
        """Run it for a course, whose number in this platform is given; anything but success is a MoodleError."""
        if not self._inside and not os.access(self._file, os.X_OK):
            worker.order("script", course.id, file=str(self._file), course_id=number)
            return
        about = {"LMS_MOODLE_COURSE": str(number), "LMS_MOODLE_SOURCE_COURSE": str(course.id), "LMS_MOODLE_RUN": self.run}
        names = {"LMS_MOODLE_SHORTNAME": course.shortname, "LMS_MOODLE_FULLNAME": course.fullname}
        environment = {**as_node(self.platform.host), **about, **{name: value.replace("\0", "") for name, value in names.items()}}
        try:
            done = subprocess.run(
                self._command(number),
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise MoodleError(f"{self.path} took more than {self.timeout:g} s and was ended") from None
        except OSError as error:
            raise MoodleError(f"{self.path} could not be run: {error.strerror}") from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode(errors="replace").strip()[-400:] or "it printed nothing"
            raise MoodleError(f"{self.path} ended with {done.returncode}: {said}")

    @property
    def _inside(self) -> bool:
        """Whether it is one of Moodle's own scripts."""
        return self.path.endswith(".php") and not self.path.startswith("/")

    @property
    def _file(self) -> Path:
        return self.platform.code / self.path

    def _command(self, number: int) -> t.Sequence[str]:
        if self._inside:
            return self.platform.php.command(self._file, [f"--courseid={number}"], prepend="override.php")
        return [str(self._file), str(number)]


@dataclass(frozen=True)
class Scripts:
    """What runs before and after the step, where something does."""

    first: Script | None = None
    last: Script | None = None

    def before(self, worker: Worker, course: Course, number: int) -> None:
        if self.first:
            self.first(worker, course, number)

    def after(self, worker: Worker, course: Course, number: int) -> None:
        if self.last:
            self.last(worker, course, number)
