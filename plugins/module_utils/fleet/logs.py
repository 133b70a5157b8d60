# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a script printed on one node: all of it in a log, its beginning and its end in memory."""

from __future__ import annotations

import hashlib
import os
import re
import typing as t
from pathlib import Path
from types import TracebackType

# Enough for the first and the last words of any script; a log may be gigabytes.
_KEPT = 65536


class Log:
    """For the length of a ``with``; without a path nothing is written."""

    def __init__(self, path: Path | None, keep: int) -> None:
        self.path = path
        self.trouble = ""
        """Why the log is not whole; the script went on all the same."""
        self._keep = keep
        self._file: t.IO[bytes] | None = None
        self._head = self._tail = b""
        self._cut = False

    @classmethod
    def of(cls, wwwroot: str, folder: Path | None, keep: int) -> Log:
        """The log of a node in its folder, if logs are wanted."""
        return cls(folder / log_name(wwwroot) if folder else None, keep)

    def __enter__(self) -> Log:
        if self.path:
            _rotate(self.path, self._keep)
            self._file = open(self.path, "wb", buffering=0, opener=_private)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()

    def write(self, chunk: bytes) -> None:
        """Keep what was just printed."""
        if self._file and not self.trouble:
            try:
                self._file.write(chunk)
            except OSError as error:
                self.trouble = f"its log could not be written to the end: {error.strerror}"
        room = _KEPT - len(self._head)
        self._head += chunk[:room]
        rest = self._tail + chunk[room:] if room > 0 else self._tail + chunk
        self._cut = self._cut or len(rest) > _KEPT
        self._tail = rest[-_KEPT:]

    def begin_again(self, why: str) -> None:
        """A further try: the log goes on, the verdict forgets."""
        self.write(why.encode())
        self._head, self._tail, self._cut = b"", b"", False

    def text(self) -> str:
        """What was printed: all of it, or both ends."""
        between = b"\n[\xe2\x80\xa6]\n" if self._cut else b""
        return (self._head + between + self._tail).decode(errors="replace")


def log_name(wwwroot: str) -> str:
    """A file name that is readable, harmless and no other node's."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", wwwroot.split("://", 1)[-1])
    if f"http://{readable}" != wwwroot:
        # A file name may be 255 bytes long, an address longer.
        readable = f"{readable[:200]}-{hashlib.sha256(wwwroot.encode()).hexdigest()[:8]}"
    return f"{readable}.log"


def _private(path: str, flags: int) -> int:
    # Output may hold personal data; a link left in a shared folder is not followed.
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _rotate(path: Path, keep: int) -> None:
    """The log of the run before becomes ``.1``, that one ``.2``; nothing is left behind the last."""
    if keep and path.is_file() and not path.is_symlink():
        for number in range(keep - 1, 0, -1):
            if (older := path.with_name(f"{path.name}.{number}")).exists():
                older.replace(path.with_name(f"{path.name}.{number + 1}"))
        path.replace(path.with_name(f"{path.name}.1"))
