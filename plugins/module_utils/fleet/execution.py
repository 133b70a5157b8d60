# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the script on one node: a process, a log, a verdict."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path

from ..common.php import Php, as_node
from ..common.timed import run_timed
from .nodes import Node, Refusal
from .script import Script
from .verdict import Ending, excerpt, judge

# Enough for the first and the last words of any script; a log may be gigabytes.
_KEPT = 65536

Record = dict[str, t.Any]


@dataclass(frozen=True)
class Execution:
    """What is the same for every node of a run."""

    php: Php
    code: Path
    script: Script
    timeout: float | None
    log_dir: Path | None
    grace: float = 5.0
    """Seconds between asking a process to end and making it."""

    def run(self, node: Node) -> Record:
        """Run the script for one node and judge how it went; what cannot be written or started here is that node's failure alone."""
        try:
            return self._run(node)
        except OSError as error:
            return not_run(node, "failed", f"could not be run: {error.filename or self.script.path}: {error.strerror}")

    def _run(self, node: Node) -> Record:
        with tempfile.TemporaryDirectory(prefix="lms-moodle-node-") as scratch:
            log = self.log_dir / log_name(node.wwwroot) if self.log_dir else Path(scratch) / "log"
            report = Path(scratch) / "report.json"
            env = as_node(None if self.script.takes_host else node.wwwroot, report)
            command = self.php.command(self.script.path, self.script.words(node.wwwroot), prepend=True)
            started = time.monotonic()
            with open(log, "wb", opener=_private) as output:
                rc = run_timed(command, cwd=self.code, env=env, output=output, timeout=self.timeout, grace=self.grace)
            ending = Ending(rc, _both_ends(log), _read_report(report), time.monotonic() - started)
        verdict, reason = judge(node, ending, self.timeout, takes_host=self.script.takes_host)
        return {
            **not_run(node, verdict, reason),
            "rc": rc,
            "seconds": round(ending.seconds, 3),
            "log": str(log) if self.log_dir else None,
            "output": "" if verdict == "ok" else excerpt(ending.text),
        }


def not_run(node: Node | Refusal, verdict: str, reason: str) -> Record:
    """The record of a node on which the script was not started."""
    return {
        "wwwroot": node.wwwroot,
        "name": node.name,
        "verdict": verdict,
        "rc": None,
        "reason": reason,
        "seconds": 0.0,
        "log": None,
        "output": "",
    }


def log_name(wwwroot: str) -> str:
    """A file name that is readable, harmless and no other node's."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", wwwroot.split("://", 1)[-1])
    if f"http://{readable}" != wwwroot:
        readable += f"-{hashlib.sha256(wwwroot.encode()).hexdigest()[:8]}"
    return f"{readable}.log"


def _private(path: str, flags: int) -> int:
    # Output may hold personal data; a link left in a shared folder is not followed.
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _both_ends(log: Path) -> str:
    with log.open("rb") as file:
        head = file.read(_KEPT)
        size = file.seek(0, os.SEEK_END)
        if size <= 2 * _KEPT:
            file.seek(len(head))
            return (head + file.read()).decode(errors="replace")
        file.seek(-_KEPT, os.SEEK_END)
        return f"{head.decode(errors='replace')}\n[…]\n{file.read().decode(errors='replace')}"


def _read_report(report: Path) -> dict[str, t.Any] | None:
    # Missing or cut short: the process was killed before it could say.
    with contextlib.suppress(OSError, ValueError):
        said = json.loads(report.read_text(errors="replace"))
        return said if isinstance(said, dict) else None
    return None
