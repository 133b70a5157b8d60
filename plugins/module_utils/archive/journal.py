# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run's folder on the shared storage: one small file per course, replaced by one rename, which is safe on NFS."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import typing as t
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.files import write_atomically
from .course import Course

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@contextlib.contextmanager
def on_storage(folder: Path) -> Iterator[None]:
    """Tell trouble with the storage in words: it is full, gone, or not ours to write."""
    try:
        yield
    except OSError as error:
        raise MoodleError(
            f"The storage failed at {error.filename or folder}: {error.strerror}. What is recorded holds: run again."
        ) from error


class Journal:
    """What is recorded of one run; writing needs the run's lease."""

    def __init__(self, storage: str, run: str) -> None:
        if not _NAME.fullmatch(run):
            raise BadInput(f"'{run}' is no name for a run: use letters, digits, '.', '_' and '-', for example 2025-2026.")
        try:
            found = Path(storage).is_dir()
        except OSError as error:
            raise BadInput(f"The storage {storage} cannot be looked into by the user who runs this: {error.strerror}.") from error
        if not found:
            raise BadInput(f"The storage {storage} does not exist on this host: mount it, or correct 'storage'.")
        self.folder = Path(storage).resolve() / run
        self._courses = self.folder / "courses"

    def make(self) -> None:
        """The run's folders; what is in them is nobody's but the owner's to read."""
        with on_storage(self.folder):
            for folder in (self.folder, self._courses, self.folder / "backups", self.folder / "logs"):
                folder.mkdir(mode=0o700, exist_ok=True)

    def about(self) -> dict[str, t.Any] | None:
        """What the run is for; None before it was begun."""
        return _read(self.folder / "run.json")

    def begin(self, about: dict[str, t.Any]) -> None:
        """Write down what the run is for."""
        _write(self.folder / "run.json", {"format": 1, "begun": now(), **about})

    def courses(self) -> dict[int, Course]:
        """All that is recorded, by course id."""
        with on_storage(self._courses):
            # A name that begins with a dot is a file that a killed run did not finish.
            files = sorted(self._courses.glob("[0-9]*.json")) if self._courses.is_dir() else []
            found = (Course.from_data(_read(file) or {}) for file in files)
            return {course.id: course for course in found}

    def record(self, course: Course) -> Course:
        """Write a course's state; returns the course as it was written."""
        stamped = replace(course, updated=now())
        _write(self._courses / f"{course.id}.json", stamped.data())
        return stamped

    def drop(self, course: Course) -> None:
        with on_storage(self._courses):
            (self._courses / f"{course.id}.json").unlink(missing_ok=True)

    def fresh_folder(self, course: Course) -> Path:
        """An empty folder for one attempt at a course; what earlier attempts left is removed."""
        home = self.folder / "backups" / str(course.id)
        with on_storage(home):
            if home.exists():
                shutil.rmtree(home)
            folder = home / secrets.token_hex(4)
            for new in (home, folder):
                new.mkdir(mode=0o700)
        return folder

    def holds(self, course: Course) -> bool:
        """Whether a recorded backup is there in its recorded size."""
        try:
            return bool(course.file) and (self.folder / str(course.file)).stat().st_size == course.size
        except FileNotFoundError:
            return False
        except OSError as error:
            raise MoodleError(f"The storage failed at {error.filename}: {error.strerror}.") from error

    def free_bytes(self) -> int:
        with on_storage(self.folder):
            return shutil.disk_usage(self.folder).free


def now() -> str:
    return datetime.now(timezone.utc).astimezone().isoformat(timespec="seconds")


def _read(file: Path) -> dict[str, t.Any] | None:
    with on_storage(file):
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
    try:
        data = json.loads(text)
    except ValueError as error:
        raise MoodleError(f"{file} is no valid JSON ({error}): the run never leaves such a file, so look at who wrote to it.") from error
    return t.cast("dict[str, t.Any]", data)


def _write(file: Path, data: dict[str, t.Any]) -> None:
    with on_storage(file):
        write_atomically(file, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode(errors="surrogatepass"), 0o600)


def private_append(file: Path) -> t.IO[bytes]:
    """A log that only its owner may read."""
    with on_storage(file):
        return open(file, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))
