# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a program from a list of arguments; there is no shell anywhere in this collection."""

from __future__ import annotations

import os
import re
import subprocess
import typing as t
from collections.abc import Mapping, Sequence

from .errors import CommandFailed

# Up to the last @ before the path: a password may hold an @ of its own.
URL_PASSWORD = re.compile(r"(?<=://)[^/\s]+(?=@)")


def without_secrets(text: str) -> str:
    """The text as it may be shown: user and password that stand in a URL are taken out."""
    return URL_PASSWORD.sub("***", text)


def secrets_in(url: str) -> set[str]:
    """What of a URL must never be shown: the password, or a token that stands alone before the @ (a user of ssh is no secret)."""
    found = URL_PASSWORD.search(url)
    user, colon, password = found.group().partition(":") if found else ("", "", "")
    return {password} - {""} if colon or not url.startswith("http") else {user} - {""}


def run(
    command: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    check: bool = True,
    inherit: Sequence[int] | None = None,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run ``command``; with ``check``, raise CommandFailed with its last words when it ends badly.

    It inherits the locks that are held, or no open files but those of ``inherit``.
    """
    try:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            env=_surroundings(env),
            input=stdin if stdin is not None else b"",
            capture_output=True,
            check=False,
            close_fds=inherit is not None,  # nothing is inherited but a held lock: a child that outlives us keeps it
            pass_fds=inherit or (),
            timeout=timeout,
        )
    except FileNotFoundError as error:
        raise _missing(cwd if cwd is not None and not os.path.isdir(cwd) else command[0]) from error  # noqa: PTH112
    if check and done.returncode != 0:
        raise CommandFailed(explain(command, done.returncode, done.stderr or done.stdout))
    return done


def start(command: Sequence[str], out: t.IO[bytes]) -> subprocess.Popen[bytes]:
    """Let ``command`` write to ``out`` while something else is done.

    Unlike all others it inherits no lock, so it must change nothing else: if we are killed meanwhile, nobody has to wait for its end.
    """
    try:
        return subprocess.Popen(list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, env=_surroundings())
    except FileNotFoundError as error:
        raise _missing(command[0]) from error


def _surroundings(more: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", **(more or {})}


def _missing(name: str) -> CommandFailed:
    return CommandFailed(f"'{name}' was not found on this host: install it, or correct PATH.")


def explain(command: Sequence[str], returncode: int, output: bytes) -> str:
    """One sentence about a command that failed, with the last lines that it printed."""
    # Secrets go first: cut in the middle, a URL would not be known for one.
    said = without_secrets(" | ".join(line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()))[-800:]
    return f"'{without_secrets(' '.join(command[:6]))}' ended with {returncode}: {said or 'it printed nothing'}"


def text(done: subprocess.CompletedProcess[bytes]) -> str:
    """What a finished command printed, without the line break at its end."""
    return done.stdout.decode(errors="surrogateescape").rstrip("\n")
