# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kills a call just before a write that is chosen by its number."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

# What a write can be: each is announced to an audit hook before it happens, whoever calls it.
WRITES = {
    "os.rename",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.chmod",
    "os.symlink",
    "os.chown",
    "os.truncate",
    "subprocess.Popen",
}


def killed_at(number: int, act: Callable[[], object]) -> bool:
    """Run ``act`` in a child that is killed just before its ``number``-th write; whether it came that far."""
    child = os.fork()
    if child == 0:
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            sys.addaudithook(_killer(number))
            act()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    _child, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the call failed by itself"
    return os.WIFSIGNALED(status)


def _killer(number: int) -> Callable[[str, tuple[Any, ...]], None]:
    left = number

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in WRITES or (event == "open" and _writes(*arguments)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return hook


def _writes(path: object, _mode: object, flags: object) -> bool:
    """A number stands for a file that is open already."""
    return not isinstance(path, int) and isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
