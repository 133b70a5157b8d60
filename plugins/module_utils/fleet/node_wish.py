# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted of a node, and whether it can be. Plain data in, plain data out."""

from __future__ import annotations

import os.path
import re
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields

from .nodes import ADDRESS, Node

# As wide as VMoodle's registry: what is longer would be cut there, or refused in the middle.
_WIDTHS = {
    "wwwroot": 255,
    "name": 255,
    "shortname": 80,
    "dbhost": 80,
    "dbuser": 16,
    "dbpass": 32,
    "dbname": 64,
    "dbprefix": 10,
    "datapath": 255,
}
_MYSQL = ("mariadb", "mysqli", "auroramysql")
DATABASES = (*_MYSQL, "pgsql")
_SERVICES = ("none", "default")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_PREFIX = re.compile(r"[a-z][a-z0-9_]*")
_SETTING = re.compile(r"([a-z][a-z0-9_/]*\|)?[A-Za-z0-9_][A-Za-z0-9_:/-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SERVERS_OWN = ("mysql", "information_schema", "performance_schema", "sys", "postgres", "template0", "template1")
# Moodle decides by these what a site is, and what of it is to be upgraded.
_MOODLES_OWN = ("version", "release", "branch", "allversionshash", "siteidentifier", "siteadmins", "mnet_localhost_id")
_SHALLOWEST = 2
Problem = tuple[str, str]


@dataclass(frozen=True)
class NodeWish:
    """One node as it is wanted; None is what nobody said."""

    wwwroot: str
    name: str | None = None
    shortname: str | None = None
    description: str | None = None
    dbtype: str | None = None
    dbhost: str | None = None
    dbname: str | None = None
    dbuser: str | None = None
    dbpass: str | None = field(default=None, repr=False)
    dbprefix: str | None = None
    datapath: str | None = None
    mnet: int | None = None
    services: str | None = None
    enabled: bool | None = None
    template: str | None = None
    dump: str | None = None
    config: Mapping[str, str] = field(default_factory=dict, repr=False)

    def filled(self, master: Node) -> NodeWish:
        """With all that a new node needs: what is not said is taken from the address and from the master."""
        host = self.wwwroot.split("://", 1)[-1]
        given = {item.name: getattr(self, item.name) for item in fields(self) if getattr(self, item.name) is not None}
        like_master = {"dbtype": master.dbtype, "dbhost": master.dbhost, "dbprefix": master.dbprefix}
        said_nowhere = {"name": host, "shortname": re.sub(r"[^A-Za-z0-9]+", "-", host)[:80], "description": "", "dbuser": "", "dbpass": ""}
        return NodeWish(**{**like_master, **said_nowhere, "mnet": 0, "services": "none", "enabled": True, **given})

    def row(self) -> dict[str, t.Any]:
        """As VMoodle's registry keeps it."""
        return {
            "vhostname": self.wwwroot,
            "name": self.name,
            "shortname": self.shortname,
            "description": self.description,
            "vdbtype": self.dbtype,
            "vdbhost": self.dbhost,
            "vdblogin": self.dbuser,
            "vdbpass": self.dbpass,
            "vdbname": self.dbname,
            "vdbprefix": self.dbprefix,
            "vdbpersist": 0,
            "vdatapath": self.datapath,
            "mnet": self.mnet,
            "enabled": int(bool(self.enabled)),
        }


def problems(wish: NodeWish) -> Iterator[Problem]:
    """What is wrong with it by itself: a field and a sentence each."""
    for name, width in _WIDTHS.items():
        value = getattr(wish, name)
        if value is not None and len(value) > width:
            yield name, f"is longer than the {width} characters that VMoodle's registry holds"
        if value is not None and _CONTROL.search(value):
            yield name, "holds a line break or another control character"
    if "\x00" in (wish.description or ""):
        yield "description", "holds a control character"
    for name, is_fit, says in _FORMS:
        value = getattr(wish, name)
        if value is not None and not is_fit(value):
            yield name, says
    if wish.template and wish.dump:
        yield "template", "and 'dump' cannot both say what the node begins with"
    yield from _setting_problems(wish.config)


def _setting_problems(config: Mapping[str, str]) -> Iterator[Problem]:
    for setting, value in config.items():
        if not _SETTING.fullmatch(setting):
            yield "config", f"has '{setting}', which is no name of a setting, nor component|setting"
        elif setting in _MOODLES_OWN:
            yield "config", f"has '{setting}', by which Moodle itself keeps order: leave it out"
        if "\x00" in value:
            yield "config", f"has a control character in '{setting}'"


def _is_deep_path(path: str) -> bool:
    return path.startswith("/") and os.path.normpath(path) == path and path.count("/") >= _SHALLOWEST


_FORMS: tuple[tuple[str, Callable[[t.Any], object], str], ...] = (
    ("wwwroot", ADDRESS.fullmatch, "is no plain http(s) address without a slash at its end"),
    ("dbtype", DATABASES.__contains__, f"is none of {', '.join(DATABASES)}"),
    (
        "dbname",
        lambda name: _NAME.fullmatch(name) and name.lower() not in _SERVERS_OWN,
        "is no name for a node's database: letters, digits, _ and - only, and none that belongs to the server",
    ),
    ("dbprefix", _PREFIX.fullmatch, "is no prefix of Moodle's tables: a small letter, then small letters, digits and _"),
    ("datapath", _is_deep_path, "is no absolute path, at least two folders deep, without '.', '..', doubled or final slashes"),
    ("mnet", lambda number: number >= -1, "is the number of a network, or 0 or -1 for none"),
    ("services", _SERVICES.__contains__, f"is none of {', '.join(_SERVICES)}"),
)


def same_database(one: Node | NodeWish, other: Node | NodeWish) -> bool:
    """Whether both name one database: this machine has several names, and servers differ in whether case counts."""
    return (_server(one), (one.dbname or "").casefold()) == (_server(other), (other.dbname or "").casefold())


def _server(node: Node | NodeWish) -> tuple[bool, str]:
    host = (node.dbhost or "").casefold()
    return node.dbtype in _MYSQL, "localhost" if host in ("", "127.0.0.1", "::1") else host


def clash(wish: NodeWish, others: Iterable[Node], folders: Iterable[tuple[str, str]]) -> str:
    """Why the node cannot be beside the others (the master among them): a sentence, or nothing.

    ``folders`` are (what it is, where it really is); the wish's own path is resolved already.
    """
    for other in others:
        if other.wwwroot.casefold() == wish.wwwroot.casefold():
            return f"the address {other.wwwroot} is registered already, or the master's own"
        if same_database(wish, other):
            return f"the database {wish.dbname} is that of {other.wwwroot}"
    for what, folder in folders:
        if wish.datapath and (_within(wish.datapath, folder) or _within(folder, wish.datapath)):
            return f"the data path {wish.datapath} and {what}, {folder}, lie one in the other"
    return ""


def _within(path: str, folder: str) -> bool:
    return bool(folder) and (path + "/").startswith(folder.rstrip("/") + "/")


def immovable(wish: NodeWish, node: Node) -> str:
    """What is wanted of a node that is there, and is not changed by asking: its database and data do not move."""
    for name in ("dbtype", "dbhost", "dbname", "dbprefix", "datapath"):
        wanted, found = getattr(wish, name), getattr(node, name)
        if wanted is not None and wanted != found:
            return f"its '{name}' is {found}, and {wanted} was asked for: a node's database and data are not moved"
    return ""


def changes(wish: NodeWish, node: Node) -> dict[str, t.Any]:
    """The columns of the registry that have to change for a node that is there."""
    wanted = {"name": wish.name, "shortname": wish.shortname, "description": wish.description, "mnet": wish.mnet, "enabled": wish.enabled}
    return {name: value for name, value in wanted.items() if value is not None and value != getattr(node, name)}
