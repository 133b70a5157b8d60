# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns what tasks did into entries of a session, and the sessions of all hosts into one account that a page or a mail can show."""

from __future__ import annotations

import json
import shlex
import typing as t
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone

from ansible.errors import AnsibleFilterError

Item = dict[str, t.Any]
KINDS = ("added", "modified", "removed")
WORDS = ("id", "title", "description", "impact", "followup", "by")
PAGE_FILES = 2000  # names of each kind that a step shows; more make no phone happy


def session_entries(results: Iterable[Mapping[str, t.Any]]) -> list[Item]:
    """Results of tasks, each as C({step, result}), as entries of M(moodle_delivery_session); those that did nothing are left out."""
    try:
        return [entry for item in results if (entry := _entry(item, item.get("result") or {}))]
    except (KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(f"session_entries: a list of {{step, result}} is expected ({error!r}).") from error


def session_report(accounts: Mapping[str, Mapping[str, t.Any]]) -> Item:
    """What each host said of the session as one account. A host that said nothing at the end is lost."""
    try:
        told = [account["session"] for account in accounts.values() if account.get("session")]
        steps = _of_all({host: _steps((account.get("session") or {}).get("log") or []) for host, account in accounts.items()})
        hosts = [_host(name, account) for name, account in accounts.items()]
        opened = min((session["opened"] for session in told), default="")
        closed = max((session.get("closed") or "" for session in told), default="")
        maintenance = sum(step["seconds"] or 0 for step in steps if step["step"] == "maintenance")
        return {
            **{key: next((session[key] for session in told if session.get(key)), "") for key in WORDS},
            "opened": _shown(opened),
            "closed": _shown(closed),
            "lasted": _lasted(_between(opened, closed)),
            "maintenance": _lasted(maintenance) if maintenance else "",
            "hosts": hosts,
            "failures": list(dict.fromkeys(host["failure"] for host in hosts if host["failure"])),
            "outcome": "ok" if all(host["outcome"] == "ok" for host in hosts) else "failed",
            "steps": steps,
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(f"session_report: the account of each host is expected ({error!r}).") from error


# What a task did


def _entry(item: Mapping[str, t.Any], result: Mapping[str, t.Any]) -> Item | None:
    failed = bool(result.get("failed"))
    if not result or result.get("skipped") or not (failed or result.get("changed") or item.get("always")):
        return None
    command = result.get("cmd")
    printed = "\n".join(str(result[key]).strip("\n") for key in ("stdout", "stderr") if result.get(key))
    entry = {
        "step": item["step"],
        "time": result.get("start") or item.get("time"),
        "command": command if command is None or isinstance(command, str) else shlex.join(map(str, command)),
        "rc": result.get("rc", 1 if failed else None),
        "seconds": _seconds(result.get("delta")) or item.get("seconds"),
        "output": "\n".join(
            filter(None, [_drift(result), item.get("output"), printed or (str(result.get("msg") or "") if failed else "")])
        ),
        "output_file": item.get("output_file"),
        "files": {kind: list(names) for kind in KINDS if (names := (result.get("files") or {}).get(kind))},
    }
    told = {key: value for key, value in entry.items() if value not in (None, "", {})}
    return told if len(told) > 1 else None  # that it was done is in the journal already


def _drift(result: Mapping[str, t.Any]) -> str:
    """Hot fixes that were found, and kept."""
    drift = result.get("drift") or {}
    return "\n".join(f"{kind}: {path}" for kind in ("modified", "missing", "unexpected") for path in drift.get(kind) or [])


def _seconds(delta: object) -> float | None:
    """The seconds of ``1 day, 0:00:01.234567``."""
    days, _comma, clock = str(delta or "").rpartition(", ")
    try:
        hours, minutes, seconds = clock.split(":")
        whole = timedelta(days=int(days.split()[0]) if days else 0, hours=int(hours), minutes=int(minutes), seconds=float(seconds))
    except ValueError:
        return None
    return round(whole.total_seconds(), 1)


# What a host did


def _steps(log: Iterable[Mapping[str, t.Any]]) -> list[Item]:
    """The journal's lines as steps: begin and end of one are one, and what a play adds about a step belongs to it."""
    steps: list[Item] = []
    for line in log:
        name, event = str(line.get("step") or line["event"]), line["event"]
        last = next((step for step in reversed(steps) if step["step"] == name), None)
        if event == "begin" or "step" not in line or last is None or (event == "note" and line.get("command")):
            steps.append(_step(name, line))
        elif event == "note":
            last.update(_noted(line, last))
        elif last["outcome"] == "broken off":
            took = _between(last["time"], line["time"])
            last.update(outcome="ok" if event == "done" else "failed", seconds=took, output=line.get("reason") or "")
    return steps


def _step(name: str, line: Mapping[str, t.Any]) -> Item:
    fresh = {"step": name, "time": line["time"], "outcome": "ok", "command": "", "output": "", "seconds": None, "files": {}, "counts": {}}
    said = {key: line.get(key) or "" for key in ("comment", "release", "by")}
    outcome = {"begin": "broken off", "failed": "failed"}.get(line["event"], "ok")
    return {**fresh, **said, "outcome": outcome, **_noted(line, {**fresh, "outcome": outcome})}


def _noted(line: Mapping[str, t.Any], step: Item) -> Item:
    said = str(line.get("output") or "")
    return {
        "command": line.get("command") or step["command"],
        "output": step["output"] if said in step["output"] else "\n".join(filter(None, [step["output"], said])),
        "seconds": step["seconds"] if line.get("seconds") is None else line["seconds"],
        "files": line.get("files") or step["files"],
        "counts": line.get("counts") or step["counts"],
        "outcome": "failed" if line.get("rc") else step["outcome"],
    }


def _host(name: str, account: Mapping[str, t.Any]) -> Item:
    failure = str(account.get("failure") or "")
    return {
        "name": name,
        "before": account.get("before") or "",
        "serves": account.get("serves") or "",
        "failure": failure,
        "outcome": "lost" if not account.get("done") else "failed" if failure else "ok",
    }


# What all hosts did


def _of_all(found: Mapping[str, list[Item]]) -> list[Item]:
    """The steps of all hosts in the order of time; what several hosts did alike is told once."""
    rows: dict[str, Item] = {}
    for host, steps in found.items():
        seen: dict[str, int] = {}
        for step in steps:
            alike = json.dumps([step[key] for key in ("step", "outcome", "command", "output", "comment", "release", "by", "files")])
            seen[alike] = number = seen.get(alike, 0) + 1
            row = rows.setdefault(f"{number} {alike}", {**step, "hosts": []})
            row["hosts"].append(host)
            row["time"] = min(row["time"], step["time"])
            row["seconds"] = max((each for each in (row["seconds"], step["seconds"]) if each is not None), default=None)
    ordered = sorted(rows.values(), key=lambda row: row["time"])
    return [_finished(row, everywhere=len(row["hosts"]) == len(found)) for row in ordered]


def _finished(row: Item, *, everywhere: bool) -> Item:
    counts = {kind: row["counts"].get(kind, len(names)) for kind, names in row["files"].items()}
    return {
        **row,
        "time": _shown(row["time"]),
        "lasted": _lasted(row["seconds"]),
        "everywhere": everywhere,
        "files": {kind: names[:PAGE_FILES] for kind, names in row["files"].items()},
        "counts": counts,
        "total": sum(counts.values()),
    }


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(timezone.utc)
    except ValueError:
        return None


def _shown(text: str) -> str:
    moment = _moment(text)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else text


def _between(begin: str, end: str) -> float | None:
    first, last = _moment(begin), _moment(end)
    return (last - first).total_seconds() if first and last else None


def _lasted(seconds: float | None) -> str:
    """In units that English and French share."""
    if seconds is None:
        return ""
    if seconds < 10:  # noqa: PLR2004
        return f"{seconds:.1f} s".replace(".0 ", " ")
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


class FilterModule:
    """Filters of lms.moodle."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"session_entries": session_entries, "session_report": session_report}
