# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says which play asks, and finds out whether the one that holds the work is gone: only the machine that runs both can know."""

from __future__ import annotations

import contextlib
import os
import socket
import typing as t
from pathlib import Path

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]
    """Module moodle_hold, asked a second time when the play that was in the way is gone."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        arguments = {**self._task.args, "_play": _play(os.getppid())}
        result = self._ask(arguments, task_vars)
        holding = result.pop("play", None)
        if result.get("failed") and holding and _is_gone(holding):
            result = self._ask({**arguments, "_gone": holding}, task_vars)
            result.pop("play", None)
        return result

    def _ask(self, arguments: dict[str, t.Any], task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        return t.cast(
            "dict[str, t.Any]",
            self._execute_module(module_name="lms.moodle.moodle_hold", module_args=arguments, task_vars=task_vars),
        )


def _play(process: int) -> dict[str, str]:
    """A play by its process, and by when that began, for numbers are used again."""
    return {"machine": _machine(), "process": str(process), "began": _began(process) or ""}


def _machine() -> str:
    """Where numbers of processes mean the same: one start of a machine, and in a container that container alone."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{socket.gethostname()} {boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - it leads to no file
    except OSError:
        return socket.gethostname()


def _began(process: int) -> str | None:
    """When a process began, in the kernel's own measure; None when there is none."""
    with contextlib.suppress(OSError):
        # After the name, which may hold anything.
        said = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        # One that was killed, and that nobody has taken notice of yet, is there still.
        return said[19] if said[0] not in "ZX" else None
    return None


def _is_gone(holding: dict[str, t.Any]) -> bool:
    """Known for certain only where that play ran on this machine."""
    process = str(holding.get("process", ""))
    if holding.get("machine") != _machine() or not process.isdecimal():
        return False
    if Path("/proc/self").exists():
        return _began(int(process)) != holding.get("began")
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
