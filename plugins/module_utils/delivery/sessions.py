# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions: what a delivery is for, in words for people. One small file each; nothing else says which one is open."""

from __future__ import annotations

import json
import re
import typing as t
import unicodedata
from dataclasses import asdict, dataclass

from ..common.errors import BadInput, MoodleError
from ..common.files import write_atomically
from ..common.process import without_secrets
from .layout import Layout
from .trees import shown

SESSION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
WORDS = ("title", "description", "impact", "followup")
LONGEST = {"title": 200}
LONGEST_TEXT = 20000
TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")  # colours, titles and moves of the cursor
PASSWORD = re.compile(r"(?i)(--?[a-z-]*(?:pass|password|passwd|secret|token)=)('[^']*'|\"[^\"]*\"|\S+)")


@dataclass(frozen=True)
class Session:
    id: str
    title: str
    by: str
    opened: str
    closed: str | None = None
    description: str = ""
    impact: str = ""
    followup: str = ""

    @property
    def state(self) -> str:
        return "closed" if self.closed else "open"

    def told(self) -> dict[str, t.Any]:
        return {"id": self.id, "state": self.state, **asdict(self)}


class Sessions:
    def __init__(self, layout: Layout) -> None:
        self.folder = layout.sessions

    def get(self, session: str) -> Session | None:
        path = self.folder / f"{session}.json"
        try:
            return Session(**{**json.loads(path.read_text(encoding="utf-8")), "id": session})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise MoodleError(
                f"{path} is damaged ({error}): restore it from a backup, or move it away; the journal keeps the session's log."
            ) from error

    def all(self) -> list[Session]:
        """Every session, the one that was opened last at the end. A damaged one is left out: no delivery shall fail because of it."""
        found = []
        for path in self.folder.glob("*.json"):
            try:
                session = self.get(path.stem) if SESSION_ID.fullmatch(path.stem) else None
            except (MoodleError, OSError):
                continue
            found += [session] if session else []
        return sorted(found, key=lambda session: (session.opened, session.id))

    def open(self) -> Session | None:
        """The session that is open; were there several, the last one."""
        return next((session for session in reversed(self.all()) if not session.closed), None)

    def save(self, session: Session) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        write_atomically(self.folder / f"{session.id}.json", (json.dumps(asdict(session), indent=1) + "\n").encode(), mode=0o600)


def open_session(layout: Layout) -> str | None:
    """The id of the session that is open, for the journal's lines."""
    session = Sessions(layout).open()
    return session.id if session else None


def check_session_id(session: str) -> str:
    """A session's name becomes the name of a file: nothing in it may lead elsewhere."""
    if not SESSION_ID.fullmatch(session) or ".." in session:
        raise BadInput(f"'{shown(session)[:120]}' cannot be the name of a session: letters, digits and . _ + - are allowed, 100 at most.")
    return session


def check_words(words: t.Mapping[str, str | None]) -> dict[str, str]:
    """The texts that are given, as they may be kept. An empty one says nothing new."""
    checked = {key: harmless(words[key] or "").strip() for key in WORDS if words.get(key)}
    if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in (words.get("title") or "").strip()):
        raise BadInput("title: one line is expected, and a line break or another control character was found.")
    for key, text in checked.items():
        most = LONGEST.get(key, LONGEST_TEXT)
        if len(text) > most:
            raise BadInput(f"{key}: at most {most} characters are expected, {len(text)} were found.")
    return {key: text for key, text in checked.items() if text}


def plain(text: str) -> str:
    """Text that a file, a mail and a page can hold: no control characters but tabs and line breaks, nothing that is not Unicode."""
    text = TERMINAL.sub("", text.encode(errors="replace").decode()).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in text if sign in "\n\t" or unicodedata.category(sign) != "Cc")


def harmless(text: str) -> str:
    """The text without secrets. They go before anything is cut: cut in the middle, a URL would not be known for one."""
    return PASSWORD.sub(r"\1***", without_secrets(plain(text))).strip("\n")
