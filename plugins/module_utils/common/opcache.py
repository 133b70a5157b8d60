# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder for compiled PHP that nobody else can write to: whoever can, decides what our PHP executes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path

from .errors import MoodleError
from .files import write_atomically

NOT_CACHED = "not-cached"
_PREFIX = "lms-moodle-opcache-"
_UNUSED = 7 * 24 * 3600


def opcache_folder(code: Path) -> Path:
    """The private cache of compiled scripts for this user and this state of the code; made when missing."""
    home = Path(tempfile.gettempdir())
    _check_home(home)
    folder = home / f"{_PREFIX}{os.geteuid()}-{_state_of(code)}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise MoodleError(
                f"{folder} is not a private folder of user {os.geteuid()}, not fit for compiled PHP: remove it, or set 'opcache: false'."
            ) from None
    # Moodle's upgrade reads the same texts again for every plugin. From this cache each reading stays in memory until the process
    # ends: 2.1 GB for an upgrade of 4.2 to 4.3, against 0.25 GB without them.
    # And no database password goes into it.
    never = ("**/lang/**", "lang/**", "config.php", "local/vmoodle/vconfig.php")
    # Written by each run, so that its folder is seen to be in use.
    write_atomically(folder / NOT_CACHED, "".join(f"{code}/{path}\n" for path in never).encode(), 0o600)
    _sweep(folder)
    return folder


def _check_home(home: Path) -> None:
    found = home.stat()
    others_write = stat.S_IMODE(found.st_mode) & 0o022 and not found.st_mode & stat.S_ISVTX
    if others_write or found.st_uid not in (0, os.geteuid()):
        raise MoodleError(
            f"In {home} other users could put a folder of theirs in the place of ours, so compiled PHP cannot be kept there:"
            " give TMPDIR a folder of the user's own, or set 'opcache: false'."
        )


def _sweep(ours: Path) -> None:
    """Remove what we made for code that nobody runs any more, a release of last month for example."""
    for folder in ours.parent.glob(f"{_PREFIX}{os.geteuid()}-*"):
        with contextlib.suppress(OSError):
            found = folder.lstat()
            unused = time.time() - found.st_mtime > _UNUSED
            if unused and folder != ours and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
                shutil.rmtree(folder, ignore_errors=True)


def _state_of(code: Path) -> str:
    version = code / "version.php"
    content = version.read_bytes() if version.is_file() else b""
    return hashlib.sha256(os.fsencode(code) + b"\0" + content).hexdigest()[:16]
