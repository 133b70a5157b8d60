# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PHP process that runs the script for one node after the other (node_worker.php), and how we speak with it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time
import typing as t
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..common.groups import Guardian, end_group, group_lives, signal_group
from .keyboard import Keyboard

_CHUNK = 65536
_LOOK_EVERY = 0.5
# What the script printed is in the pipe when it has ended, and fits into so many; a child that it left behind may write for ever.
_LAST_WORDS = 64

Hear = Callable[[bytes], None]
Report = Mapping[str, t.Any]
Outcome = tuple["int | None", "Report | None"]


class Worker:
    """Runs orders, by a process that is started when the first one comes, and again when it is gone."""

    def __init__(self, command: Sequence[str], cwd: Path, guardian: Guardian, *, grace: float, keys: bytes | None = None) -> None:
        self._command = command
        self._keys = keys
        self._cwd = cwd
        self._guardian = guardian
        self._grace = grace
        self._php: _Php | None = None

    def run(self, node: str | None, words: Sequence[str], title: str, *, hear: Hear, timeout: float | None) -> Outcome:
        """Run the script once: its exit code (negative for a signal, None when its time ran out) and the site that it reports."""
        deadline = None if timeout is None else time.monotonic() + timeout
        if self._php is None or self._php.process.poll() is not None:
            self.close()
            self._php = _Php(self._command, self._cwd, self._guardian, self._grace, self._keys)
        try:
            outcome = self._php.follow({"node": node, "words": words, "title": title}, hear, deadline)
        except BaseException:
            self.close()
            raise
        if not self._php.is_free():
            self.close()
        return outcome

    def close(self) -> None:
        """End the process, and what it is doing."""
        if self._php is not None:
            self._php.end()
            self._php = None


class _Php:
    """The process itself."""

    def __init__(self, command: Sequence[str], cwd: Path, guardian: Guardian, grace: float, keys: bytes | None) -> None:
        self._guardian = guardian
        self._keys = keys
        self._keyboard = None if keys is None else Keyboard()
        self._grace = grace
        self._control, theirs = socket.socketpair()
        self._output, writing = os.pipe()
        os.set_blocking(self._output, False)
        try:
            self.process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env={**os.environ, "LMS_MOODLE_CONTROL": str(theirs.fileno())},
                stdin=self._keyboard.theirs if self._keyboard else subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        except OSError:
            self._let_go()
            raise
        finally:
            theirs.close()
            os.close(writing)
        guardian.take(self.process.pid)
        self._heard = b""
        self._group = 0
        """Of the run that goes on, from the moment it may begin."""
        self._running = False

    def is_free(self) -> bool:
        """Whether it can do more: it lives, and nobody whom the last script left behind writes into our pipe."""
        if self._group == self.process.pid or group_lives(self._group):
            return False
        self._guardian.leave(self._group)
        self._group = 0
        return True

    def end(self) -> None:
        """Let the process end; what it does is killed, what a script that has ended left behind is not."""
        self._let_go()
        if self._running:
            signal_group(self._group or self.process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(self._grace)
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        for group in {self.process.pid, self._group} - {0}:
            self._guardian.leave(group)

    def _let_go(self) -> None:
        self._control.close()
        os.close(self._output)
        if self._keyboard:
            self._keyboard.close()

    def follow(self, order: Mapping[str, t.Any], hear: Hear, deadline: float | None) -> Outcome:
        """Give the order, and listen until it is done or its time runs out."""
        self._running = True
        if self._keyboard and self._keys is not None:
            self._keyboard.type(self._keys)
        self._send(order)
        outcome = self._listen_to_the_end(hear, deadline)
        self._hear(hear, _LAST_WORDS)
        self._running = False
        return outcome

    def _listen_to_the_end(self, hear: Hear, deadline: float | None) -> Outcome:
        report = None
        waiting = select.poll()
        waiting.register(self._control, select.POLLIN)
        waiting.register(self._output, select.POLLIN)
        while True:
            left = _LOOK_EVERY if deadline is None else min(_LOOK_EVERY, deadline - time.monotonic())
            if left <= 0:
                end_group(self._group or self.process.pid, self._grace, self.process.poll)
                return None, report
            events = dict(waiting.poll(left * 1000))
            if self._output in events and not self._hear(hear, 1):
                waiting.unregister(self._output)
            if events and self._control.fileno() not in events:
                continue
            # Asked first: what it said before it ended is read then, too.
            gone = self.process.poll() is not None
            lines, over = self._answers()
            for line in lines:
                if "group" in line:
                    self._group = int(line["group"])
                    self._guardian.take(self._group)
                    self._send({})
                report = line.get("site", report)
                if "ended" in line:
                    return int(line["ended"]), report
            if over or gone:
                return self.process.wait(), report

    def _send(self, message: Mapping[str, t.Any]) -> None:
        # Gone in this instant: listening will tell.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(json.dumps(message).encode() + b"\n")

    def _answers(self) -> tuple[list[dict[str, t.Any]], bool]:
        """The whole lines that have come, and whether none will come any more."""
        over = False
        try:
            while chunk := self._control.recv(_CHUNK, socket.MSG_DONTWAIT):
                self._heard += chunk
            over = True
        except BlockingIOError:
            pass
        except ConnectionResetError:
            over = True
        *lines, self._heard = self._heard.split(b"\n")
        return [json.loads(line) for line in lines], over

    def _hear(self, hear: Hear, chunks: int) -> bool:
        """Pass on what was printed; whether more may come."""
        for _dummy in range(chunks):
            try:
                chunk = os.read(self._output, _CHUNK)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            hear(chunk)
        return True
