# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action plugins whose module works for long and carries PHP: the PHP is brought to the host, the work is watched."""

from __future__ import annotations

import json
import os
import shlex
import time
import typing as t
from collections.abc import Sequence
from pathlib import Path

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from .progress import TERMINAL, ProgressLine

PHP = Path(__file__).parents[1] / "php"
POLL = 1.0
# The host's work ends by itself when nobody polls for longer (common/background.py); a line that is back before is forgiven.
UNREACHABLE = 60.0
# The module writes twice a second while it lives. Silence means: it ended, it died, or it does one long thing.
SILENCE = 3.0
_LONGEST = 30 * 24 * 3600
_OF_ASYNC = ("ansible_job_id", "started", "finished", "results_file", "stdout", "stdout_lines", "stderr", "stderr_lines")


class BackgroundAction(ActionBase):  # type: ignore[misc]
    """Runs the module of the same name; a subclass names it and the PHP files that it needs."""

    TRANSFERS_FILES = True
    MODULE = ""
    PHP_FILES: Sequence[str] = ()

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        arguments = {**self._task.args, **({"_php": self._bring_php()} if self.PHP_FILES else {})}
        if self._task.check_mode:
            # A background task does not exist in check mode; a preview is short.
            return self._done(self._execute_module(module_name=self.MODULE, module_args=arguments, task_vars=task_vars))
        folder = self._make_folder()
        job = self._start(folder, {**arguments, "_background": folder}, task_vars)
        result = self._watch(folder, job, task_vars) if job.get("ansible_job_id") else job
        # Not in a finally: while the work goes on (host out of reach, play killed) the folder is its own to remove.
        self._low_level_execute_command(f"rm -rf {shlex.quote(folder)}")
        return self._done(result)

    def _bring_php(self) -> str:
        """Copy the PHP files into the host's temporary folder; returns that folder."""
        folder = self._connection._shell.tmpdir or self._make_tmp_path()
        paths = [self._connection._shell.join_path(folder, name) for name in self.PHP_FILES]
        for name, path in zip(self.PHP_FILES, paths):
            self._transfer_file(str(PHP / name), path)
        self._fixup_perms2([folder, *paths], execute=False)
        return t.cast(str, folder)

    def _make_folder(self) -> str:
        """A folder on the host that belongs to the user under whom the module runs."""
        made = self._low_level_execute_command('mktemp -d "${TMPDIR:-/tmp}/lms-moodle-XXXXXXXXXX"')
        folder = made["stdout"].strip().splitlines()[-1] if made["stdout"].strip() else ""
        if made["rc"] != 0 or not folder.startswith("/"):
            raise AnsibleActionFail(f"No temporary folder can be made on the host: {(made['stderr'] or made['stdout']).strip()}")
        return str(folder)

    def _start(self, folder: str, arguments: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Start the module in the background, with its result in our folder instead of the user's home (which a web user lacks)."""
        shell = self._connection._shell
        before = shell.get_option("async_dir")
        shell.set_option("async_dir", folder)
        self._task.async_val = _LONGEST
        try:
            return t.cast(
                "dict[str, t.Any]",
                self._execute_module(module_name=self.MODULE, module_args=arguments, task_vars=task_vars, wrap_async=True),
            )
        finally:
            self._task.async_val = 0
            shell.set_option("async_dir", before)

    def _watch(self, folder: str, job: dict[str, t.Any], task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Show progress until the module has ended; returns its result."""
        alone = len(task_vars.get("ansible_play_batch") or [0]) == 1
        shown = ProgressLine(Display(), task_vars.get("inventory_hostname", "localhost"), terminal=TERMINAL and alone)
        heard, heard_at, pause, play = "", time.monotonic(), 0.2, os.getppid()
        # This process outlives a play that is killed: then nobody watches, and the work must notice.
        while os.getppid() == play:
            text = self._poll(folder)
            if text != heard:
                heard, heard_at = text, time.monotonic()
            progress = _figures(text)
            if progress and progress["what"]:
                shown.show(progress)
            # Asking costs a Python on the host: only when the work says that it is over, or has fallen silent.
            if (progress and progress["over"]) or time.monotonic() - heard_at >= min(SILENCE, pause * 8):
                status = self._execute_module(
                    module_name="ansible.legacy.async_status",
                    module_args={"jid": job["ansible_job_id"], "_async_dir": folder},
                    task_vars=task_vars,
                )
                if status.get("finished"):
                    shown.end()
                    return t.cast("dict[str, t.Any]", status)
                heard_at = time.monotonic()
            time.sleep(pause)
            pause = min(POLL, pause * 1.25)
        raise AnsibleActionFail("The play is gone.")

    def _poll(self, folder: str) -> str:
        """Read the progress file, and leave a sign that somebody watches."""
        command = f"cd {shlex.quote(folder)} && touch watched && cat progress.json 2>/dev/null"
        patient_until = time.monotonic() + UNREACHABLE
        while True:
            try:
                return str(self._low_level_execute_command(command)["stdout"])
            except AnsibleConnectionFailure:
                if time.monotonic() >= patient_until:
                    raise
                time.sleep(POLL)

    @staticmethod
    def _done(result: dict[str, t.Any]) -> dict[str, t.Any]:
        said = str(result.get("stderr") or result.get("data") or "").strip()[-1000:]
        if result.get("failed") and result.keys() >= {"cmd", "data"}:
            # Ansible's own wrapper speaks: the module printed no answer.
            why = f": {said}" if said else ", as a process does that is killed"
            return {"failed": True, "msg": f"The work on the host ended without an answer{why}. What it recorded holds: run again."}
        for key in _OF_ASYNC:
            result.pop(key, None)
        # Packed by the module (common/background.py), whose own keys may bear such names.
        answer = result.pop("answer", {})
        return {**result, **answer}


def _figures(text: str) -> dict[str, t.Any] | None:
    """The progress file's content; None while there is none (or a message of the day in its place)."""
    try:
        figures = json.loads(text)
    except ValueError:
        return None
    return figures if isinstance(figures, dict) and figures.keys() >= {"what", "done", "total", "failed", "seconds", "over"} else None
