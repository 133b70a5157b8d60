# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A piece of work that one play does at a time: who holds it, since when, and when another one may take it over."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from .errors import MoodleError
from .files import locked, write_atomically

Play = Mapping[str, t.Any]
_WAIT = 10


@dataclass(frozen=True)
class Hold:
    """Who is at work."""

    holder: str
    since: str
    expiry: str
    play: Play = field(default_factory=dict)
    """Which play it is, as its own machine knows it: two of the same user differ in it."""

    def told(self) -> dict[str, str]:
        return {"holder": self.holder, "since": self.since, "expiry": self.expiry}


@dataclass(frozen=True)
class Decision:
    """What becomes of a hold that is asked for."""

    taken: bool = False
    refusal: str = ""
    warning: str = ""


def decide(found: Hold | None, wanted: Hold, what: str, *, take_over: bool = False, gone: Play | None = None) -> Decision:
    """Whether ``wanted`` gets it; ``gone`` is a play that is known to be over."""
    if found is None:
        return Decision(taken=True)
    if found.play and found.play == wanted.play:
        return Decision()
    was = f"{what}, held by {found.holder} since {found.since},"
    if take_over or datetime.fromisoformat(wanted.since) >= datetime.fromisoformat(found.expiry):
        return Decision(taken=True, warning=f"{was} was taken over by {wanted.holder}.")
    if gone is not None and gone == found.play:
        return Decision(taken=True, warning=f"{was} was left open by a play that is gone: {wanted.holder} goes on with it.")
    return Decision(
        refusal=f"{what} is held by {found.holder} since {found.since}: wait for its end, or when you know that it is over, take it over"
        f" (take_over), which from {found.expiry} on happens by itself."
    )


class HoldFile:
    """The hold in a file; each call looks and writes under a lock of its own."""

    def __init__(self, path: Path, what: str) -> None:
        self._path = path
        self._what = what

    def read(self) -> Hold | None:
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
            datetime.fromisoformat(said["expiry"])
            return Hold(**said)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise MoodleError(f"{self._path} is damaged: remove it when nobody is at work on {self._what}.") from error

    def take(self, wanted: Hold, *, take_over: bool, gone: Play | None, only_look: bool) -> Decision:
        """Get hold of it; the refusal is told in the decision."""
        if only_look:
            return decide(self.read(), wanted, self._what, take_over=take_over, gone=gone)
        with self._alone():
            decision = decide(self.read(), wanted, self._what, take_over=take_over, gone=gone)
            if decision.taken:
                write_atomically(self._path, json.dumps(asdict(wanted)).encode() + b"\n", 0o600)
            return decision

    def release(self, play: Play, *, only_look: bool) -> bool:
        """Let go, if it is ours; whether it was."""
        if only_look or not self._path.parent.is_dir():
            return self._is_ours(play)
        with self._alone():
            ours = self._is_ours(play)
            if ours:
                self._path.unlink()
            return ours

    def _is_ours(self, play: Play) -> bool:
        found = self.read()
        return bool(found and found.play and found.play == play)

    def _alone(self) -> t.ContextManager[None]:
        return locked(self._path.with_name(f"{self._path.name}.lock"), _WAIT, self._what, "and run again")
