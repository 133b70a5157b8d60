# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of nodes, in YAML or as VMoodle's bulk scripts read them. Text in; wishes, and what is wrong on which line, out."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

from .node_wish import NodeWish, problems, same_database

# What a line of VMoodle's begins with when it is no node.
_COMMENT = re.compile(r"[(\[#/ -]")
_COLUMNS = {
    "vhostname": "wwwroot",
    "vtemplate": "template",
    "name": "name",
    "shortname": "shortname",
    "description": "description",
    "vdbtype": "dbtype",
    "vdbhost": "dbhost",
    "vdblogin": "dbuser",
    "vdbpass": "dbpass",
    "vdbname": "dbname",
    "vdbprefix": "dbprefix",
    "vdatapath": "datapath",
    "mnet": "mnet",
    "services": "services",
    "enabled": "enabled",
}
# Known to VMoodle, and of no use here: connections are never kept open between runs, and names are never asked of a DNS.
_PASSED_OVER = ("vdbpersist", "forcedns")
_POSTGRES = ("postgres", "postgre", "postgres7", "postgresql")
_FIELDS = {item.name for item in fields(NodeWish)}
_YES, _NO = ("1", "true", "yes"), ("0", "false", "no")
_QUOTED = 2


@dataclass(frozen=True)
class Finding:
    """What is to be said of a line."""

    line: int
    says: str
    error: bool = True

    def __str__(self) -> str:
        return f"line {self.line}: {self.says}"


@dataclass
class NodeList:
    """The nodes of a list, each with the line on which it begins, and what is to be said of the list."""

    entries: list[tuple[int, NodeWish]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.error]

    def add(self, line: int, values: Mapping[str, t.Any]) -> None:
        """Take one node in, or say why not."""
        if not values.get("wwwroot"):
            self.findings.append(Finding(line, "has no address: a node is known by it"))
            return
        wish = NodeWish(**values)
        self.findings += [Finding(line, f"'{name}' {says}") for name, says in problems(wish)]
        for before, other in self.entries:
            if other.wwwroot.casefold() == wish.wwwroot.casefold():
                self.findings.append(Finding(line, f"has the same address as line {before}: {wish.wwwroot}"))
            elif wish.dbname and other.dbname and same_database(wish, other):
                self.findings.append(Finding(line, f"has the same database as line {before}: {wish.dbname}"))
            elif wish.datapath and wish.datapath == other.datapath:
                self.findings.append(Finding(line, f"has the same data path as line {before}: {wish.datapath}"))
        self.entries.append((line, wish))


def read_csv(text: str) -> NodeList:
    """VMoodle's node list: ``;`` between values, no quotes, ``&#44`` for a semicolon in a value, comments by a line's first character."""
    found = NodeList()
    header: list[str] | None = None
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line = raw.rstrip("\r")
        if not line or _COMMENT.match(line):
            continue
        cells = [cell.strip() for cell in line.split(";")]
        if header is None:
            header = cells
            found.findings += _header_findings(number, cells)
            if found.errors:
                return found
        elif len(cells) != len(header):
            says = f"has {len(cells)} values, and the header {len(header)} columns: a semicolon in a value is written &#44"
            found.findings.append(Finding(number, says))
        else:
            said: list[Finding] = []
            values = _row_values(number, header, cells, said)
            found.findings += said
            found.add(number, values)
    if header is None:
        found.findings.append(Finding(1, "there is no header: the first line that is no comment names the columns, as vhostname;name;..."))
    return found


def _header_findings(number: int, header: list[str]) -> Iterator[Finding]:
    for name in header:
        if name not in _COLUMNS and name not in _PASSED_OVER and not name.startswith("config_") and "|" not in name:
            yield Finding(number, f"the column '{name}' is not known: it is one of VMoodle's, config_NAME or component|setting")
        elif header.count(name) > 1:
            yield Finding(number, f"the column '{name}' is there more than once")
    if "vhostname" not in header:
        yield Finding(number, "the column 'vhostname' is missing: a node is known by its address")


def _row_values(number: int, header: list[str], cells: list[str], said: list[Finding]) -> dict[str, t.Any]:
    values: dict[str, t.Any] = {"config": {}}
    for name, raw in zip(header, cells):
        if len(raw) >= _QUOTED and raw[0] == raw[-1] == '"':
            said.append(Finding(number, f"'{name}' stands in quotes, which VMoodle takes for a part of the value: leave them out"))
        if "&#59" in raw:
            said.append(Finding(number, f"'{name}' has &#59, which VMoodle leaves as it is: a semicolon is written &#44", error=False))
        # VMoodle does not decode these.
        if name.startswith("config_"):
            if raw:
                values["config"][name.removeprefix("config_")] = raw
            continue
        value = raw.replace("&#44", ";")
        if "|" in name:
            if raw:
                values["config"][_component_setting(name)] = value
        elif name in _COLUMNS and value:
            target = _COLUMNS[name]
            values[target], wrong = _typed(target, value)
            said += [Finding(number, f"'{name}' {wrong}")] if wrong else []
    return values


def _component_setting(name: str) -> str:
    component, _bar, setting = name.partition("|")
    # As Moodle wrote it before 3.3.
    return f"{component.strip().replace('/', '_')}|{setting.strip()}"


def _typed(name: str, value: str) -> tuple[t.Any, str]:
    """The value, and what is wrong with it."""
    if name == "mnet":
        if re.fullmatch(r"-?\d{1,4}", value):
            return int(value), ""
        return None, f"is {value}: here it is the number of the network, or 0 for none; a new network has the next free number"
    if name == "enabled":
        wrong = "" if value.lower() in (*_YES, *_NO) else f"is {value}, and is 1 or 0"
        return value.lower() in _YES, wrong
    if name == "dbtype" and value in _POSTGRES:
        return "pgsql", ""
    return value, ""


def read_yaml(text: str, yaml: t.Any) -> NodeList:
    """Our own list: a list of nodes, or ``defaults`` and ``nodes``. ``yaml`` is PyYAML, which not every host has."""
    found = NodeList()
    try:
        tree, content = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        says = f"this is not YAML: {getattr(error, 'problem', None) or type(error).__name__}"
        found.findings.append(Finding(mark.line + 1 if mark else 1, says))
        return found
    if isinstance(content, dict):
        tree = next((value for key, value in tree.value if key.value == "nodes"), tree)
    lines = [node.start_mark.line + 1 for node in tree.value] if isinstance(tree, yaml.SequenceNode) else []
    return _nodes(found, content, lines, tree.start_mark.line + 1 if tree else 1)


def read_json(text: str) -> NodeList:
    """The same in JSON, which every host can read. A node's line is the one that its address is first named in."""
    found = NodeList()
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        found.findings.append(Finding(error.lineno, f"this is not JSON: {error.msg}"))
        return found
    except (RecursionError, ValueError) as error:
        found.findings.append(Finding(1, f"this is not JSON: {type(error).__name__}"))
        return found
    nodes = content.get("nodes") if isinstance(content, dict) else content
    places = (
        [text.find(json.dumps(item.get("wwwroot"))) if isinstance(item, dict) else 0 for item in nodes] if isinstance(nodes, list) else []
    )
    return _nodes(found, content, [text.count("\n", 0, max(place, 0)) + 1 for place in places], 1)


def _nodes(found: NodeList, content: object, lines: Sequence[int], first: int) -> NodeList:
    """``lines`` are those of the nodes, ``first`` is that of their list."""
    defaults: object = {}
    if isinstance(content, dict):
        if unknown := sorted(str(key) for key in content if key not in ("defaults", "nodes")):
            found.findings.append(Finding(1, f"'{unknown[0]}' is not known: write a list of nodes, or 'defaults' and 'nodes'"))
            return found
        defaults, content = content.get("defaults") or {}, content.get("nodes")
    if not isinstance(content, list) or not isinstance(defaults, dict):
        found.findings.append(Finding(first, "there is no list of nodes"))
        return found
    for item, line in zip(content, lines):
        if not isinstance(item, dict):
            found.findings.append(Finding(line, "is no node: write its values by their names, as wwwroot: https://v1.example.org"))
            continue
        settings = {**_mapping(defaults.get("config")), **_mapping(item.get("config"))}
        said: list[str] = []
        values = _item_values({**defaults, **item, "config": settings}, said.append)
        found.findings += [Finding(line, says) for says in said]
        if not said:
            found.add(line, values)
    return found


def _mapping(value: object) -> dict[t.Any, t.Any]:
    return value if isinstance(value, dict) else {} if value is None else {"": value}


def _item_values(item: Mapping[t.Any, t.Any], complain: Callable[[str], None]) -> dict[str, t.Any]:
    values: dict[str, t.Any] = {}
    for name, value in item.items():
        if name not in _FIELDS:
            complain(f"'{name}' is not known: a node has {', '.join(sorted(_FIELDS))}")
        elif name == "config":
            if any(isinstance(setting, (dict, list)) for setting in value.values()) or "" in value:
                complain("'config' is no mapping of settings to texts or numbers")
            values[name] = {str(key): _text(setting) for key, setting in value.items()}
        elif value is None:
            continue
        elif name == "enabled":
            if not isinstance(value, bool):
                complain(f"'enabled' is {value}, and is true or false")
            values[name] = value
        elif name == "mnet":
            if not isinstance(value, int) or isinstance(value, bool):
                complain(f"'mnet' is {value}, and is a number")
            values[name] = value
        elif isinstance(value, (dict, list, bool)):
            complain(f"'{name}' is no text")
        else:
            values[name] = str(value)
    return values


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else "" if value is None else str(value)
