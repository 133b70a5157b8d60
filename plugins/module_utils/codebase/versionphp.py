# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a version.php without running it: what PHP would say, or a refusal, never a guess."""

from __future__ import annotations

import re
import typing as t

from .php_tokens import Refused, Token, tokens

CONSTANTS: dict[str, t.Any] = {
    "MATURITY_ALPHA": 50,
    "MATURITY_BETA": 100,
    "MATURITY_RC": 150,
    "MATURITY_STABLE": 200,
    "ANY_VERSION": "any",
    "true": True,
    "false": False,
    "null": None,
}
LARGEST_INTEGER = 2**63
_WHOLE = re.compile(r"0|-?[1-9][0-9]*")
_GUARD = ("(", "MOODLE_INTERNAL", ")")


def read_version(php: str) -> dict[str, t.Any]:
    """The variables that the file sets; an object (``$plugin``) is a dictionary of its properties."""
    return _Reader(tokens(php)).file()


def read_plugin(php: str) -> dict[str, t.Any]:
    """The properties of ``$plugin``, or of the ``$module`` of very old plugins."""
    reader = _Reader(tokens(php))
    # Moodle gives the file one object under both names, and old files use both.
    given: dict[str, t.Any] = {}
    reader.variables.update(plugin=given, module=given)
    variables = reader.file()
    found = variables["module"] if variables["plugin"] is given and not given else variables["plugin"]
    if isinstance(found, dict) and found:
        return found
    raise Refused("it sets neither $plugin nor $module")


class _Reader:
    def __init__(self, found: list[Token]) -> None:
        self.tokens = found
        self.position = 0
        self.variables: dict[str, t.Any] = {}

    def file(self) -> dict[str, t.Any]:
        while self.position < len(self.tokens):
            self.statement()
        return self.variables

    def statement(self) -> None:
        token = self.peek()
        if self.take("op", ";"):
            return
        if token.kind == "variable":
            self.assignment()
        elif token.kind == "name" and token.value.lower() == "defined":
            self.guard_expression()
        elif token.kind == "name" and token.value.lower() == "if":
            self.guard_condition()
        else:
            self.refuse(token)

    def assignment(self) -> None:
        name = self.next().value[1:]
        if self.take("op", "->"):
            holder = self.variables.setdefault(name, {})
            key = self.expect("name").value
        else:
            holder, key = self.variables, name
        if not isinstance(holder, dict):
            raise Refused(f"${name} is not an object")
        if self.take("op", "["):
            if holder.setdefault(key, {}) == []:
                holder[key] = {}
            holder = holder[key]
            key = _array_key(self.expression())
            self.expect("op", "]")
            if not isinstance(holder, dict):
                raise Refused(f"${name}: an element is set in a list")
        self.expect("op", "=")
        holder[key] = self.expression()
        self.expect("op", ";")

    def guard_expression(self) -> None:
        """``defined('MOODLE_INTERNAL') || die();``"""
        self.next()
        self.guard_arguments()
        if not (self.take("op", "||") or self.take("name", "or") or self.take("name", "OR")):
            self.refuse(self.peek())
        self.die()

    def guard_condition(self) -> None:
        """``if (!defined('MOODLE_INTERNAL')) { die('…'); }``"""
        self.next()
        self.expect("op", "(")
        self.expect("op", "!")
        self.expect("name", "defined")
        self.guard_arguments()
        self.expect("op", ")")
        if self.take("op", "{"):
            self.die()
            self.expect("op", "}")
        else:
            self.die()

    def guard_arguments(self) -> None:
        for value in _GUARD:
            if self.next().value != value:
                raise Refused("a condition that is not about MOODLE_INTERNAL")

    def die(self) -> None:
        name = self.expect("name")
        if name.value.lower() not in ("die", "exit"):
            self.refuse(name)
        if self.take("op", "(") and not self.take("op", ")"):
            self.expression()
            self.expect("op", ")")
        self.expect("op", ";")

    def expression(self) -> t.Any:
        value = self.product()
        while self.take("op", "."):
            right = self.product()
            if not isinstance(value, str) or not isinstance(right, str):
                raise Refused("a concatenation of what is not text")
            value += right
        return value

    def product(self) -> t.Any:
        """``24 * 60 * 60``, as old plugins wrote the seconds of their cron."""
        value = self.operand()
        while self.take("op", "*"):
            right = self.operand()
            if not _whole(value) or not _whole(right) or abs(value * right) >= LARGEST_INTEGER:
                raise Refused("a product of what are not whole numbers, or too large ones")
            value *= right
        return value

    def operand(self) -> t.Any:
        token = self.next()
        if token.kind in ("int", "float", "string"):
            return token.value
        if token.kind == "op" and token.value == "-":
            number = self.operand()
            return -number if isinstance(number, (int, float)) else self.refuse(token)
        if token.kind == "op" and token.value == "(":
            value = self.expression()
            self.expect("op", ")")
            return value
        if token.kind == "op" and token.value == "[":
            return self.array("]")
        if token.kind == "name":
            return self.named(token)
        return self.refuse(token)

    def named(self, token: Token) -> t.Any:
        word = token.value.lstrip("\\")
        if word.lower() == "array" and self.take("op", "("):
            return self.array(")")
        if word.lower() == "new" and self.expect("name").value.lstrip("\\").lower() == "stdclass":
            if self.take("op", "("):
                self.expect("op", ")")
            return {}
        for known in (word, word.lower()):
            if known in CONSTANTS:
                return CONSTANTS[known]
        return self.refuse(token)

    def array(self, end: str) -> list[t.Any] | dict[t.Any, t.Any]:
        items: dict[t.Any, t.Any] = {}
        following = 0
        while not self.take("op", end):
            key = value = self.expression()
            if self.take("op", "=>"):
                value = self.expression()
                key = _array_key(key)
            else:
                key = following
            items[key] = value
            following = max(following, key + 1) if isinstance(key, int) else following
            if not self.take("op", ","):
                self.expect("op", end)
                break
        return list(items.values()) if list(items) == list(range(len(items))) else items

    def peek(self) -> Token:
        if self.position >= len(self.tokens):
            raise Refused("the file ends in the middle of a statement")
        return self.tokens[self.position]

    def next(self) -> Token:
        token = self.peek()
        self.position += 1
        return token

    def take(self, kind: str, value: str) -> bool:
        found = self.position < len(self.tokens) and self.tokens[self.position][:2] == (kind, value)
        self.position += found
        return found

    def expect(self, kind: str, value: str | None = None) -> Token:
        token = self.next()
        if token.kind != kind or (value is not None and token.value != value):
            self.refuse(token)
        return token

    def refuse(self, token: Token) -> t.NoReturn:
        raise Refused(f"line {token.line}: '{token.value}' is beyond this reader")


def _array_key(key: t.Any) -> int | str:
    """As PHP keeps it: text that is a whole number becomes one. What its versions disagree about is refused."""
    if isinstance(key, str) and _WHOLE.fullmatch(key) and abs(int(key)) < LARGEST_INTEGER:
        key = int(key)
    if isinstance(key, bool) or not isinstance(key, (int, str)) or (isinstance(key, int) and key < 0):
        raise Refused(f"{key!r} as the key of an array")
    return key


def _whole(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
