# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the programs of other version controls: they ask nobody anything, and a server that falls silent is not waited for."""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import subprocess
import tempfile
import typing as t
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from ..common.errors import CommandFailed
from ..common.process import without_secrets

PATIENCE = 120.0  # seconds; a large file comes without a word in between
PACKAGES = {"svn": "subversion", "svnrdump": "subversion", "cvs": "cvs"}
# Their words in English and their dates in one zone, whoever asks.
_EVERYWHERE_THE_SAME = {"LC_ALL": "C.UTF-8", "LANGUAGE": "", "TZ": "UTC", "SSH_ASKPASS_REQUIRE": "never"}


class _Watched(io.RawIOBase):
    """What comes through a pipe, as long as anything comes."""

    def __init__(self, pipe: t.IO[bytes], patience: float) -> None:
        self._pipe = pipe
        self._patience = patience
        self._poll = select.poll()
        self._poll.register(pipe, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int:
        if not self._poll.poll(self._patience * 1000):
            raise TimeoutError
        return os.readv(self._pipe.fileno(), [buffer])


@contextlib.contextmanager
def output_of(
    command: Sequence[str], source: str, *, cwd: Path | None = None, env: Mapping[str, str] | None = None, secrets: Collection[str] = ()
) -> Iterator[io.BufferedReader]:
    """What ``command`` prints, while it runs; what reads it says EOFError where it ends too early, and the program's own words are told.

    It is in a session of its own, without a terminal to ask for passwords. It does not inherit the lock: it writes to us, or to a
    folder that nobody else uses, so that a program that hangs after we were killed keeps nobody out.
    """
    environment = {**os.environ, **_EVERYWHERE_THE_SAME, **(env or {})}
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
            )
        except FileNotFoundError:
            package = PACKAGES.get(command[0], command[0])
            raise CommandFailed(
                f"Could not read {source}: this host has no program '{command[0]}': install it (Debian: apt-get install {package})."
            ) from None
        early = False
        try:
            with t.cast(t.IO[bytes], process.stdout) as pipe:
                try:
                    yield io.BufferedReader(_Watched(pipe, PATIENCE), 1 << 16)
                except EOFError:
                    early = True
            process.wait(PATIENCE)
        except (TimeoutError, subprocess.TimeoutExpired):
            raise CommandFailed(f"Could not read {source}: nothing came for {PATIENCE:g} s.") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode != 0 or early:
            said.seek(0)
            words = _words(said.read(), secrets)
            raise CommandFailed(f"Could not read {source}: {words or f'{command[0]} ended with {process.returncode} and said nothing'}")


def _words(said: bytes, secrets: Collection[str]) -> str:
    words = without_secrets(" | ".join(line.strip() for line in said.decode(errors="replace").splitlines() if line.strip()))
    for secret in secrets:
        words = words.replace(secret, "***")
    return "".join(sign if sign.isprintable() else "?" for sign in words)[-800:]
