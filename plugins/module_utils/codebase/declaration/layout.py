# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things stand in the text of a YAML file: its entries, the lines that each one takes, and the comments that belong to it.

A comment belongs to the entry below it when it stands directly above, as far to the right; and to the entry before it when it stands
further to the right than that one's key. All others stand for themselves.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .third_party import yaml
from .yaml_file import compose_yaml

COMMENT = re.compile(r"( *)#")
# YAML ends a line at these too; to an editor the line goes on.
OTHER_LINE_ENDS = re.compile(r"\r(?!\n)|[\x85\u2028\u2029]")
KEEPS_BLANK_LINES = re.compile(r"[|>][0-9]?\+")


class Unsafe(Exception):
    """What stands on a line cannot be edited without a risk. Lines are counted from 0, here and below."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


@dataclass(frozen=True)
class Entry:
    """A key of a block mapping and its value; ``end`` is the line after the last one of the value."""

    key: str
    key_node: yaml.ScalarNode
    value: yaml.Node
    line: int
    column: int
    end: int


class Layout:
    """A text that ends with a line break, and what is where in it."""

    def __init__(self, text: str) -> None:
        other = OTHER_LINE_ENDS.search(text)
        if other:
            raise Unsafe(text.count("\n", 0, other.start()), "there is a line break that editors do not show")
        self.text = text
        self.lines = [f"{line}\n" for line in text.split("\n")[:-1]]
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        self.root = t.cast(yaml.Node, compose_yaml(text))  # there is a document: it was read before it is edited
        self._refuse_anchors_and_tags(self.root, set())

    def _refuse_anchors_and_tags(self, node: yaml.Node, seen: set[int]) -> None:
        if id(node) in seen or self.text[node.start_mark.index : node.start_mark.index + 1] in ("&", "*", "!"):
            raise Unsafe(node.start_mark.line, "there is an anchor, an alias or a tag")
        seen.add(id(node))
        if isinstance(node, yaml.CollectionNode):
            for item in node.value:
                for child in item if isinstance(item, tuple) else (item,):
                    self._refuse_anchors_and_tags(child, seen)

    # Entries

    def entries(self, node: yaml.Node) -> list[Entry]:
        """The entries of a mapping in block style."""
        if not isinstance(node, yaml.MappingNode) or node.flow_style:
            raise Unsafe(node.start_mark.line, "there is not one key per line")
        found = []
        for key, value in node.value:
            self.refuse_what_is_before(key)
            found.append(Entry(str(key.value), key, value, key.start_mark.line, key.start_mark.column, self.end(value)))
        return found

    def refuse_what_is_before(self, node: yaml.Node, mark: str = "") -> None:
        """The line must begin with ``node``, after nothing but ``mark``."""
        if self.text[self.starts[node.start_mark.line] : node.start_mark.index].strip(" ") != mark:
            raise Unsafe(node.start_mark.line, "there is not one key or item per line")

    def end(self, node: yaml.Node) -> int:
        """The line after the last one of a value."""
        if isinstance(node, yaml.CollectionNode) and not node.flow_style:
            last = node.value[-1]
            return self.end(last[1] if isinstance(last, tuple) else last)
        if not isinstance(node, yaml.ScalarNode) or node.style not in ("|", ">"):
            return int(node.end_mark.line) + 1
        end = int(node.end_mark.line)
        if not KEEPS_BLANK_LINES.match(self.text, node.start_mark.index):
            while self.is_blank(end - 1):
                end -= 1
        return end

    # Comments

    def is_blank(self, line: int) -> bool:
        return not self.lines[line].strip()

    def comment_column(self, line: int) -> int | None:
        match = COMMENT.match(self.lines[line])
        return len(match.group(1)) if match else None

    def first_line(self, entry: Entry, limit: int) -> int:
        """Where an entry begins with the comment that belongs to it; what is above ``limit`` belongs to others."""
        line = entry.line
        while line > limit and self.comment_column(line - 1) == entry.column:
            line -= 1
        return line

    def last_line(self, end: int, column: int) -> int:
        """The line after the comments that belong to what ended at ``end`` and whose key stands at ``column``."""
        line = end
        while line < len(self.lines):
            comment = self.comment_column(line)
            if comment is None and not self.is_blank(line):
                break
            if comment is not None and comment <= column:
                break
            line += 1
            if comment is not None:
                end = line
        return end

    # Line breaks

    def line_break(self, line: int) -> str:
        """The line break that a line inserted at ``line`` should have: that of its neighbour."""
        return "\r\n" if self.lines[max(line - 1, 0)].endswith("\r\n") else "\n"
