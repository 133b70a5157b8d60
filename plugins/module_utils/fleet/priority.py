# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes way for a host's other work: once for ourselves, and whatever we start inherits it."""

from __future__ import annotations

import os

from ..common.errors import CommandFailed
from ..common.process import run

_CLASSES = {"best-effort": ["-c", "2", "-n", "7"], "idle": ["-c", "3"]}
IO_CLASSES = tuple(_CLASSES)


def make_way(nice: int, ionice: str | None) -> None:
    """Lower our priority for the processor and the disk; before the first thread is made."""
    if nice:
        os.nice(nice)
    if ionice:
        try:
            run(["ionice", *_CLASSES[ionice], "-p", str(os.getpid())])
        except CommandFailed as error:
            raise CommandFailed(f"'ionice' could not be set: {error.message}") from error
