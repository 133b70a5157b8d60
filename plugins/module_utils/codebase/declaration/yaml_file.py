# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a YAML file as its author wrote it: every scalar stays text, so that 3.10 does not become 3.1."""

from __future__ import annotations

import typing as t

from ...common.errors import BadInput
from .third_party import yaml

Path = tuple[str, ...]

DEEP = 2000


def read_yaml(text: str, name: str) -> tuple[object, dict[Path, int]]:
    """The content of ``text`` and, for each key's path, the line on which it stands."""
    lines: dict[Path, int] = {}
    try:
        node = compose_yaml(text)
        if node is not None:
            _refuse_collection_aliases(node, name, set())
        return (None if node is None else _value(node, (), lines, name)), lines
    except yaml.YAMLError as error:
        raise BadInput(f"{name} is not YAML: {_one_line(error)}") from error
    except RecursionError:
        raise BadInput(f"{name} is nested too deeply to be read.") from None


def compose_yaml(text: str) -> yaml.Node | None:
    """The nodes of a document. libyaml is ten times as fast; what it refuses is refused in PyYAML's own words, the same on every host."""
    if hasattr(yaml, "CSafeLoader") and _is_the_same_to_libyaml(text):
        try:
            return yaml.compose(text, Loader=yaml.CSafeLoader)
        except (yaml.YAMLError, ValueError):
            pass
    return yaml.compose(text, Loader=yaml.SafeLoader)


def _is_the_same_to_libyaml(text: str) -> bool:
    """It takes tabs and byte order marks otherwise, and deep nesting overruns its stack: that kills the process."""
    brackets, columns = text.count("[") + text.count("{"), max(map(len, text.splitlines()), default=0)
    deepest = brackets + 2 * columns  # each level costs a bracket or, with a list in a mapping, half a column
    return "\t" not in text and "\ufeff" not in text and deepest < DEEP


def _refuse_collection_aliases(node: yaml.Node, name: str, seen: set[int]) -> None:
    """An alias may stand for a word; for a collection it can hold itself, or a billion of its kind."""
    if isinstance(node, yaml.ScalarNode):
        return
    if id(node) in seen:
        raise BadInput(f"{name}, line {node.start_mark.line + 1}: an anchor may stand for one value, not for a list or a mapping.")
    seen.add(id(node))
    for item in node.value:
        for child in item if isinstance(item, tuple) else (item,):
            _refuse_collection_aliases(child, name, seen)


def _value(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> object:
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, name)
    if isinstance(node, yaml.SequenceNode):
        return [_item(item, (*path, str(index)), lines, name) for index, item in enumerate(node.value)]
    scalar = t.cast(yaml.ScalarNode, node)
    return None if scalar.tag == "tag:yaml.org,2002:null" else scalar.value


def _item(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> object:
    lines[path] = node.start_mark.line + 1
    return _value(node, path, lines, name)


def _mapping(node: yaml.MappingNode, path: Path, lines: dict[Path, int], name: str) -> dict[str, object]:
    result: dict[str, object] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise BadInput(f"{name}, line {line}: a key is one word, not a list or a mapping.")
        key = str(key_node.value)
        here = (*path, key)
        if key in result:
            raise BadInput(f"{name}, line {line}: {'.'.join(here)}: this key stands here a second time.")
        lines[here] = line
        result[key] = _value(value_node, here, lines, name)
    return result


def _one_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}." if mark else f"{problem}."
