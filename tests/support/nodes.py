# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual nodes of a VMoodle under test."""
# ruff: noqa: S608 - the values are the tests' own

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from .mariadb import MariaDB
from .postgresql import PostgreSQL


@dataclass(frozen=True)
class Node:
    """A virtual Moodle: the master's code, with a database and data of its own."""

    name: str
    wwwroot: str
    database: str
    dataroot: Path


def create_node(server: MariaDB, *, master: str, dump: Path, name: str, wwwroot: str, dataroot: Path, enabled: bool = True) -> Node:
    """Load a node's database from a dump, give it an identity of its own and register it."""
    node = Node(name, wwwroot, f"{master}_{name}", dataroot)
    dataroot.mkdir(parents=True, exist_ok=True)
    server.load(node.database, dump)
    give_identity(server, node.database, node.wwwroot)
    server.execute(f"UPDATE mdl_course SET fullname = '{name}', shortname = '{name}' WHERE category = 0", node.database)
    register_node(server, master=master, node=node, enabled=enabled)
    return node


def give_identity(server: MariaDB | PostgreSQL, database: str, wwwroot: str) -> None:
    """A copy must not pass for its original: its address and its site identifier are made its own."""
    identifier = secrets.token_hex(16) + wwwroot.rsplit("//", maxsplit=1)[-1]
    server.execute(
        f"""
        UPDATE mdl_config SET value = '{wwwroot}' WHERE name = 'wwwroot';
        UPDATE mdl_config SET value = '{identifier}' WHERE name = 'siteidentifier';
        UPDATE mdl_mnet_host SET wwwroot = '{wwwroot}'
         WHERE id = (SELECT CAST(value AS DECIMAL) FROM mdl_config WHERE name = 'mnet_localhost_id');
        """,
        database,
    )


def register_node(server: MariaDB, *, master: str, node: Node, enabled: bool = True) -> None:
    """The node's row in the master's registry."""
    server.execute(
        f"""
        INSERT INTO mdl_local_vmoodle
               (name, shortname, description, vhostname, vdbtype, vdbhost, vdblogin, vdbpass,
                vdbname, vdbprefix, vdbpersist, vdatapath, mnet, enabled, timecreated)
        VALUES ('{node.name}', '{node.name}', '', '{node.wwwroot}', 'mariadb', '{server.host}', '{server.user}', '{server.password}',
                '{node.database}', 'mdl_', 0, '{node.dataroot}', 0, {int(enabled)}, {int(time.time())})
        """,
        master,
    )
