# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a script did its work on the node that was asked for: the exit code alone is not believed."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .nodes import Node

OUTPUT_LIMIT = 2048
_COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_PLAYING_FOR = re.compile(r"Config check : playing for (https?://[A-Za-z0-9._:\[\]~/-]+)")
# How Moodle prints an error that nobody caught, on every command line and in every language.
_ERROR = re.compile(r"^!!! .* !!!$", re.MULTILINE)
_FATAL = re.compile(r"^(?:PHP )?Fatal error: .*$", re.MULTILINE)
_NO_CONFIGURATION = re.compile(r"VMoodling[^\n]*(?:No configuration for this host|Could not fetch)[^\n]*")
# VMoodle's own connection to the registry; it ends with 0 after such words.
_NO_REGISTRY = re.compile(r"VMoodle(?: master server|_make_connection)[^\n]*(?:unreachable|not found)")
_UNREACHABLE = re.compile(
    r"Connection refused|Connection timed out|Can't connect to|No such file or directory|Too many connections|too many clients"
    r"|the database system is (?:starting|shutting) ",
    re.IGNORECASE,
)
# The script found another process at the same work, and did nothing.
_LOCKED = re.compile(r"Cannot obtain (?:cron|task) lock")
_INTERRUPTED = re.compile(
    r"server has gone away|Lost connection|server closed the connection|terminating connection|no connection to the server"
    r"|Deadlock|Lock wait timeout|could not obtain lock|connection was killed",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Ending:
    """How one process ended and what it left behind."""

    rc: int | None
    """Exit code, negative for a signal, None when its time ran out."""
    text: str
    """What it printed: all, or its beginning and its end."""
    report: Mapping[str, t.Any] | None
    """The site that it says it ran for (node_worker.php); None when it could not say."""


def readable(text: str) -> str:
    """Output without colours and without overwritten lines."""
    return _COLOUR.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


def judge(node: Node, ending: Ending, timeout: float | None, *, takes_host: bool) -> tuple[str, str]:
    """The verdict (ok, failed or timeout) and, where it is not ok, the reason in words.

    A script that takes ``--host`` always says for which address it plays; others do not.
    """
    if ending.rc is None:
        return "timeout", f"did not end within {timeout:g} s and was stopped"
    reason = _wrong_words(node, ending.text) or _bad_end(ending) or _wrong_site(node, ending.report) or _lie(ending.text, takes_host)
    return ("failed", reason) if reason else ("ok", "")


def _wrong_words(node: Node, text: str) -> str:
    text = readable(text)
    if refused := _NO_CONFIGURATION.search(text):
        return f"VMoodle found no configuration for it: {refused.group().strip()}"[:300]
    if refused := _NO_REGISTRY.search(text):
        return f"VMoodle did not reach its registry: {refused.group().strip()}"[:300]
    if (said := _PLAYING_FOR.search(text)) and not _names(said.group(1), node.wwwroot):
        return f"the script ran for another site: {said.group(1)}"
    return ""


def _wrong_site(node: Node, report: Mapping[str, t.Any] | None) -> str:
    if report is None:
        return "ended with 0 without saying for which site it ran"
    if report.get("wwwroot") != node.wwwroot:
        return f"ended with 0, but ran for another site: {report.get('wwwroot')}"
    if report.get("database") != node.dbname:
        return f"ended with 0, but on the database '{report.get('database')}', while the registry says '{node.dbname}'"
    return ""


def _lie(text: str, takes_host: bool) -> str:
    text = readable(text)
    if error := _ERROR.search(text):
        return f"ended with 0, but printed an error: {error.group()}"[:300]
    if takes_host and not _PLAYING_FOR.search(text):
        return "ended with 0 without saying 'Config check : playing for' its address, as VMoodle's scripts do"
    return ""


def _names(said: str, wwwroot: str) -> bool:
    # Some scripts print no line break after the address, so the next word runs into it.
    return said.startswith(wwwroot)


def _bad_end(ending: Ending) -> str:
    if ending.rc == 0:
        return ""
    how = f"ended with {ending.rc}" if (ending.rc or 0) > 0 else f"was ended by signal {-(ending.rc or 0)}"
    text = readable(ending.text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # After these words only the way there is told.
    said = _ERROR.search(text) or _FATAL.search(text)
    return f"{how}: {(said.group() if said else lines[-1])[:300]}" if lines else f"{how} and printed nothing"


def passes(ending: Ending, *, repeatable: bool) -> bool:
    """Whether a failure may pass by itself: the database is out of reach, or was lost, or is locked.

    A script that had begun its work is only run again where it is said to bear that.
    """
    if ending.rc is None:
        return False
    report = ending.report or {}
    text, lost = readable(ending.text), str(report.get("database_error") or "")
    if _LOCKED.search(text) or (not report.get("begun") and (_UNREACHABLE.search(lost) or _NO_REGISTRY.search(text))):
        return True
    return repeatable and bool(_UNREACHABLE.search(lost) or _INTERRUPTED.search(f"{lost}\n{text}"))


def excerpt(text: str) -> str:
    """The end of the output, at most 2 kB of it."""
    return readable(text).encode()[-OUTPUT_LIMIT:].decode(errors="ignore")
