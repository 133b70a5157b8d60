# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual nodes as inventory hosts: their names, groups and web hosts. Plain data in, plain data out."""

from __future__ import annotations

import hashlib
import json
import re
import typing as t
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields

from ..module_utils.common.errors import BadInput
from ..module_utils.fleet.nodes import Node, choose

Row = dict[str, t.Any]
# Nothing else is taken from a registry file, whoever wrote it: a password that lay in it would become a variable.
_STATE = ("release", "version", "upgrade_pending", "maintenance", "reachable", "error")
_REGISTERED = tuple(field.name for field in fields(Node) if field.name not in ("id", "master", "lastcron"))
_SERIES = re.compile(r"(\d+)\.(\d+)")
# A host of this name would be taken for the controller.
_RESERVED = ("localhost", "127.0.0.1", "::1")
GROUP = "moodle_nodes"


@dataclass(frozen=True)
class NodeHost:
    """A node as the inventory shows it."""

    name: str
    row: Row
    groups: Sequence[str]
    """Their names, to be made safe by Ansible."""


def rows_of_file(text: str) -> list[Row]:
    """The nodes in a registry file, which is what vmoodle_node_info returns, as JSON."""
    try:
        said = json.loads(text)
        rows = [{"name": "", "dbname": "", **row} for row in said["nodes"]]
        for row in rows:
            Node.from_row(row)
        if not all(isinstance(row["wwwroot"], str) for row in rows):
            raise TypeError("an address is no text")
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"it is no registry file ({error!r}): let the playbook lms.moodle.fleet_inventory write it again") from error
    return rows


def node_hosts(rows: Sequence[Row], taken: Collection[str]) -> tuple[list[NodeHost], list[str]]:
    """The hosts in the order of the rows, and what is to be said of nodes that are left out.

    ``taken`` are the names of hosts and groups that the inventory has already: a node must not change how these are reached.
    """
    by_address = {row["wwwroot"]: row for row in rows}
    selection = choose([Node.from_row(row) for row in rows], include_disabled=True)
    left_out = [f"{refusal.wwwroot!r}: {refusal.reason}" for refusal in selection.refused]
    names = set(taken) | set(_RESERVED)
    hosts = []
    for node in selection.nodes:
        name = host_name(node.wwwroot)
        if name in names:
            left_out.append(f"{node.wwwroot!r}: the inventory has another host or a group of the name {name}")
            continue
        names.add(name)
        row = by_address[node.wwwroot]
        known = {**{field: getattr(node, field) for field in _REGISTERED}, **{field: row.get(field) for field in _STATE}}
        hosts.append(NodeHost(name, known, list(_groups(known))))
    return hosts, left_out


def host_name(wwwroot: str) -> str:
    """The address without its scheme, of letters that mean nothing to ``--limit``: campus.test:8080/law becomes campus.test_8080_law."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", wwwroot.split("://", 1)[-1])


def _groups(row: Row) -> Iterator[str]:
    if not row["enabled"]:
        # In no other group, so that no play runs there because somebody named a version.
        yield f"{GROUP}_disabled"
        return
    yield GROUP
    if row["reachable"] is False:
        yield f"{GROUP}_unreachable"
    if row["upgrade_pending"]:
        yield f"{GROUP}_pending"
    if row["maintenance"]:
        yield f"{GROUP}_closed"
    if series := _SERIES.match(row["release"] or ""):
        yield f"moodle_version_{series[1]}_{series[2]}"
    if row["dbhost"]:
        yield f"moodle_database_{row['dbhost']}"


def web_host(name: str, hosts: Sequence[str]) -> str:
    """Which of the web hosts works for a node: always the same, and with one host more or less, most nodes stay where they were."""
    return max(hosts, key=lambda host: hashlib.sha256(f"{host} {name}".encode()).digest())
