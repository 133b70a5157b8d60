# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who acts on a run: one process on one host at a time, told by a file that works on NFS, where locks may not."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import threading
import time
import typing as t
from pathlib import Path
from types import TracebackType

from ..common.errors import MoodleError
from .journal import now, on_storage

# Renewed eight times before it may be taken over.
STALE = 120.0
_NAME = "lease.json"


class Lease:
    """Held for the length of a ``with``; renewed by a thread, so that it ages only when its host or process is gone.

    All ages are differences between times of the storage itself: the hosts' clocks do not matter.
    """

    def __init__(self, folder: Path, *, stale: float = STALE) -> None:
        self._folder = folder
        self._file = folder / _NAME
        self._stale = stale
        self.token = secrets.token_hex(8)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.lost = False

    def __enter__(self) -> Lease:
        with on_storage(self._folder):
            self._acquire()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        if self._thread:
            self._thread.join()
        with contextlib.suppress(OSError):
            if _holder(self._file).get("token") == self.token:
                self._file.unlink()

    def check(self) -> None:
        """Stop before anything is recorded that is no longer ours to record."""
        if self.lost:
            raise MoodleError(
                f"{self._file} was taken over by another process while this one could not renew it: nothing more is recorded here."
            )

    def _acquire(self) -> None:
        mine = self._folder / f".lease.{self.token}"
        holder = {"host": platform.node(), "process": _process(os.getpid()), "since": now(), "token": self.token}
        with open(mine, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump(holder, file)
        try:
            # A link is made or not made, on NFS too, where an answer may get lost but the link count does not lie.
            with contextlib.suppress(FileExistsError):
                os.link(mine, self._file)
            if mine.stat().st_nlink == 1:
                self._take_over(mine)
        finally:
            mine.unlink(missing_ok=True)

    def _take_over(self, mine: Path) -> None:
        found = _holder(self._file)
        if not self._abandoned(found, mine):
            raise MoodleError(
                f"Another process acts on this run: {_pid(found)} on {found.get('host')}, since {found.get('since')}. Wait for its "
                f"end; if that host is gone, the run can be taken over {self._stale:g} s after its last sign ({self._file})."
            )
        # Only one can make this link for that token, so only one replaces that lease.
        marker = self._folder / f".lease-over.{found.get('token')}"
        try:
            os.link(mine, marker)
        except FileExistsError:
            raise MoodleError(f"Another process is taking this run over at this moment. If none is, remove {marker}.") from None
        try:
            if _holder(self._file).get("token") != found.get("token"):
                raise MoodleError("Another process has just taken this run over: wait for its end.")
            mine.replace(self._file)
        finally:
            marker.unlink(missing_ok=True)

    def _abandoned(self, found: dict[str, t.Any], mine: Path) -> bool:
        process = str(found.get("process"))
        if found.get("host") == platform.node() and process.partition(" ")[2] == _boot():
            return _process(_pid(found)) != process
        try:
            return mine.stat().st_mtime - self._file.stat().st_mtime > self._stale
        except FileNotFoundError:
            return False

    def _renew(self) -> None:
        while not self._ended.wait(self._stale / 8):
            try:
                if _holder(self._file).get("token") != self.token:
                    self.lost = True
                    return
                os.utime(self._file)
            except OSError:
                # The storage may come back before the lease is stale; until then nothing can be recorded anyway.
                continue


def read_holder(folder: Path) -> dict[str, t.Any]:
    """Who holds the lease of a run, with the seconds since its last sign by this host's clock; empty when nobody does."""
    try:
        age = time.time() - (folder / _NAME).stat().st_mtime
    except FileNotFoundError:
        return {}
    found = _holder(folder / _NAME)
    return {**found, "age": max(0.0, round(age, 1))} if found else {}


def is_alive(holder: dict[str, t.Any], *, stale: float = STALE) -> bool:
    """Whether that holder still works: on this host its process is looked for, elsewhere its last sign counts."""
    process = str(holder.get("process"))
    if holder.get("host") == platform.node() and process.partition(" ")[2] == _boot():
        return _process(_pid(holder)) == process
    return bool(holder) and float(holder.get("age", 0)) <= stale


def _holder(file: Path) -> dict[str, t.Any]:
    try:
        return t.cast("dict[str, t.Any]", json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}


def _pid(holder: dict[str, t.Any]) -> int:
    number = str(holder.get("process")).partition(":")[0]
    return int(number) if number.isdigit() else 0


def _process(pid: int) -> str:
    """A process, told from another one that got the same number later: pid, start time, and the host's boot."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except OSError:
        started = "gone"
    return f"{pid}:{started} {_boot()}"


def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return "unknown"
