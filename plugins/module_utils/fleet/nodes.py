# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual nodes, and which of them a run is for. Plain data in, plain data out."""

from __future__ import annotations

import fnmatch
import re
import typing as t
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from ..common.errors import BadInput

# VMoodle puts the address into SQL and Moodle into URLs: nothing else may stand in it.
ADDRESS = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(/[A-Za-z0-9._~-]+)*")
_PATTERN = re.compile(r"[*?]")


@dataclass(frozen=True)
class Node:
    """A row of VMoodle's registry, without its database access."""

    wwwroot: str
    name: str
    dbname: str
    shortname: str = ""
    description: str = ""
    dbtype: str = ""
    dbhost: str = ""
    dbprefix: str = ""
    datapath: str = ""
    mnet: int = 0
    enabled: bool = True
    timecreated: int = 0
    lastcron: int = 0
    master: bool = False
    id: int = 0
    """Of the row; 0 is the master."""

    @classmethod
    def from_row(cls, row: Mapping[str, t.Any]) -> Node:
        """A node from what registry.php printed; what this version does not know is left out."""
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in row.items() if key in known})

    @property
    def place(self) -> tuple[str, str, str]:
        """What a node has for itself alone: the tables of one database."""
        return self.dbhost, self.dbname, self.dbprefix

    def row(self) -> dict[str, t.Any]:
        """What a JMESPath query sees."""
        return asdict(self)

    def names(self) -> set[str]:
        """What it may be called by: its address (with or without scheme), name or short name."""
        return {self.wwwroot, self.wwwroot.split("://", 1)[-1], self.name, self.shortname} - {""}


@dataclass(frozen=True)
class Refusal:
    """A node that was asked for and is not run, and why."""

    wwwroot: str
    name: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class Selection:
    """What a run is for."""

    nodes: Sequence[Node]
    refused: Sequence[Refusal]


def choose(
    registry: Sequence[Node],
    *,
    wanted: Sequence[str] | None = None,
    matching: Collection[str] | None = None,
    include_disabled: bool = False,
    master: bool = False,
) -> Selection:
    """Choose by names and patterns (None and ``*``: all there are, an empty list: none) and by a query's answer.

    The master comes when asked for. A node that was asked for by its name is never passed over in silence: it is refused with a reason.
    """
    named = {name.rstrip("/"): name for name in wanted or [] if not _PATTERN.search(name)}
    patterns = {name: _compiled(name) for name in wanted or [] if _PATTERN.search(name)}
    for pattern, compiled in patterns.items():
        if pattern != "*" and not any(compiled.match(name) for node in registry if not node.master for name in node.names()):
            raise BadInput(f"No node in the registry matches '{pattern}' in 'nodes'.")
    known = {name for node in registry for name in node.names()}
    refused = [
        Refusal(asked, asked, "failed", "unknown: VMoodle's registry has no node of this name")
        for name, asked in named.items()
        if name not in known
    ]
    unsafe = dict(_unsafe(registry))
    chosen = []
    for node in registry:
        by_name = not named.keys().isdisjoint(node.names())
        by_pattern = any(compiled.match(name) for compiled in patterns.values() for name in node.names())
        if node.master:
            if master or by_name:
                chosen.append(node)
        elif not (wanted is None or by_name or by_pattern) or not (matching is None or node.wwwroot in matching):
            continue
        elif not node.enabled and not include_disabled:
            if by_name:
                refused.append(Refusal(node.wwwroot, node.name, "skipped", "disabled in the registry: set 'include_disabled' to run it"))
        elif node in unsafe:
            refused.append(Refusal(node.wwwroot, node.name, "failed", unsafe[node]))
        else:
            chosen.append(node)
    return Selection(chosen, refused)


def _compiled(pattern: str) -> re.Pattern[str]:
    # Brackets belong to IPv6 addresses here, not to the pattern.
    return re.compile(fnmatch.translate(pattern.rstrip("/").replace("[", "[[]")))


def _unsafe(registry: Iterable[Node]) -> t.Iterator[tuple[Node, str]]:
    """The nodes that VMoodle could take for another one."""
    nodes = list(registry)
    # The database compares without regard to case.
    seen = Counter(node.wwwroot.casefold() for node in nodes)
    # A site that moved may leave a disabled row behind it.
    places = Counter(node.place for node in nodes if node.enabled)
    for node in nodes:
        if node.master:
            continue
        if not ADDRESS.fullmatch(node.wwwroot):
            yield node, "its address in the registry is no plain http(s) address: correct 'vhostname' there"
        elif seen[node.wwwroot.casefold()] > 1:
            yield node, "its address is registered more than once (or is the master's own): VMoodle could open another node's database"
        elif places[node.place] > int(node.enabled):
            yield node, f"its database {node.dbname} is registered for another site too, or is the master's: two would write into it"
