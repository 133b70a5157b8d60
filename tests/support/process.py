# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run one program and keep what it said."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path


class SupportError(Exception):
    """The test's surroundings are not as they must be; the message says what to do."""


@dataclass(frozen=True)
class Result:
    """How a program ended. `rc` is negative for a signal and None when time ran out."""

    argv: tuple[str, ...]
    rc: int | None
    out: str
    err: str
    seconds: float

    @property
    def timed_out(self) -> bool:
        return self.rc is None

    @property
    def text(self) -> str:
        return self.out + self.err

    def must_succeed(self) -> Result:
        if self.rc != 0:
            raise SupportError(f"{' '.join(self.argv)}\nended with {self.rc} after {self.seconds:.1f} s\n{self.text[-4000:]}")
        return self


def program(name: str, package: str) -> str:
    """The path of a program, or an error that names the Debian package that brings it."""
    # Servers live in sbin, which is not in everybody's PATH.
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/sbin")
    if not found:
        raise SupportError(f"{name} is not installed: install it (Debian: apt-get install {package})")
    return found


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 600,
    stdin_file: Path | None = None,
    stdout_file: Path | None = None,
) -> Result:
    """Run a program with its input closed; `env` is added to the environment."""
    words = tuple(str(word) for word in argv)
    started = time.monotonic()
    with ExitStack() as files:
        try:
            done = subprocess.run(
                words,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=files.enter_context(stdin_file.open("rb")) if stdin_file else subprocess.DEVNULL,
                stdout=files.enter_context(stdout_file.open("wb")) if stdout_file else subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            return Result(words, None, _text(late.stdout), _text(late.stderr), time.monotonic() - started)
    return Result(words, done.returncode, _text(done.stdout), _text(done.stderr), time.monotonic() - started)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")
