# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a delivery remembers between two calls: its state, the description of each release, the journal."""

from __future__ import annotations

import json
import os
import stat
import typing as t
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from ..common.errors import MoodleError
from ..common.files import write_atomically
from .layout import Layout
from .sessions import open_session
from .trees import EXECUTABLE, REGULAR, SYMLINK, Entry


@dataclass(frozen=True)
class Rendered:
    """A file that is put into a release beside what comes from Git (config.php); its content is kept by its hash.

    That of a link is where it leads to.
    """

    sha256: str
    mode: int  # with the kind of file where that is a link
    oid: str  # as Git would name the content, so that it is verified like any other file

    @property
    def git_mode(self) -> str:
        if stat.S_ISLNK(self.mode):
            return SYMLINK
        return EXECUTABLE if self.mode & stat.S_IXUSR else REGULAR


@dataclass(frozen=True)
class Release:
    """A release as it was made. It is described before it is there, so that a killed call leaves no nameless directory."""

    id: str
    revision: str
    tree: str
    created: str
    rendered: Mapping[str, Rendered] = field(default_factory=dict)
    good: bool = False
    left: str | None = field(default=None, compare=False)  # when it was served last
    size: int | None = field(default=None, compare=False)  # known once it is complete

    def same_content(self, other: Release) -> bool:
        return bool(self.tree) and (self.tree, dict(self.rendered)) == (other.tree, dict(other.rendered))

    def rendered_entries(self) -> dict[str, Entry]:
        return {path: Entry(file.git_mode, file.oid) for path, file in self.rendered.items()}


@dataclass(frozen=True)
class Record:
    """Who holds the delivery, from where, since when and until when."""

    holder: str
    since: str
    expiry: str

    def expired(self, now: datetime) -> bool:
        return now >= datetime.fromisoformat(self.expiry)


@dataclass(frozen=True)
class State:
    """Between two calls: how far the delivery is, who holds it, what is being prepared, what served before."""

    phase: str | None = None  # secured, delivering, updated; None when no delivery is open
    record: Record | None = None
    work: Release | None = None
    previous: str | None = None


class Memory:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.written: list[dict[str, t.Any]] = []

    def state(self) -> State:
        data = _read(self.layout.state)
        if data is None:
            return State()
        try:
            record, work = data.get("record"), data.get("work")
            return State(data.get("phase"), Record(**record) if record else None, _release(work) if work else None, data.get("previous"))
        except (TypeError, KeyError, AttributeError) as error:
            raise _damaged(self.layout.state, error) from error

    def save(self, state: State) -> None:
        _write(self.layout.state, asdict(state))

    def release(self, release: str) -> Release | None:
        path = self.layout.descriptions / f"{release}.json"
        data = _read(path)
        try:
            return None if data is None else _release(data)
        except (TypeError, KeyError, AttributeError) as error:
            raise _damaged(path, error) from error

    def described(self) -> list[Release]:
        """Every release that is known, the oldest first; of some the directory is gone, or not there yet."""
        if not self.layout.descriptions.is_dir():
            return []
        found = [self.release(path.stem) for path in self.layout.descriptions.glob("*.json")]
        return sorted((release for release in found if release), key=lambda release: (release.created, release.id))

    def releases(self) -> list[Release]:
        """Every release that is complete, the oldest first."""
        return [release for release in self.described() if self.layout.release(release.id).is_dir()]

    def describe(self, release: Release) -> None:
        _write(self.layout.descriptions / f"{release.id}.json", asdict(release))

    def forget(self, release: str) -> None:
        (self.layout.descriptions / f"{release}.json").unlink(missing_ok=True)

    def write_journal(self, **entry: t.Any) -> None:
        """One line, on the disk before what it announces is done. It belongs to the session that is open, or to the one that is named."""
        entry["session"] = entry.get("session") or open_session(self.layout)
        line = {"time": now().isoformat(), **{key: value for key, value in entry.items() if value is not None}}
        handle = os.open(self.layout.journal, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(handle, "a+b") as file:
            # A call that was killed while it wrote left half a line: it must not swallow this one.
            whole = file.seek(0, os.SEEK_END) == 0 or os.pread(handle, 1, file.tell() - 1) == b"\n"
            file.write((b"" if whole else b"\n") + json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(handle)
        self.written.append(line)

    def journal(self, last: int) -> list[dict[str, t.Any]]:
        if not self.layout.journal.exists():
            return []
        lines = self.layout.journal.read_text(encoding="utf-8", errors="replace").splitlines()[-last:] if last > 0 else []
        return [entry for entry in map(_json_line, lines) if entry is not None]


def now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


def _json_line(line: str) -> dict[str, t.Any] | None:
    try:
        value = json.loads(line)
    except ValueError:  # the last line of a call that was killed while it wrote
        return None
    return value if isinstance(value, dict) else None


def _release(data: Mapping[str, t.Any]) -> Release:
    return Release(**{**data, "rendered": {path: Rendered(**file) for path, file in data["rendered"].items()}})


def _read(path: Path) -> dict[str, t.Any] | None:
    try:
        return t.cast("dict[str, t.Any]", json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> MoodleError:
    return MoodleError(
        f"{path} is damaged ({error}): restore it from a backup, or move it away: "
        "of state.json only an open delivery is forgotten then, of a release that it was delivered here."
    )


def _write(path: Path, data: Mapping[str, t.Any]) -> None:
    write_atomically(path, (json.dumps(data, indent=1) + "\n").encode(), mode=0o600)
