# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what ``svnrdump`` prints of one revision: every file and directory with its properties, as the repository stores them."""

from __future__ import annotations

import hashlib
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..common.errors import MoodleError

_NEW_DATA, _FROM_TARGET = 2, 1
_SHORTEST_HEAD = 5  # numbers in front of a window of svndiff


@dataclass(frozen=True)
class Node:
    path: str
    directory: bool
    properties: Mapping[str, bytes]
    content: bytes


def read_dump(dump: t.IO[bytes]) -> Iterator[Node]:
    """The nodes of a dump of one whole revision; EOFError where it ends within one."""
    while head := _head(dump):
        path = head.get("Node-path")
        properties = _properties(_part(dump, head, "Prop-content-length"))
        text = _part(dump, head, "Text-content-length")
        if path is None:  # the dump's own heads and the revision's
            continue
        # The root of a repository is always there, so that its properties are a change of it.
        if head.get("Node-action") != "add" and path != "":
            raise MoodleError(f"Subversion's dump has {path!a} as a change, where a whole revision was asked for.")
        content = undelta(text) if head.get("Text-delta") == "true" and text else text
        expected = head.get("Text-content-md5")
        if expected and hashlib.md5(content, usedforsecurity=False).hexdigest() != expected:
            raise MoodleError(f"{path!a} came damaged from Subversion: its MD5 is not {expected}. Try again.")
        yield Node(path, head.get("Node-kind") == "dir", properties, content)


def _head(dump: t.IO[bytes]) -> dict[str, str]:
    """The lines ``Name: value`` up to an empty one; nothing at the dump's end."""
    found: dict[str, str] = {}
    for line in iter(dump.readline, b""):
        if not line.endswith(b"\n"):
            raise EOFError
        name, colon, value = line[:-1].decode(errors="surrogateescape").partition(": ")
        if colon:
            found[name] = value
        elif found:
            return found
    if found:
        raise EOFError
    return found


def _part(dump: t.IO[bytes], head: Mapping[str, str], name: str) -> bytes:
    length = head.get(name, "0")
    if not length.isdecimal():
        raise MoodleError(f"Subversion's dump cannot be read: {name} is {length!a}.")
    data = dump.read(int(length))
    if len(data) < int(length):
        raise EOFError
    return data


def _properties(text: bytes) -> dict[str, bytes]:
    """``K 3``, the name on a line of its own, ``V 5``, the value, and so on up to ``PROPS-END``."""
    found: dict[str, bytes] = {}
    rest, name = text, b""
    while rest[:2] in (b"K ", b"V "):
        kind, _newline, rest = rest.partition(b"\n")
        if not kind[2:].isdigit():
            raise MoodleError("Subversion's dump cannot be read: a property is not as long as it says.")
        value, rest = rest[: int(kind[2:])], rest[int(kind[2:]) + 1 :]
        if kind.startswith(b"K"):
            name = value
        else:
            found[name.decode(errors="replace")] = value
    return found


def undelta(delta: bytes) -> bytes:
    """The text that a difference to nothing (svndiff, version 0) describes."""
    try:
        if delta[:4] != b"SVN\0":
            raise ValueError("another version of svndiff")
        whole = bytearray()
        place = 4
        while place < len(delta):
            head = []
            for _number in range(_SHORTEST_HEAD):
                value, place = _number_at(delta, place)
                head.append(value)
            _source, source_length, length, instructions, new = head
            end = place + instructions + new
            if source_length or end > len(delta):
                raise ValueError("a window that leads elsewhere")
            window = _window(delta[place : place + instructions], delta[place + instructions : end])
            if len(window) != length:
                raise ValueError("a window of another length")
            whole += window
            place = end
        return bytes(whole)
    except (ValueError, IndexError) as error:
        raise MoodleError(f"Subversion's dump cannot be read: {error}.") from None


def _window(instructions: bytes, new: bytes) -> bytes:
    window = bytearray()
    place = used = 0
    while place < len(instructions):
        kind, length = instructions[place] >> 6, instructions[place] & 0x3F
        place += 1
        if not length:
            length, place = _number_at(instructions, place)
        if kind == _NEW_DATA:
            window += new[used : used + length]
            used += length
        elif kind == _FROM_TARGET:
            start, place = _number_at(instructions, place)
            # What is copied may still be being written: then it repeats.
            piece = window[start : start + length]
            if not piece:
                raise ValueError("a copy of nothing")
            window += (piece * (length // len(piece) + 1))[:length]
        else:
            raise ValueError("a copy from a file that is not there")
    return bytes(window)


def _number_at(data: bytes, place: int) -> tuple[int, int]:
    """A number in groups of seven bits, the highest first, and where it ends."""
    value = 0
    while True:
        value = value << 7 | data[place] & 0x7F
        place += 1
        if data[place - 1] < 0x80:  # noqa: PLR2004 - the bit that says that there is more
            return value, place
