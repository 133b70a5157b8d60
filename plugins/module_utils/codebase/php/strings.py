# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The strings of PHP source as PHP reads them: bytes that are kept whole, escapes, heredocs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...common.errors import MoodleError


class Refused(MoodleError):
    """The reader cannot know what PHP would say, and does not guess."""

    def __init__(self, message: str, **result: object) -> None:
        # The file's own words are quoted: they may hold what no terminal and no JSON takes.
        super().__init__(message.encode("utf-8", "backslashreplace").decode(), **result)


NAME = r"[A-Za-z_\x80-\U0010ffff][A-Za-z0-9_\x80-\U0010ffff]*"
_NEWLINE = re.compile(r"(\r\n|\n|\r)")
_LETTERS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"e": b"\x1b", b"f": b"\f", b"\\": b"\\", b"$": b"$"}
_LARGEST_CHARACTER = 0x10FFFF
_SPECIAL = re.compile(
    rb"""
    (?P<variable> \$[A-Za-z_{\x80-\xff] | \{\$)
  | \\(?P<octal> [0-7]{1,3})
  | \\[xX](?P<hex> [0-9A-Fa-f]{1,2})
  | \\u\{(?P<character> [^}]*\}?)
  | \\(?P<letter> [ntrvef\\$])
  | \\(?P<other> .)
    """,
    re.VERBOSE | re.DOTALL,
)


def text_of(php: str | bytes) -> str:
    """PHP's strings are bytes. Those that are no UTF-8 become surrogates, which ``os.fsencode`` and its like turn back."""
    try:
        raw = _raw(php) if isinstance(php, str) else php
    except UnicodeEncodeError:
        raise Refused("line 1: the text holds half a character") from None
    return raw.decode("utf-8", "surrogateescape")


def joined(parts: Iterable[str]) -> str:
    """Two strings may each hold a part of one character: PHP joins bytes."""
    return text_of("".join(parts))


def end_of_quoted(php: str, start: int, quote: str, line: int) -> int:
    """Where the quote stands that has no backslash, or an even number of them, before it."""
    while (end := php.find(quote, start)) >= 0:
        before = php[start:end]
        if (len(before) - len(before.rstrip("\\"))) % 2 == 0:
            return end
        start = end + 1
    raise Refused(f"line {line}: a string that does not end")


def single_quoted(text: str) -> str:
    return "\\".join(part.replace("\\'", "'") for part in text.split("\\\\"))


def double_quoted(text: str, line: int, quote: bytes = b'"') -> str:
    def meant(match: re.Match[bytes]) -> bytes:
        kind, value = match.lastgroup, match[match.lastgroup or 0]
        if kind == "variable":
            raise Refused(f"line {line}: a variable inside a string is beyond this reader")
        if kind == "octal":
            return bytes([int(value, 8) & 0xFF])
        if kind == "hex":
            return bytes([int(value, 16)])
        if kind == "character":
            return _character(value, line)
        return _LETTERS[value] if kind == "letter" else quote if value == quote else match[0]

    return text_of(_SPECIAL.sub(meant, _raw(text)))


def heredoc(php: str, start: int, label: str, quote: str, line: int) -> tuple[str, int]:
    """The text that begins at ``start``, and where its closing label ends."""
    closing = re.compile(rf"(?<=[\r\n])([ \t]*){re.escape(label)}(?![A-Za-z0-9_\x80-\U0010ffff])").search(php, start)
    if not closing:
        raise Refused(f"line {line}: the text up to {label[:40]} does not end")
    # The last end of line belongs to the closing label.
    body = re.sub(r"(?:\r\n|\n|\r)\Z", "", php[start : closing.start()])
    if closing[1]:
        body = _outdented(body, closing[1], line)
    return (body if quote == "'" else double_quoted(body, line, b"")), closing.end()


def _outdented(body: str, indent: str, line: int) -> str:
    parts = _NEWLINE.split(body)
    for place in range(0, len(parts), 2):
        text = parts[place]
        # A line of white space alone may be shorter.
        if not text.startswith(indent) and not (len(set(indent)) == 1 and indent.startswith(text)):
            raise Refused(f"line {line + 1 + place // 2}: the text is indented less, or otherwise, than its closing label")
        parts[place] = text[len(indent) :]
    if len(set(indent)) > 1:
        raise Refused(f"line {line}: spaces and tabs are mixed before the closing label")
    return "".join(parts)


def _character(digits: bytes, line: int) -> bytes:
    if re.fullmatch(rb"[0-9A-Fa-f]+\}", digits):
        number = int(digits[:-1], 16)
        if number <= _LARGEST_CHARACTER:
            return chr(number).encode("utf-8", "surrogatepass")
    raise Refused(f"line {line}: \\u{{{digits[:20].decode('latin-1')} is no character")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
