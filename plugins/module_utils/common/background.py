# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's end of a long piece of work: says how far it is, and notices when nobody watches any more."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import typing as t
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import MoodleError

# The watcher touches its file about once a second; a busy controller or a broken line may keep it away for a while.
PATIENCE = 90.0
_EVERY = 0.5


@dataclass(frozen=True)
class Progress:
    """How far the work is, in its own words."""

    what: str
    total: int
    done: int = 0
    failed: int = 0
    seconds: float = 0.0

    def pace(self) -> dict[str, float | None]:
        """How many a second, and how many seconds are left; None while that cannot be known."""
        rate = self.done / self.seconds if self.done and self.seconds > 0 else None
        return {"rate": rate and round(rate, 3), "left": rate and round((self.total - self.done) / rate, 1)}


class Background:
    """Talks to the action plugin through two files in ``folder``; without a folder (check mode) nobody watches.

    ``shown`` is a file of the user's that receives the same figures.
    """

    def __init__(self, folder: str | None, *, patience: float = PATIENCE, shown: Path | None = None) -> None:
        self._progress = Path(folder) / "progress.json" if folder else None
        self._shown = shown
        self._watcher = Path(folder) / "watched" if folder else None
        self._patience = patience
        self._written = 0.0
        self._seen: int | None = None
        self._last: Progress | None = None
        self._seen_at = time.monotonic()

    def report(self, progress: Progress, *, over: bool = False) -> None:
        """Leave the figures for the watcher, twice a second at the most; the last ones (``over``) always."""
        self._look()
        self._last = progress
        if not over and time.monotonic() - self._written < _EVERY:
            return
        self._written = time.monotonic()
        if self._progress:
            # The beat makes each writing differ, so that the watcher tells slow work from dead work.
            _replace(self._progress, {**asdict(progress), "over": over, "beat": self._written})
        if self._shown:
            # What only shows the work must not stop it.
            with contextlib.suppress(OSError):
                _replace(self._shown, {**asdict(progress), **progress.pace(), "over": over})

    def counter(self, what: str) -> t.Callable[[int, int], None]:
        """A function to call with how many of ``what`` are done, and of how many; it ends the work when nobody watches any more."""
        started = time.monotonic()

        def count(done: int, total: int) -> None:
            if self.abandoned():
                raise MoodleError("The play that asked for this is gone, so the work was stopped: run it again.")
            self.report(Progress(what, total, done, seconds=time.monotonic() - started))

        return count

    def over(self) -> None:
        """Tell the watcher that the work has ended, so that it need not wait for a silence."""
        if self._last is not None:
            self.report(self._last, over=True)
        elif self._progress:
            # It ended before there was anything to count.
            with contextlib.suppress(OSError):
                _replace(self._progress, {**asdict(Progress("", 0)), "over": True})

    def abandoned(self) -> bool:
        """Whether the play that started this work is gone: begin nothing new, then end. Needs a ``report`` every now and then."""
        self._look()
        return self._watcher is not None and time.monotonic() - self._seen_at > self._patience

    def _look(self) -> None:
        """Notice the watcher's last sign at the time it was given: only a change counts, so that no clock that is set can end the work."""
        if self._watcher is None:
            return
        try:
            touched = self._watcher.stat().st_mtime_ns
        except FileNotFoundError:
            touched = -1
        if touched != self._seen:
            self._seen, self._seen_at = touched, time.monotonic()

    def answer(self, result: dict[str, t.Any]) -> dict[str, t.Any]:
        """The module's result, packed: Ansible adds keys to a background task's (``finished``, ``started``) that may be its own."""
        return result if self._watcher is None else {"answer": result}

    def close(self) -> None:
        """Remove the folder when nobody is left to do it."""
        if self._watcher is not None and self.abandoned():
            shutil.rmtree(self._watcher.parent, ignore_errors=True)


def _replace(path: Path, figures: dict[str, t.Any]) -> None:
    """Readers see the old figures or the new ones; they need not outlast a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with open(temporary, "w", encoding="utf-8", opener=_own) as file:
        json.dump(figures, file)
    temporary.replace(path)


def _own(path: str, flags: int) -> int:
    # A link left in a shared folder is not followed.
    return os.open(path, flags | os.O_NOFOLLOW, 0o644)
