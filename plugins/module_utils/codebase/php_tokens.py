# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cuts the PHP of a version.php into tokens; comments and white space fall away."""

from __future__ import annotations

import re
import typing as t

from ..common.errors import MoodleError


class Refused(MoodleError):
    """The reader cannot know what PHP would say, and does not guess."""


class Token(t.NamedTuple):
    kind: str  # variable, name, int, float, string, op
    value: t.Any
    line: int


_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<comment>(?://|\#(?!\[))[^\r\n]*?(?=\?>|[\r\n]|\Z) | /\*.*?\*/)
  | (?P<variable>\$[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)
  | (?P<float>(?:\d[\d_]*)?\.\d[\d_]*(?:[eE][+-]?\d+)?|\d[\d_]*\.(?:[eE][+-]?\d+)?(?!\.)|\d[\d_]*[eE][+-]?\d+)
  | (?P<int>0[xX][0-9a-fA-F_]+|0[bB][01_]+|\d[\d_]*)
  | (?P<name>\\?[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*(?:\\[A-Za-z_\x80-\U0010ffff][\w\x80-\U0010ffff]*)*)
  | (?P<single>'(?:[^'\\]|\\.)*')
  | (?P<double>"(?:[^"\\]|\\.)*")
  | (?P<op>\?>|->|=>|::|\|\||&&|[-+*/.=;,()\[\]{}!?:<>@&|%])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "v": "\v", "e": "\x1b", "f": "\f", "\\": "\\", "$": "$", '"': '"'}


def tokens(php: str) -> list[Token]:
    """The tokens between ``<?php`` and the end; Refused where the text holds anything else."""
    start = re.match(r"(?:\ufeff)?(?:#![^\n]*\n)?<\?php(?=\s|\Z)", php)
    if not start:
        raise Refused("the file does not begin with <?php")
    found: list[Token] = []
    position = start.end()
    while position < len(php):
        match = _TOKEN.match(php, position)
        line = php.count("\n", 0, position) + 1
        if not match or not match.lastgroup:
            raise Refused(f"line {line}: {php[position : position + 20]!r} is beyond this reader")
        if match.lastgroup not in ("space", "comment"):
            if match.group() == "?>":
                if php[match.end() :].strip():
                    raise Refused(f"line {line}: text follows the end of the PHP")
                found.append(Token("op", ";", line))
                break
            found.append(_token(match.lastgroup, match.group(), line))
        position = match.end()
    return found


def _token(kind: str, text: str, line: int) -> Token:
    if kind == "int":
        return Token("int", _integer(text.replace("_", ""), line), line)
    if kind == "float":
        return Token("float", float(text.replace("_", "")), line)
    if kind == "single":
        return Token("string", re.sub(r"\\([\\'])", r"\1", text[1:-1]), line)
    if kind == "double":
        return Token("string", _double_quoted(text[1:-1], line), line)
    return Token(kind, text, line)


def _integer(text: str, line: int) -> int | float:
    if len(text) > 1 and text[0] == "0" and text[1] not in "xXbB":
        if not set(text) <= set("01234567"):
            raise Refused(f"line {line}: {text} is no octal number")
        number = int(text, 8)
    else:
        number = int(text, 0)
    return number if number < 2**63 else float(number)


def _double_quoted(text: str, line: int) -> str:
    if re.search(r"(?<!\\)(?:\\\\)*(?:\$[A-Za-z_{\x80-\U0010ffff]|\{\$)", text):
        raise Refused(f"line {line}: a variable inside a string")
    if re.search(r"\\[0-7xu]", text):
        raise Refused(f"line {line}: a numeric escape inside a string")
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), text, flags=re.DOTALL)
