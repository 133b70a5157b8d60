# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files from anywhere as one commit of Git, the same on every host; no file is written for it but Git's own."""

from __future__ import annotations

import string
import typing as t
from collections.abc import Iterable, Iterator

AUTHOR = "lms.moodle <lms.moodle@localhost>"

_PLAIN = frozenset(f"{string.ascii_letters}{string.digits}/._- ".encode())


class ImportedFile(t.NamedTuple):
    path: str
    mode: str  # as Git writes it: 100644, 100755, 120000 (a symbolic link, whose target is the content)
    content: bytes
    when: int = 0  # in seconds since 1970; the commit is as old as its newest file
    same_as: str = ""  # an earlier file, whose content this one has too


def fast_import_stream(files: Iterable[ImportedFile], ref: str, message: str) -> Iterator[bytes]:
    """What ``git fast-import --force`` reads to make ``ref`` a commit without parents that holds ``files`` and nothing else.

    Files, message and nothing of this host decide its id: even the ref's name is not part of it.
    The commit comes last: where ``files`` fails, there is none.
    """
    yield b"feature done\n"
    places: dict[str, tuple[str, int]] = {}
    newest = 0
    for number, file in enumerate(files, 1):
        newest = max(newest, file.when)
        if file.same_as:
            places[file.path] = file.mode, places[file.same_as][1]
            continue
        places[file.path] = file.mode, number
        yield b"blob\nmark :%d\ndata %d\n%b\n" % (number, len(file.content), file.content)
    words = f"{message.rstrip()}\n".encode()
    yield f"commit {ref}\nauthor {AUTHOR} {newest} +0000\ncommitter {AUTHOR} {newest} +0000\ndata {len(words)}\n".encode() + words + b"\n"
    for path, (mode, mark) in places.items():
        yield f"M {mode} :{mark} {_quoted(path)}\n".encode()
    yield b"done\n"


def _quoted(path: str) -> str:
    """As C writes it, for a name may hold quotes, line breaks, and bytes that are no UTF-8."""
    written = (chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in path.encode(errors="surrogateescape"))
    return f'"{"".join(written)}"'
