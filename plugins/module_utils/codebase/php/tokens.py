# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cuts the PHP of a version.php into tokens; comments and white space fall away."""

from __future__ import annotations

import functools
import math
import re
import typing as t

from .strings import NAME, Refused, double_quoted, end_of_quoted, heredoc, single_quoted, text_of

__all__ = ["LARGEST_INTEGER", "Refused", "Token", "tokens"]

LARGEST_INTEGER = 2**63 - 1
# Real files have a few hundred; a flood must not fill the memory.
MOST_TOKENS = 100_000
LONGEST_NUMBER = 100


class Token(t.NamedTuple):
    kind: str  # variable, name, int, float, string, op
    value: t.Any
    line: int


_START = re.compile(r"(?:\ufeff)?(?:#![^\n<]*\n)?[ \t\r\n]*(?P<open><\?[pP][hH][pP])(?=[ \t\r\n]|\Z)")
_HOPELESS = {"/*": "a comment that does not end", "<<<<<<<": "a merge that nobody resolved"}
# Counted repetitions of groups: without a limit they would cost memory for each turn.
_DIGITS = r"[0-9]+(?:_[0-9]+){0,50}"
_EXPONENT = rf"[eE][+-]?{_DIGITS}"
_TOKEN = rf"""
    (?P<space> [ \t\r\n]+)
  | (?P<comment> (?://|\#(?!\[))[^\r\n]*?(?=\?>|[\r\n]|\Z) | /\*.*?\*/)
  | (?P<hopeless> /\* | <{{7}})
  | (?P<variable> \${NAME})
  | (?P<float> (?:{_DIGITS})?\.{_DIGITS}(?:{_EXPONENT})? | {_DIGITS}\.(?:{_EXPONENT})? | {_DIGITS}{_EXPONENT})
  | (?P<int> 0[xX][0-9a-fA-F]+(?:_[0-9a-fA-F]+){{0,50}} | 0[bB][01]+(?:_[01]+){{0,50}} | {_DIGITS})
  | (?P<name> \\?{NAME}(?:\\{NAME}){{0,50}})
  | (?P<quoted> ['"])
  | (?P<heredoc> <<<[ \t]*(?P<quote>['"]?)(?P<label>{NAME})(?P=quote)(?:\r\n|\n|\r))
  | (?P<close> \?>)
  | (?P<op> ->|=>|::|\|\||&&|\+\+|--|\*\*|\?\?|[=!]==?|<=>|<<|>>|<=|>=|<>|[-+*/.%&|^]=|[-+*/.=;,()\[\]{{}}!?:<>@&|%^~])
    """


@functools.cache
def _lexer() -> re.Pattern[str]:
    """Compiled when a file is read at last: a build with nothing new reads none."""
    return re.compile(_TOKEN, re.VERBOSE | re.DOTALL)


def tokens(php: str | bytes) -> list[Token]:
    """The tokens between ``<?php`` and the end; Refused where the text holds anything else."""
    php = text_of(php)
    start = _START.match(php)
    if not start:
        raise Refused("line 1: the file does not begin with <?php")
    # What stands outside of the PHP is printed, which is a statement.
    found = [Token("op", ";", 1)] if start.start("open") else []
    token, position, line = _lexer(), start.end(), 1 + _newlines(php, 0, start.end())
    while position < len(php):
        match = token.match(php, position)
        if not match or not match.lastgroup or match.lastgroup == "hopeless":
            words = _HOPELESS.get(match.group() if match else "", f"{php[position : position + 20]!r} is beyond this reader")
            raise Refused(f"line {line}: {words}")
        kind, end = match.lastgroup, match.end()
        if kind == "heredoc":
            text, end = heredoc(php, end, match["label"], match["quote"], line)
            found.append(Token("string", text, line))
        elif kind == "quoted":
            end = end_of_quoted(php, position + 1, match.group(), line) + 1
            inner = php[position + 1 : end - 1]
            found.append(Token("string", single_quoted(inner) if match.group() == "'" else double_quoted(inner, line), line))
        elif kind == "close":
            if php[end:].strip():
                raise Refused(f"line {line}: text follows the end of the PHP")
            found.append(Token("op", ";", line))
            end = len(php)
        elif kind not in ("space", "comment"):
            found.append(_token(kind, match.group(), line))
        if len(found) > MOST_TOKENS:
            raise Refused(f"line {line}: this is more than any version.php holds")
        line += _newlines(php, position, end)
        position = end
    return found


def _newlines(php: str, start: int, end: int) -> int:
    return php.count("\n", start, end) + php.count("\r", start, end) - php.count("\r\n", start, end)


def _token(kind: str, text: str, line: int) -> Token:
    if kind in ("int", "float"):
        if len(text) > LONGEST_NUMBER:
            raise Refused(f"line {line}: a number of {len(text)} characters")
        number = _integer(text.replace("_", ""), line) if kind == "int" else float(text.replace("_", ""))
        if math.isinf(number):
            raise Refused(f"line {line}: {text} is too large")
        return Token("int" if isinstance(number, int) else "float", number, line)
    return Token(kind, text, line)


def _integer(text: str, line: int) -> int | float:
    base = {"0x": 16, "0b": 2}.get(text[:2].lower()) or (8 if text[0] == "0" else 0)
    try:
        number = int(text, base)
    except ValueError:
        raise Refused(f"line {line}: {text} is no octal number") from None
    if number <= LARGEST_INTEGER:
        return number
    if base:
        raise Refused(f"line {line}: {text} is too large")
    # Only decimal numbers are rounded alike by everybody.
    return float(text)
