# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process with a time limit that ends all of its descendants, and that is noticed the moment it ends."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import CommandFailed


def run_timed(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: t.IO[bytes],
    timeout: float | None,
    grace: float = 5.0,
) -> int | None:
    """Run ``command`` with all its output in a file; returns its exit code, None when its time ran out.

    Then the whole process group is asked to end, and after ``grace`` seconds made to.
    """
    try:
        process = subprocess.Popen(
            list(command), cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    except FileNotFoundError as error:
        raise CommandFailed(f"'{error.filename}' was not found on this host: install it, or correct PATH.") from error
    try:
        if _ended(process, timeout):
            return process.returncode
        return None
    finally:
        if process.returncode is None:
            _end_group(process, grace)


def _ended(process: subprocess.Popen[bytes], timeout: float | None) -> bool:
    """Wait for the end; whether it came in time."""
    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        # A kernel before 5.3: Python looks again and again instead.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout)
        return process.returncode is not None
    try:
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        waiting.poll(None if timeout is None else timeout * 1000)
    finally:
        os.close(handle)
    return process.poll() is not None


def _end_group(process: subprocess.Popen[bytes], grace: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        deadline = time.monotonic() + grace
        while _group_lives(process) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not _group_lives(process):
            break
    process.wait()


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    # Reap the leader, or it keeps the group alive as a zombie.
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
