# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run's folder on the shared storage: one small file per course, replaced by one rename, which is safe on NFS."""

from __future__ import annotations

import contextlib
import hashlib
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
from .course import FAILED, Course

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FACTS = "facts.json"
_CHUNK = 1 << 20


class Damaged(MoodleError):
    """What lies in the storage is not what was recorded."""


@contextlib.contextmanager
def on_storage(folder: Path) -> Iterator[None]:
    """Tell trouble with the storage in words: it is full, gone, or not ours to write."""
    try:
        yield
    except OSError as error:
        raise MoodleError(
            f"The storage failed at {error.filename or folder}: {error.strerror or error}. What is recorded holds: run again."
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
            for folder in (self.folder, self._courses, *(self.folder / name for name in ("backups", "logs", "reports"))):
                folder.mkdir(mode=0o700, exist_ok=True)

    def about(self) -> dict[str, t.Any] | None:
        """What the run is for; None before it was begun."""
        return _read(self.folder / "run.json")

    def begin(self, about: dict[str, t.Any]) -> None:
        """Write down what the run is for."""
        write_private(self.folder / "run.json", {"format": 1, "begun": now(), **about})

    def keep(self, name: str, data: dict[str, t.Any]) -> bool:
        """Keep what is known of the whole run under a name; whether that is news."""
        file = self.folder / f"{name}.json"
        if _read(file) == data:
            return False
        write_private(file, data)
        return True

    def kept(self, name: str) -> dict[str, t.Any]:
        return _read(self.folder / f"{name}.json") or {}

    def courses(self) -> dict[int, Course]:
        """All that is recorded, by course id."""
        with on_storage(self._courses):
            # A name that begins with a dot is a file that a killed run did not finish.
            files = sorted(self._courses.glob("[0-9]*.json")) if self._courses.is_dir() else []
            found = {file: Course.from_data(_read(file) or {}) for file in files}
        for file, course in found.items():
            if file.stem != str(course.id):
                raise MoodleError(f"{file} is of course {course.id}: the run never leaves such a file, so look at who wrote to it.")
        return {course.id: course for course in found.values()}

    def record(self, course: Course) -> Course:
        """Write a course's state; returns the course as it was written. Only a state that is new to it has a new time."""
        moment = now()
        stays = course.updated and course.history.get(course.state) == course.updated and course.state != FAILED
        stamped = course if stays else replace(course, updated=moment, history={**course.history, course.state: moment})
        write_private(self._courses / f"{course.id}.json", stamped.data())
        return stamped

    def drop(self, course: Course) -> None:
        with on_storage(self._courses):
            (self._courses / f"{course.id}.json").unlink(missing_ok=True)

    def fresh_folder(self, course: Course) -> Path:
        """An empty folder for one attempt at a course; what earlier attempts left is removed, a recorded backup is not."""
        home = self.folder / "backups" / str(course.id)
        with on_storage(home):
            home.mkdir(mode=0o700, exist_ok=True)
            self.tidy(course)
            folder = home / secrets.token_hex(4)
            folder.mkdir(mode=0o700)
        return folder

    def tidy(self, course: Course) -> None:
        """Remove all attempts at a course but the recorded one."""
        home = self.folder / "backups" / str(course.id)
        with on_storage(home):
            for attempt in home.iterdir():
                if not course.file or attempt != (self.folder / course.file).parent:
                    shutil.rmtree(attempt)

    def forget(self, course: Course) -> None:
        """Remove what the storage has of the people of a course: its backup with all beside it, and the report of its comparison."""
        home = self.folder / "backups" / str(course.id)
        with on_storage(home):
            # A disk or a link that leads nowhere at this moment is not a backup that is gone.
            home.parent.stat()
            if home.exists() or home.is_symlink():
                shutil.rmtree(home)
            (self.folder / "reports" / f"{course.id}.json").unlink(missing_ok=True)

    def keep_facts(self, folder: Path, facts: dict[str, t.Any]) -> str:
        """Lay down what a course held beside its backup; returns the checksum."""
        write_private(folder / _FACTS, facts)
        return _sha256(folder / _FACTS)

    def facts(self, course: Course) -> dict[str, t.Any]:
        """What a course held when it was backed up, as it was written then."""
        file = (self.folder / str(course.file)).with_name(_FACTS)
        if not course.facts or not file.exists() or _sha256(file) != course.facts:
            raise Damaged(f"{file} is missing or is not what was written with the backup")
        return _read(file) or {}

    def check(self, course: Course) -> Path:
        """The recorded backup, read and found to be what was written; otherwise Damaged."""
        file = self.folder / str(course.file)
        if not self.holds(course) or _sha256(file) != course.checksum:
            raise Damaged(f"the backup {course.file} is missing or is not what was written")
        return file

    def report(self, course: Course, data: dict[str, t.Any]) -> Path:
        """Keep a report of one course."""
        file = self.folder / "reports" / f"{course.id}.json"
        with on_storage(file):
            file.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(file, data)
        return file

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


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with on_storage(file), file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


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


def write_private(file: Path, data: dict[str, t.Any]) -> None:
    """Replace a file of the run, which only its owner may read."""
    with on_storage(file):
        write_atomically(file, (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode(errors="surrogatepass"), 0o600)


def private_append(file: Path) -> t.IO[bytes]:
    """A log that only its owner may read."""
    with on_storage(file):
        return open(file, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))
