# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One call of moodle_delivery_session: opens, continues or closes a session, and notes in the journal what a play did."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

from ..common.errors import BadInput
from .layout import Layout
from .memory import Memory, now
from .sessions import Session, Sessions, check_session_id, check_words, harmless, plain
from .trees import shown

OUTPUT = 16000  # characters of what a command printed; its end tells what became of it
FILES = 5000  # names of each kind; a new version of Moodle changes more than anybody reads
KINDS = ("added", "modified", "removed")


@dataclass(frozen=True)
class Wish:
    """What the caller asks for, checked as far as it can be without looking at the delivery root."""

    holder: str
    state: str | None = None
    session: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[Mapping[str, t.Any]] = ()

    @classmethod
    def read(cls, params: Mapping[str, t.Any], holder: str) -> Wish:
        session = check_session_id(params["session"]) if params["session"] else None
        notes = [note_of(entry, f"entries[{number}]") for number, entry in enumerate(params["entries"])]
        words = check_words(params)
        if not params["state"] and not notes:
            raise BadInput("state: open or closed is expected, or something to note in entries.")
        if words and not params["state"]:
            raise BadInput(f"{', '.join(words)}: only with state=open or state=closed, since a session has these, not the journal.")
        return cls(plain(holder).replace("\n", " ")[:200], params["state"], session, words, notes)


class Logbook:
    """The caller holds the delivery's lock; ``run()`` does what is wished."""

    def __init__(self, layout: Layout, wish: Wish, check_mode: bool = False) -> None:
        self.layout = layout
        self.wish = wish
        self.check_mode = check_mode
        self.memory = Memory(layout)
        self.sessions = Sessions(layout)

    def run(self) -> dict[str, t.Any]:
        running = self.sessions.open()
        before = self._named(self.wish.session) if self.wish.session else running or self._last()
        after = self._wanted(before)
        changed = after != before or bool(self.wish.notes)
        if changed and not self.check_mode:
            self.layout.prepare()
            if after and running and after.id != running.id and not after.closed:
                self._save(replace(running, closed=now().isoformat()), "closed", comment=f"The session {after.id} was opened.")
            if after and not after.closed and after != before:
                self._save(after, "opened" if before is None else "continued", comment=after.title)
            # A session that was closed before takes no notes but those that name it.
            session = after.id if after and (self.wish.session or before is running) else None
            for note in self.wish.notes:
                self.memory.write_journal(**{"event": "note", "session": session, "by": self.wish.holder, **note})
            if after and after.closed and after != before:
                self._save(after, "closed" if before and not before.closed else "changed", comment=after.followup or None)
        return {
            "changed": changed,
            "session": {**after.told(), "log": log_of(self.layout.journal, after.id)} if after else None,
            "diff": {"before": _listed(before), "after": _listed(after) + "".join(f"+ {note['step']}\n" for note in self.wish.notes)},
        }

    def _named(self, name: str) -> Session | None:
        named = self.sessions.get(name)
        if named is None and self.wish.state != "open":
            raise BadInput(f"{self.layout.root} has no session {name}: open it first, or name none to take the open one.")
        return named

    def _last(self) -> Session | None:
        """When none is open, a second call for ``closed`` speaks of the one that was closed last."""
        known = self.sessions.all() if self.wish.state == "closed" else []
        return known[-1] if known else None

    def _wanted(self, found: Session | None) -> Session | None:
        if found is None:
            return self._new() if self.wish.state == "open" else None
        if self.wish.state is None:
            return found
        closed = None if self.wish.state == "open" else found.closed or now().isoformat()
        return replace(found, **self.wish.words, closed=closed)

    def _new(self) -> Session:
        stamp = f"{now():%Y%m%dT%H%M%SZ}"
        name, number = self.wish.session or stamp, 1
        while self.sessions.get(name):
            number += 1
            name = f"{stamp}-{number}"
        return Session(**{"title": f"Session {name}", **self.wish.words}, id=name, by=self.wish.holder, opened=now().isoformat())

    def _save(self, session: Session, event: str, comment: str | None) -> None:
        """The journal first, as with each step: a call that was killed between the two is told twice, never not at all."""
        self.memory.write_journal(event=event, session=session.id, by=self.wish.holder, comment=comment)
        self.sessions.save(session)


def note_of(entry: Mapping[str, t.Any], where: str) -> dict[str, t.Any]:
    """A line of the journal about what a play did; what may not be kept is taken out."""
    files = entry.get("files") or {}
    wrong = [key for key, names in files.items() if key not in KINDS or not isinstance(names, list)]
    if wrong:
        raise BadInput(f"{where}: files holds lists called {', '.join(KINDS)}, and '{plain(str(wrong[0]))}' was found.")
    lists = {key: [shown(str(name)) for name in files[key]] for key in KINDS if files.get(key)}
    step = " ".join(plain(entry["step"]).split())
    if not step:
        raise BadInput(f"{where}: the step has no name.")
    return {
        "time": _moment(entry["time"], where) if entry.get("time") else None,
        "step": step,
        "command": harmless(entry.get("command") or "") or None,
        "rc": entry.get("rc"),
        "seconds": entry.get("seconds"),
        "output": _end_of(harmless((entry.get("output") or "") + _content(entry.get("output_file")))) or None,
        "files": {key: names[:FILES] for key, names in lists.items()} or None,
        "counts": {key: len(names) for key, names in lists.items()} or None,
    }


def log_of(journal: Path, session: str) -> list[dict[str, t.Any]]:
    """The journal's lines of a session. Line by line: a journal grows for years."""
    mark, found = json.dumps(session).encode(), []
    if journal.exists():
        with journal.open("rb") as lines:
            for line in lines:
                if mark in line:
                    found.append(_line(line))
    return [line for line in found if line.get("session") == session]


def _line(line: bytes) -> dict[str, t.Any]:
    try:
        value = json.loads(line)
    except ValueError:  # half a line, of a call that was killed
        return {}
    return value if isinstance(value, dict) else {}


def _content(path: str | None) -> str:
    """What a file holds; that it cannot be read is no reason to lose the rest."""
    try:
        return Path(path).read_bytes().decode(errors="replace") if path else ""
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}."


def _end_of(text: str) -> str:
    if len(text) <= OUTPUT:
        return text
    return f"[{len(text) - OUTPUT} characters before this were left out]\n{text[-OUTPUT:]}"


def _moment(text: str, where: str) -> str:
    """A time without a zone is this host's own, as Ansible gives those of a command."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise BadInput(f"{where}: time is expected as 2026-11-21T06:05:00+00:00, '{plain(text)[:60]}' was found.") from None
    return moment.astimezone(timezone.utc).replace(microsecond=0).isoformat()


def _listed(session: Session | None) -> str:
    return "".join(f"{key}: {value}\n" for key, value in session.told().items() if value) if session else ""
