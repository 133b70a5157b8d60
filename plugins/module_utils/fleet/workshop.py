# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes, changes, upgrades and removes nodes. Whatever is begun is marked in the registry, so that the next call can go on."""

from __future__ import annotations

import json
import os
import secrets
import time
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.php import Php
from . import node_data
from .desk import Desk
from .execution import Execution, Wish
from .node_wish import NodeWish, changes, clash, immovable, same_database
from .nodes import Node
from .registry import Registry
from .routes import Routes
from .script import Script
from .snapshots import DATA, DATABASE, Snapshots

Mark = dict[str, t.Any]
_DUMP = ".lms-moodle-dump.sql.gz"
_UPGRADE = "local/vmoodle/cli/upgrade.php"
_INSTALL = "admin/cli/install_database.php"


@dataclass(frozen=True)
class Source:
    """What a new node begins with."""

    template: Node | None = None
    dump: Path | None = None
    snapshot: Path | None = None
    original: str = ""
    """The address of what is copied, where it is known beforehand."""

    @property
    def is_copy(self) -> bool:
        return bool(self.template or self.dump)


class Workshop:
    """The work on nodes, under the lock of their master."""

    def __init__(
        self, php: Php, routes: Routes, desk: Desk, snapshots: Snapshots, *, timeout: float | None, warn: t.Callable[[str], None]
    ) -> None:
        self._php = php
        self._routes = routes
        self._code = routes.code
        self._desk = desk
        self._timeout = timeout
        self._snapshots = snapshots
        self._warn = warn
        self.master, *self._nodes = desk.nodes
        said = desk.order("overview", "The registry could not be read")
        self._marks: dict[int, Mark] = {int(row): mark for row, mark in said["marks"].items()}

    # What is there

    def find(self, wwwroot: str) -> Node | None:
        """The node of this address, if the registry has one, and only one."""
        found = [node for node in self._nodes if node.wwwroot.casefold() == wwwroot.casefold()]
        if len(found) > 1:
            raise MoodleError(f"{wwwroot} is registered {len(found)} times, so it is not known which one is meant: remove the wrong rows.")
        if wwwroot.casefold() == self.master.wwwroot.casefold():
            raise BadInput(f"{wwwroot} is the master: this module works on nodes only.")
        return found[0] if found else None

    def begun(self, node: Node | None) -> str:
        """What was begun with the node and not ended: creating, removing or nothing."""
        return str(self._marks.get(node.id, {}).get("state", "")) if node else ""

    def source(self, wish: NodeWish) -> Source:
        """What a new node shall begin with, found and looked at."""
        if wish.template:
            found = [node for node in self._nodes if wish.template.rstrip("/") in node.names() and not self.begun(node)]
            if len(found) != 1:
                raise BadInput(
                    f"'template' of {wish.wwwroot} is '{wish.template}', and the registry has {len(found)} such nodes: name one."
                )
            return Source(template=found[0], original=found[0].wwwroot)
        if not wish.dump:
            return Source()
        path = Path(wish.dump)
        if path.is_dir():
            return Source(dump=path / DATABASE, snapshot=path, original=self._snapshots.about(path)["wwwroot"])
        if not path.is_file():
            raise BadInput(f"'dump' of {wish.wwwroot} is {path}: there is no such file or snapshot on this host.")
        return Source(dump=path)

    # A new node

    def check_new(self, wish: NodeWish, source: Source, *, instead: Node | None = None) -> None:
        """Refuse what cannot be, before anything is touched; ``instead`` is a half-made node that goes first."""
        missing = [name for name in ("dbname", "datapath") if not getattr(wish, name)]
        if missing:
            raise BadInput(f"{wish.wwwroot} is a new node: say its {' and '.join(missing)}.")
        others = [node for node in (self.master, *self._nodes) if node is not instead]
        real = replace(wish, datapath=os.path.realpath(wish.datapath or ""))
        if why := clash(real, others, self._folders(but=instead)):
            raise BadInput(f"{wish.wwwroot} cannot be made: {why}.")
        self._check_source(wish, source)
        about = f"The database {wish.dbname} for {wish.wwwroot} cannot be made"
        if instead and same_database(wish, instead) and wish.datapath == instead.datapath:
            return
        found = self._desk.order("examine", about, row=wish.row())
        if found["tables"]:
            raise BadInput(f"The database {wish.dbname} holds {found['tables']} tables: name one that is empty, or not there yet.")
        data = Path(wish.datapath or "")
        if data.is_symlink() or (data.exists() and (not data.is_dir() or any(data.iterdir()))):
            raise BadInput(f"{data} is there and not an empty folder: name another 'datapath', or move it away.")
        if not os.access(data.parent, os.W_OK | os.X_OK):
            raise BadInput(f"{data.parent} is no folder in which this user can make {data.name}: make it, or correct 'datapath'.")
        node_data.make_sure_of_room(data.parent, self._room_for(source), wish.wwwroot)

    def _room_for(self, source: Source) -> int:
        """The bytes that a copy writes beside its database."""
        if template := source.template:
            about = f"The database of the template {template.wwwroot} could not be looked at"
            return int(self._desk.order("size", about, id=template.id)) + node_data.size(Path(template.datapath))
        return (source.snapshot / DATA).stat().st_size if source.snapshot else 0

    def _check_source(self, wish: NodeWish, source: Source) -> None:
        if template := source.template:
            for name in ("dbtype", "dbprefix"):
                if getattr(template, name) != getattr(wish, name):
                    raise BadInput(
                        f"The template {template.wwwroot} has the {name} {getattr(template, name)}, and {wish.wwwroot} would have"
                        f" {getattr(wish, name)}: a copy needs the same."
                    )
        if source.snapshot:
            self._snapshots.verify(source.snapshot, row=wish.row())
        elif source.dump:
            self._desk.order("check_dump", f"{wish.wwwroot} cannot be made", row=wish.row(), file=str(source.dump))

    def _folders(self, *, but: Node | None) -> list[tuple[str, str]]:
        """Where data and code really are; no node may reach into them."""
        found = [("the code", str(self._code)), ("the master's data", self.master.datapath)]
        found += [(f"the data of {node.wwwroot}", node.datapath) for node in self._nodes if node is not but and node.datapath]
        return [(what, os.path.realpath(folder)) for what, folder in found]

    def create(self, wish: NodeWish, source: Source, *, password: str | None) -> Node:
        """Make a node that ``check_new`` let pass; when that fails, nothing of it is left."""
        data = Path(wish.datapath or "")
        there = self._desk.order("examine", f"{wish.wwwroot} cannot be made", row=wish.row())["exists"]
        mark: Mark = {"state": "creating", "database": "given" if there else "made", "data": "given" if data.exists() else "made"}
        row = {**wish.row(), "enabled": 0}
        number = self._desk.order("register", f"{wish.wwwroot} could not be registered", row=row, mark=mark)
        node = Node.from_row({**_columns(wish), "id": number})
        try:
            self._fill(node, wish, source, mark, password)
        except (MoodleError, OSError) as error:
            why = error.message if isinstance(error, MoodleError) else f"{error.filename}: {error.strerror}"
            self.discard(node, mark)
            raise MoodleError(f"{wish.wwwroot} could not be made, and nothing of it was left: {why}") from error
        self._nodes.append(node)
        return node

    def discard(self, node: Node, mark: Mark | None = None) -> None:
        """Remove what a creation that did not come to its end has left: all that is marked as its own, and nothing else."""
        mark = mark or self._marks[node.id]
        about = f"What was begun of {node.wwwroot} could not be removed, run again"
        if mark["database"] != "none":
            self._desk.order("remove_database", about, id=node.id, all=True, drop=mark["database"] == "made")
        node_data.remove(Path(node.datapath), itself=mark["data"] == "made")
        self._desk.order("unregister", about, id=node.id)
        self._nodes = [known for known in self._nodes if known.id != node.id]

    def _fill(self, node: Node, wish: NodeWish, source: Source, mark: Mark, password: str | None) -> None:
        data = Path(node.datapath)
        node_data.make(data) if mark["data"] == "made" else node_data.close(data)
        about = f"the database {node.dbname}"
        if mark["database"] == "made":
            try:
                self._desk.order("create_database", f"{about} could not be made", id=node.id)
            except MoodleError:
                mark["database"] = "none"
                raise
        kept_password = None
        if source.is_copy:
            self._copy(node, source, data)
            if self.pending(node):
                self.upgrade(node)
        else:
            # The real title comes later, past the options of a command line.
            typed = password or f"{secrets.token_urlsafe(24)}.aA1"
            self._run(node, _INSTALL, ["--agree-license", f"--adminpass={typed}", "--fullname=Node", "--shortname=node"])
            if not password:
                kept_password = self._desk.order("administrator", "the master's administrator is not known")
        self.make_itself(node, wish, clone=source.is_copy and source.original != node.wwwroot, kept_password=kept_password)
        (data / node_data.CLOSED).unlink()
        values = {"enabled": int(wish.enabled is not False)}
        self._desk.order("change", "it could not be opened", id=node.id, values=values, mark=None)

    def _copy(self, node: Node, source: Source, data: Path) -> None:
        dump = source.dump or data / _DUMP
        if source.template:
            self._desk.order("dump", f"the template {source.template.wwwroot} could not be read", id=source.template.id, file=str(dump))
        self._desk.order("restore", f"the database {node.dbname} could not be filled", id=node.id, file=str(dump))
        if source.template:
            dump.unlink()
            node_data.copy(Path(source.template.datapath), data)
        elif source.snapshot:
            node_data.unpack(source.snapshot / DATA, data)

    def make_itself(self, node: Node, wish: NodeWish, *, clone: bool, kept_password: str | None = None) -> None:
        """Give the node its own identity, title and settings, from within."""
        title = {"fullname": wish.name, "shortname": wish.shortname, "summary": wish.description}
        asked: dict[str, t.Any] = {
            "clone": clone,
            "title": {field: value for field, value in title.items() if value is not None},
            "settings": dict(wish.config),
            "network": None if wish.mnet is None else wish.mnet > 0,
        }
        if kept_password is not None:
            asked["password"] = kept_password
        script = Script(self._php.own("node_identity.php"), [str(self._routes.code_of(node)), json.dumps(asked)], takes_host=False)
        self._execute(node, script)

    # A node that is there

    def differences(self, node: Node, wish: NodeWish) -> tuple[dict[str, t.Any], list[str]]:
        """What has to change: columns of the registry, and names of settings."""
        if why := immovable(wish, node):
            raise BadInput(f"{node.wwwroot}: {why}.")
        columns = changes(wish, node)
        if wish.dbuser is not None or wish.dbpass is not None:
            access = {"vdblogin": wish.dbuser, "vdbpass": wish.dbpass}
            wanted = {name: value for name, value in access.items() if value is not None}
            if not self._desk.order("has_access", f"{node.wwwroot} could not be looked at", id=node.id, values=wanted)["same"]:
                columns["access"] = wanted
        if not wish.config or "access" in columns:
            return columns, list(wish.config)
        components = sorted({name.split("|")[0] for name in wish.config if "|" in name})
        found = self._desk.order(
            "settings", f"The settings of {node.wwwroot} could not be read", id=node.id, names=list(wish.config), components=components
        )
        known: Mapping[str, str] = found or {}
        return columns, [name for name, value in wish.config.items() if known.get(name) != value]

    def change(self, node: Node, columns: Mapping[str, t.Any]) -> None:
        """Bring the registry and the node to what is wanted."""
        values = {name: int(value) if isinstance(value, bool) else value for name, value in columns.items() if name != "access"}
        self._desk.order("change", f"{node.wwwroot} could not be changed", id=node.id, values={**values, **columns.get("access", {})})

    def snapshot(self, node: Node, name: str) -> Path:
        """Take a snapshot."""
        return self._snapshots.take(node, name)

    def snapshot_folder(self, node: Node, name: str) -> Path:
        """Where the snapshot is, or would be."""
        return self._snapshots.folder(node, name)

    def has_snapshot(self, node: Node, name: str) -> bool:
        """Whether the node has a snapshot of this name; one that is not whole is an error."""
        folder = self._snapshots.folder(node, name)
        return folder.exists() and bool(self._snapshots.verify(folder, id=node.id))

    def restore(self, node: Node, name: str) -> None:
        """Put the node's database back to what a snapshot holds. Its data stay: files are only ever added to them."""
        page = Path(node.datapath) / node_data.CLOSED
        was_closed = page.exists()
        if not was_closed:
            node_data.close(page.parent)
        about = f"{node.wwwroot} is closed, for its database could not be restored whole, run again"
        self._desk.order("restore", about, id=node.id, file=str(self.snapshot_folder(node, name) / DATABASE))
        self._execute(node, Script(self._php.own("caches.php"), [str(self._routes.code_of(node))], takes_host=False))
        if not was_closed:
            page.unlink()

    def upgrade(self, node: Node) -> None:
        """Upgrade the node."""
        self._run(node, _UPGRADE, ["--non-interactive"])

    def check_removable(self, node: Node, verb: str = "removed") -> None:
        """Refuse to remove what is not the node's alone."""
        others = [other for other in (self.master, *self._nodes) if other is not node]
        for other in others:
            if same_database(node, other):
                raise MoodleError(f"{node.wwwroot} is not {verb}: its database {node.dbname} is that of {other.wwwroot} too.")
        data = Path(node.datapath or "/")
        real = os.path.realpath(data)
        wish = NodeWish(node.wwwroot, dbtype=node.dbtype, dbhost=node.dbhost, dbname=node.dbname, datapath=real)
        if len(data.parts) <= 2 or not data.is_absolute() or data.is_symlink():  # noqa: PLR2004 - the root and one folder
            raise MoodleError(f"{node.wwwroot} is not {verb}: its data path {node.datapath} is a link, or no folder of a node's own.")
        if why := clash(wish, [], self._folders(but=node)):
            raise MoodleError(f"{node.wwwroot} is not {verb}: {why}.")
        if self._desk.order("examine", f"{node.wwwroot} is not {verb}", id=node.id)["masters"]:
            raise MoodleError(f"{node.wwwroot} is not {verb}: its database {node.dbname} is the master's own under another name.")

    def remove(self, node: Node, *, snapshot: str | None) -> Path | None:
        """Close the node, take a snapshot if wanted, and remove its database, its data and its row."""
        data, taken = Path(node.datapath), None
        about = f"{node.wwwroot} could not be removed, run again"
        if self.begun(node) != "removing":
            if snapshot:
                taken = self._last_snapshot(node, snapshot)
            self._desk.order("change", about, id=node.id, values={"enabled": 0}, mark={"state": "removing"})
        self._desk.order("remove_database", about, id=node.id, drop=True)
        node_data.remove(data, itself=True)
        if bound := self._desk.order("unbind", about, id=node.id):
            self._warn(f"{node.wwwroot} is still a peer of {', '.join(bound)}.")
        self._desk.order("unregister", about, id=node.id)
        self._nodes = [known for known in self._nodes if known.id != node.id]
        return taken

    def _last_snapshot(self, node: Node, name: str) -> Path:
        """Of a node that nobody uses any more; one that an earlier call of the same removal took is as good."""
        page, folder = Path(node.datapath) / node_data.CLOSED, self.snapshot_folder(node, name)
        mark = self._marks.get(node.id)
        if mark and self.has_snapshot(node, name) and self._snapshots.about(folder)["made"] >= mark["since"]:
            return folder
        if folder.exists():
            raise BadInput(f"{node.wwwroot} is not removed: it has an older snapshot '{name}'; give the last one another name.")
        if not mark:
            mark = {"state": "closing", "since": int(time.time()), "page": page.exists()}
            self._desk.order("change", f"{node.wwwroot} could not be closed", id=node.id, values={}, mark=mark)
            self._marks[node.id] = mark
        try:
            node_data.close(page.parent)
            return self.snapshot(node, name)
        except (MoodleError, OSError):
            self.reopen(node)
            raise

    def reopen(self, node: Node) -> None:
        """Take a removal back that has removed nothing yet."""
        if not self._marks.pop(node.id)["page"]:
            (Path(node.datapath) / node_data.CLOSED).unlink(missing_ok=True)
        self._desk.order("change", f"{node.wwwroot} could not be opened again", id=node.id, values={}, mark=None)

    # Scripts that run for a node

    def pending(self, node: Node) -> bool:
        """Whether an upgrade is pending on the node."""
        code = self._routes.code_of(node)
        with Registry.open(self._php.for_code(code), code, states=True) as registry:
            for _node, state in registry.states([node]):
                if not state["reachable"]:
                    raise MoodleError(f"The database of {node.wwwroot} could not be asked: {state['error']}")
                return bool(state["upgrade_pending"])
        return False

    def _run(self, node: Node, script: str, words: Sequence[str]) -> None:
        self._execute(node, Script.find(self._routes.code_of(node), script, words))

    def _execute(self, node: Node, script: Script) -> None:
        code = self._routes.code_of(node)
        with Execution(Wish(script, code, timeout=self._timeout, retries=2), self._php.for_code(code), forks=1) as execution:
            record = execution.run(node)
        if record["verdict"] != "ok":
            raise MoodleError(f"{script.path.name} {record['reason']}")


def _columns(wish: NodeWish) -> dict[str, t.Any]:
    names = ("wwwroot", "name", "shortname", "description", "dbtype", "dbhost", "dbname", "dbprefix", "datapath", "mnet")
    return {name: getattr(wish, name) for name in names}
