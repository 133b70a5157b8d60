# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the expressions of a version.php are worth, as PHP 8 evaluates them; what is not certain is refused."""

from __future__ import annotations

import re
import typing as t

from .strings import joined
from .tokens import LARGEST_INTEGER, Refused, Token

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
DEEPEST = 50
MOST_TAKEN = 1_000_000
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")


class PhpObject(dict[str, t.Any]):
    """The properties of a ``stdClass``; an array is a plain dictionary."""


def is_array(value: object) -> bool:
    return isinstance(value, dict) and not isinstance(value, PhpObject)


class Expressions:
    """Reads expressions where ``position`` stands, and moves it behind them."""

    def __init__(self, found: list[Token], variables: dict[str, t.Any]) -> None:
        self.tokens = found
        self.position = 0
        self.depth = 0
        self.taken = 0
        self.variables = variables

    def value(self) -> t.Any:
        """An expression that is no object: one object under two names is more than the result can say."""
        token = self.peek()
        found = self.expression()
        return self.refuse(token, "an object inside of another value") if isinstance(found, PhpObject) else found

    def expression(self) -> t.Any:
        """A chain of ``.``, or one of ``+`` and ``-``: PHP 7 and 8 disagree about which of them comes first."""
        line = self.peek().line
        value = self.product()
        if self.at("."):
            parts = [_printed(value, line)]
            while self.take("op", "."):
                line = self.peek().line
                parts.append(_printed(self.product(), line))
            return joined(parts)
        while self.at("+") or self.at("-"):
            operator = self.next()
            value = _calculated(value, operator, self.product())
        return value

    def product(self) -> t.Any:
        """``24 * 60 * 60``, as old plugins wrote the seconds of their cron."""
        value = self.operand()
        while self.at("*") or self.at("/"):
            operator = self.next()
            value = _calculated(value, operator, self.operand())
        return value

    def operand(self) -> t.Any:
        token = self.next()
        self.depth += 1
        if self.depth > DEEPEST:
            self.refuse(token, "expressions nested too deep")
        value = self._operand(token)
        self.depth -= 1
        return value

    def _operand(self, token: Token) -> t.Any:
        if token.kind in ("int", "float", "string"):
            return token.value
        if token.kind == "variable":
            return self._variable(token)
        if token.kind == "name":
            return self._named(token)
        if token.value in ("-", "+"):
            return _signed(token, self.operand())
        if token.value == "(":
            value = self.expression()
            self.expect("op", ")")
            return value
        return self._array("]") if token.value == "[" else self.refuse(token)

    def _variable(self, token: Token) -> t.Any:
        """Only what the file itself has set before: PHP takes the rest from somewhere else."""
        holder, name = self.variables, token.value[1:]
        if self.take("op", "->"):
            holder, name = self.object_called(token), self.property_name()
        if name not in holder:
            self.refuse(token, f"{token.value}: what it holds is unknown")
        value = holder[name]
        if is_array(value):
            self.refuse(token, f"{token.value}: an array that is taken from a variable")
        # `$a = $a . $a` a few times over would fill any memory.
        self.taken += len(value) if isinstance(value, str) else 0
        return value if self.taken <= MOST_TAKEN else self.refuse(token, "strings that grow and grow")

    def object_called(self, token: Token) -> PhpObject:
        holder = self.variables.get(token.value[1:])
        return holder if isinstance(holder, PhpObject) else self.refuse(token, f"{token.value} is not an object")

    def property_name(self) -> str:
        token = self.expect("name")
        return str(token.value) if "\\" not in token.value else self.refuse(token)

    def _named(self, token: Token) -> t.Any:
        if token.value.lower() == "array" and self.take("op", "("):
            return self._array(")")
        if token.value.lower() == "new" and self.expect("name").value.lower() in ("stdclass", "\\stdclass"):
            if self.take("op", "("):
                self.expect("op", ")")
            return PhpObject()
        word = token.value[1:] if token.value.startswith("\\") else token.value
        for known in (word, word.lower()):
            if known in CONSTANTS:
                return CONSTANTS[known]
        return self.refuse(token)

    def _array(self, end: str) -> dict[t.Any, t.Any]:
        items: dict[t.Any, t.Any] = {}
        following = 0
        while not self.take("op", end):
            token = self.peek()
            value = self.value()
            key: int | str = following
            if self.take("op", "=>"):
                key = array_key(value, token)
                value = self.value()
            if isinstance(key, int):
                following = max(following, key + 1)
            # PHP would not go on counting beyond the largest number either.
            items[array_key(key, token)] = value
            if not self.take("op", ","):
                self.expect("op", end)
                break
        return items

    def peek(self) -> Token:
        if self.position >= len(self.tokens):
            last = self.tokens[-1].line if self.tokens else 1
            raise Refused(f"line {last}: the file ends in the middle of a statement")
        return self.tokens[self.position]

    def next(self) -> Token:
        token = self.peek()
        self.position += 1
        return token

    def at(self, value: str) -> bool:
        return self.tokens[self.position : self.position + 1] != [] and self.tokens[self.position][:2] == ("op", value)

    def take(self, kind: str, value: str) -> bool:
        """Pass over this token if it is the next one; PHP does not tell the case of its own words."""
        if self.position >= len(self.tokens):
            return False
        token = self.tokens[self.position]
        found = token.kind == kind and (token.value.lower() if kind == "name" else token.value) == value
        self.position += found
        return found

    def expect(self, kind: str, value: str | None = None) -> Token:
        token = self.next()
        if token.kind != kind or (value is not None and token.value != value):
            self.refuse(token)
        return token

    def refuse(self, token: Token, words: str = "") -> t.NoReturn:
        raise Refused(f"line {token.line}: {words or f'{str(token.value)[:40]!r} is beyond this reader'}")


def array_key(key: t.Any, token: Token) -> int | str:
    """As PHP keeps it: text that is a whole number becomes one. What its versions disagree about is refused."""
    if isinstance(key, str) and _WHOLE.fullmatch(key) and -LARGEST_INTEGER - 1 <= int(key) <= LARGEST_INTEGER:
        key = int(key)
    if isinstance(key, str) or (_whole(key) and 0 <= key <= LARGEST_INTEGER):
        return t.cast("int | str", key)
    raise Refused(f"line {token.line}: {repr(key)[:40]} as the key of an array")


def _printed(value: t.Any, line: int) -> str:
    """As PHP prints it into a string; how it prints a float is a setting."""
    if isinstance(value, str):
        return value
    if _whole(value):
        return str(value)
    raise Refused(f"line {line}: a concatenation of what is neither text nor a whole number")


def _calculated(left: t.Any, operator: Token, right: t.Any) -> int:
    if _whole(left) and _whole(right) and not (operator.value == "/" and (right == 0 or left % right)):
        result = {"+": left + right, "-": left - right, "*": left * right, "/": left // (right or 1)}[operator.value]
        if -LARGEST_INTEGER - 1 <= result <= LARGEST_INTEGER:
            return int(result)
    raise Refused(f"line {operator.line}: '{operator.value}' with other than whole numbers, or a result that is none")


def _signed(token: Token, number: t.Any) -> int | float:
    if isinstance(number, float):
        return -number if token.value == "-" else number
    return _calculated(0, token, number)


def _whole(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
