# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks values that people wrote, and says of a wrong one where it stands, what it is and what would be right."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ...common.errors import BadInput
from ...common.process import without_secrets

Path = tuple[str, ...]

# YAML reads a bare `yes` as a truth value; our own reader leaves it text. Both are understood.
TRUTH = re.compile(r"[Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]es|YES|[Nn]o|NO")
PATH = re.compile(r"(?!(?:.*/)?\.\.(?:/|$))[^\x00-\x1f\x7f]+")

LONG = 200


@dataclass(frozen=True)
class Reader:
    """Reads the values of the file ``name``, and knows on which line each key stands."""

    name: str
    lines: Mapping[Path, int] = field(default_factory=dict)
    base: str | None = None  # the directory that relative paths start from

    def fail(self, path: Path, problem: str) -> t.NoReturn:
        line = self.lines.get(path)
        where = f"{self.name}, line {line}" if line else self.name
        raise BadInput(f"{where}: {_on_one_line('.'.join(path))}: {problem}" if path else f"{where}: {problem}")

    def mapping(self, value: object, path: Path, allowed: tuple[str, ...] | None) -> Mapping[str, object]:
        if not isinstance(value, Mapping):
            self.fail(path, f"a mapping is expected, {shown(value)} was found.")
        for key in value:
            if not isinstance(key, str):
                self.fail(path, f"the key {key!r} is not text: put it in quotes.")
            if allowed is not None and key not in allowed:
                self.fail((*path, key), f"this key is not known here; allowed are {', '.join(allowed)}.")
        return value

    def sequence(self, value: object, path: Path, expected: str) -> list[object]:
        """A list; nothing at all is an empty one."""
        if value is not None and not isinstance(value, list):
            self.fail(path, f"a list of {expected} is expected, {shown(value)} was found.")
        return value or []

    def text(self, value: object, path: Path, form: re.Pattern[str], expected: str) -> str:
        if isinstance(value, float):
            self.fail(path, f"{value} was read as a number, which cannot tell 3.1 from 3.10: put it in quotes.")
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not form.fullmatch(value) or not _can_be_written(value):
            self.fail(path, f"{expected} is expected, {shown(value)} was found.")
        return value

    def truth(self, value: object, path: Path) -> bool:
        if isinstance(value, bool):
            return value
        return self.text(value, path, TRUTH, "'true' or 'false'").lower() in ("true", "yes")

    def file(self, value: object, path: Path, expected: str) -> str:
        """A path as programs can use it: a relative one starts from the directory of the file that names it."""
        written = PurePosixPath(self.text(value, path, PATH, f"{expected} (a path without '..')"))
        if self.base is None and not written.is_absolute():
            self.fail(path, f"there is no file that '{written}' could be relative to: give an absolute path.")
        return str(PurePosixPath(self.base or "/") / written)


def shown(value: object) -> str:
    """A value as a message may show it."""
    if value is None:
        return "nothing"
    if isinstance(value, (str, int, float)):
        return f"'{_on_one_line(without_secrets(str(value)))}'"
    return f"a {'list' if isinstance(value, list) else type(value).__name__}"


def _on_one_line(text: str) -> str:
    short = text if len(text) <= LONG else f"{text[:LONG]}…"
    return short if short.isprintable() else repr(short)[1:-1]


def _can_be_written(value: str) -> bool:
    """A lone surrogate has no place in UTF-8: neither Git nor a file system would take it."""
    return not any("\ud800" <= character <= "\udfff" for character in value)
