# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder for compiled PHP that nobody else can write to: whoever can, decides what our PHP executes."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from .errors import MoodleError
from .files import write_atomically

NOT_CACHED = "not-cached"


def opcache_folder(code: Path) -> Path:
    """The private cache of compiled scripts for this user and this state of the code; made when missing."""
    folder = Path(tempfile.gettempdir()) / f"lms-moodle-opcache-{os.geteuid()}-{_state_of(code)}"
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
    write_atomically(folder / NOT_CACHED, "".join(f"{code}/{path}\n" for path in never).encode(), 0o600)
    return folder


def _state_of(code: Path) -> str:
    version = code / "version.php"
    content = version.read_bytes() if version.is_file() else b""
    return hashlib.sha256(os.fsencode(code) + b"\0" + content).hexdigest()[:16]
