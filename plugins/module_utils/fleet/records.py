# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The file of records: one line of JSON a node, written when it has ended; a run that was cut short is continued from it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import typing as t
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from ..common.errors import BadInput
from ..common.files import write_atomically


class Records:
    """For the length of a ``with``, during which no other run can write the same file; without a path nothing is written."""

    def __init__(self, path: str | None, run: str, *, resume: bool = False, only_look: bool = False) -> None:
        self._path = path
        self._run = run
        self._resume = resume
        self._only_look = only_look
        self._file: t.IO[bytes] | None = None
        self.done: dict[str, dict[str, t.Any]] = {}
        """The records of nodes that are ok already, by address: from the run that is continued."""
        self.trouble = ""
        """Why nothing can be written any more."""

    def __enter__(self) -> Records:
        if self._path is None or self._only_look:
            if self._path and self._resume and Path(self._path).exists():
                with a_place_for("records"), Path(self._path).open("rb") as old:
                    self._check_run()
                    self._read(old)
            return self
        with a_place_for("records"):
            self._file = file = open(self._path, "ab+", buffering=0, opener=_private)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._begin(file)
            except BlockingIOError:
                file.close()
                raise BadInput(
                    f"Another run writes {self._path} at this moment: wait for its end, or name another file in 'records'."
                ) from None
            except BaseException:
                file.close()
                raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()

    def _begin(self, file: t.IO[bytes]) -> None:
        if self._resume and file.seek(0, os.SEEK_END):
            self._check_run()
            file.truncate(self._read(file))
            return
        file.truncate(0)
        write_atomically(self._beside(), self._run.encode(), 0o600)

    def _beside(self) -> Path:
        return Path(f"{self._path}.run")

    def _check_run(self) -> None:
        if not self._beside().exists() or self._beside().read_text() != self._run:
            raise BadInput(
                f"{self._path} holds the records of another script, of other arguments or of other code:"
                " 'resume' continues the same run only. Begin anew without it."
            )

    def _read(self, file: t.IO[bytes]) -> int:
        """Find out what is done; returns where the last whole line ends."""
        end = file.seek(0)
        for line in file:
            # Cut short when the run was killed while it wrote: that node is run again.
            if not line.endswith(b"\n"):
                break
            end += len(line)
            record = json.loads(line)
            self.done.pop(record["wwwroot"], None)
            if record["verdict"] == "ok":
                self.done[record["wwwroot"]] = record
        return end

    def add(self, record: dict[str, t.Any]) -> str:
        """Write a record that is not there yet; returns it as a line."""
        line = json.dumps(record)
        if self._file and not self.trouble and self.done.get(record["wwwroot"]) is not record:
            try:
                self._file.write(f"{line}\n".encode())
            except OSError as error:
                self.trouble = f"{self._path} can no longer be written: {error.strerror}"
        return line


def _private(path: str, flags: int) -> int:
    # What scripts printed is for its owner; a link left in a shared folder is not followed.
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


@contextlib.contextmanager
def a_place_for(name: str) -> Iterator[None]:
    """Names the parameter whose file or folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise BadInput(f"'{name}' cannot be written on this host by the user who runs this: {error.filename}: {error.strerror}.") from error
