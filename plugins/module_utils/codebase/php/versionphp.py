# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a version.php without running it: what PHP would say, or a refusal, never a guess."""

from __future__ import annotations

import typing as t

from .tokens import Refused, Token, tokens
from .values import CONSTANTS, Expressions, PhpObject, array_key, is_array

# What Moodle has defined before it reads the file.
_DEFINED = {"MOODLE_INTERNAL", *(name for name in CONSTANTS if name.isupper())}
# Setting these changes more than a variable of the file.
_NOT_OURS = {"this", "GLOBALS", "_SERVER", "_GET", "_POST", "_FILES", "_COOKIE", "_SESSION", "_REQUEST", "_ENV"}


def read_version(php: str | bytes) -> dict[str, t.Any]:
    """The variables that the file sets; an object (``$plugin``) is a dictionary of its properties.

    Best given the bytes of the file: those that are no UTF-8 come back as surrogates (``surrogateescape``).
    """
    return t.cast("dict[str, t.Any]", _plain(_Reader(php).file(), keep=True))


def read_plugin(php: str | bytes) -> dict[str, t.Any]:
    """The properties of ``$plugin``, or of the ``$module`` of very old plugins."""
    reader = _Reader(php)
    reader.file()
    found = reader.variables["plugin"]
    if found is reader.given and not found:
        found = reader.variables["module"]
    if isinstance(found, PhpObject) and found:
        return t.cast("dict[str, t.Any]", _plain(found, keep=True))
    raise Refused("it sets neither $plugin nor $module")


def read_subplugins(php: str | bytes) -> dict[str, str]:
    """The types that an old ``db/subplugins.php`` declares, each with its path from the root of the code base."""
    found = _Reader(php).file().get("subplugins")
    if not isinstance(found, dict) or not is_array(found):
        raise Refused("it does not set $subplugins to an array")
    for kind, path in found.items():
        if not isinstance(kind, str) or not isinstance(path, str):
            raise Refused(f"$subplugins holds {repr(kind)[:40]}, which is not a type with a path")
    return found


class _Reader(Expressions):
    def __init__(self, php: str | bytes) -> None:
        # Moodle gives the file one object under both names, and old files use both.
        self.given = PhpObject()
        super().__init__(tokens(php), {"plugin": self.given, "module": self.given})
        self.mentioned: set[str] = set()

    def file(self) -> dict[str, t.Any]:
        self.declaration()
        while self.position < len(self.tokens):
            self.statement()
        return {name: value for name, value in self.variables.items() if name in self.mentioned}

    def declaration(self) -> None:
        """``declare(strict_types=1);``, which PHP accepts as the first statement only."""
        if self.take("name", "declare"):
            self.expect("op", "(")
            word = self.expect("name")
            self.expect("op", "=")
            number = self.expect("int")
            if word.value.lower() != "strict_types" or number.value not in (0, 1):
                self.refuse(word)
            self.expect("op", ")")
            self.expect("op", ";")

    def statement(self) -> None:
        if self.take("op", ";"):
            return
        token = self.next()
        if token.kind == "variable":
            self.assignment(token)
        elif token.kind == "name" and token.value.lower() in ("defined", "\\defined"):
            self.guard(token)
            if not (self.take("op", "||") or self.take("name", "or")):
                self.refuse(self.peek())
            self.never_done()
        elif token.kind == "name" and token.value.lower() == "if":
            self.condition(token)
        else:
            self.refuse(token)

    def assignment(self, token: Token) -> None:
        holder: dict[str, t.Any] = self.variables
        key = token.value[1:]
        if key in _NOT_OURS:
            self.refuse(token)
        self.mentioned.add(key)
        if self.take("op", "->"):
            holder, key = self.object_called(token), self.property_name()
        element = None
        if self.take("op", "["):
            element = array_key(self.value(), token)
            self.expect("op", "]")
        self.expect("op", "=")
        value = self.expression() if holder is self.variables and element is None else self.value()
        self.expect("op", ";")
        if element is None:
            holder[key] = value
        else:
            self.array_called(holder, key, token)[element] = value

    def array_called(self, holder: dict[str, t.Any], key: str, token: Token) -> dict[t.Any, t.Any]:
        """The array that gets an element; PHP makes one where there was nothing."""
        if holder.get(key) is None:
            holder[key] = {}
        found = holder[key]
        return (
            t.cast("dict[t.Any, t.Any]", found)
            if is_array(found)
            else self.refuse(token, f"an element is set in {token.value}, which is no array")
        )

    def condition(self, token: Token) -> None:
        """``if (!defined('MOODLE_INTERNAL')) { die('…'); }``"""
        self.expect("op", "(")
        if not self.take("op", "!"):
            self.refuse(token, "a condition that may hold or not")
        self.guard(self.expect("name"))
        self.expect("op", ")")
        if self.take("op", "{"):
            self.never_done()
            self.expect("op", "}")
        else:
            self.never_done()

    def guard(self, token: Token) -> None:
        if token.value.lower() not in ("defined", "\\defined"):
            self.refuse(token)
        self.expect("op", "(")
        name = self.expect("string")
        if name.value not in _DEFINED:
            self.refuse(name, f"a condition about {name.value[:40]!r}, which may be defined or not")
        self.expect("op", ")")

    def never_done(self) -> None:
        """What a file does where Moodle is missing: it ends, or defines what Moodle has defined already."""
        name = self.expect("name")
        if name.value.lower() in ("define", "\\define"):
            self.expect("op", "(")
            self.value()
            self.expect("op", ",")
            self.value()
            self.expect("op", ")")
        elif name.value.lower() not in ("die", "exit"):
            self.refuse(name)
        elif self.take("op", "(") and not self.take("op", ")"):
            self.value()
            self.expect("op", ")")
        self.expect("op", ";")


def _plain(value: t.Any, keep: bool = False) -> t.Any:
    """An array counted from 0 becomes a list; an object, and what is kept, stays a dictionary."""
    if not isinstance(value, dict):
        return value
    items = {key: _plain(item, isinstance(item, PhpObject)) for key, item in value.items()}
    return items if keep or list(items) != list(range(len(items))) else list(items.values())
