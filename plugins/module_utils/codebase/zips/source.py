# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings the zip of a plugin here, from a URL or a path; nobody unpacks it before its checksum is the one that was declared."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
import typing as t
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...common.download import BLOCK, MEGABYTE, TIMEOUT, get, patiently, shown
from ...common.errors import BadInput, MoodleError

LARGEST = 256 * MEGABYTE


def download_zip(
    where: str,
    sha256: str,
    offline: bool,
    target: Path,
    *,
    timeout: float = TIMEOUT,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """The zip at ``where`` (a URL or a path) as the file ``<sha256>.zip`` in the directory ``target``, or an error and no file."""
    name = f"The zip {shown(where)}"
    remote = where.lower().startswith(("http://", "https://"))
    if remote and offline:
        raise MoodleError(f"{name} is not in the store, and 'offline' forbids to fetch it.")

    def attempt() -> None:
        file.seek(0)
        file.truncate()
        get(where, file, name, limit=LARGEST, timeout=timeout)

    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix="zip-", dir=target)
        with os.fdopen(handle, "w+b") as file:
            if remote:
                patiently(attempt, sleep)
            else:
                _copy(where, file, name)
            _refuse_another(file, sha256.lower(), name)
        return Path(temporary).replace(target / f"{sha256.lower()}.zip")
    except BaseException as failure:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        if isinstance(failure, OSError):
            raise MoodleError(f"{name} could not be written to {target}: {failure.strerror or failure}.") from None
        raise


def _copy(where: str, file: t.IO[bytes], name: str) -> None:
    path = Path(unquote(urlsplit(where).path) if where.lower().startswith("file://") else where)
    if not path.is_file():
        raise BadInput(f"{name} is not there, or is no file.")
    try:
        source = path.open("rb")
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror or error}.") from None
    with source:
        if os.fstat(source.fileno()).st_size > LARGEST:
            raise BadInput(f"{name} is larger than {LARGEST // MEGABYTE} MB, the most that is taken.")
        shutil.copyfileobj(source, file)


def _refuse_another(file: t.IO[bytes], sha256: str, name: str) -> None:
    digest = hashlib.sha256()
    file.seek(0)
    for block in iter(lambda: file.read(BLOCK), b""):
        digest.update(block)
    if digest.hexdigest() != sha256:
        file.seek(0)
        page = "; it is a web page, as a login is" if file.read(BLOCK).lstrip().startswith(b"<") else ""
        raise BadInput(f"{name} is not the one that was declared: its SHA-256 is {digest.hexdigest()}, 'sha256' says {sha256}{page}.")
