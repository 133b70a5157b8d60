#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vmoodle_node

short_description: Make, change, upgrade, snapshot and remove virtual nodes of a VMoodle

version_added: 0.1.0

description:
  - Makes a virtual node by Moodle's own installation, as a copy of another node, from a dump of a database or from a snapshot, and
    registers it with VMoodle. Changes its row in the registry and its settings, upgrades it, takes snapshots, and removes it.
  - A copy gets a site identifier, keys and salts of its own; its address replaces the other one's in content and settings; sessions,
    tokens, pending tasks and peers of the other site are forgotten; its caches are purged. What a snapshot holds stays as it is when
    the node has the address that the snapshot was taken of.
  - The node is closed until it is ready. When it cannot be made, nothing of it is left; when the module is killed, the next call with
    the same address clears away what was begun, and makes the node.
  - The node's database is reached with the node's own access, never with the master's. A database or a folder that another node or the
    master uses is neither taken nor removed.
  - No password is on a command line, in a log or in a result.

extends_documentation_fragment:
  - lms.moodle.attributes
  - lms.moodle.php

attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows the row of the registry, without the access to the database, and the names of settings.
  idempotent:
    support: partial
    details:
      - All but O(restore), which does it each time.

options:
  moodle:
    description:
      - The root of the code that the nodes run on, where C(config.php) is.
    type: path
    required: true
  wwwroot:
    description:
      - The node's address, with C(http://) or C(https://), without a slash at its end.
      - Either this or O(nodes_file).
    type: str
  nodes_file:
    description:
      - A list of nodes on the host. O(state) is brought about for each of them, one after the other; when one fails, the others are
        done, and the task fails at the end.
      - A file C(.yml), C(.yaml) or C(.json) is a list of nodes, each with the options O(wwwroot) to O(config) of this module; or has
        C(nodes), such a list, and C(defaults), what holds for each of them. YAML needs PyYAML on the host, JSON does not.
      - A file C(.csv) is the node list of VMoodle's own bulk scripts.
      - What is wrong with the list is told line by line before anything is touched.
    type: path
  state:
    description:
      - V(present) makes the node, or changes the one that is there. Its database and its data are not moved.
      - V(upgraded) upgrades the node when an upgrade is pending.
      - V(absent) removes the node, with its database and its data, after a snapshot.
    type: str
    choices: [present, upgraded, absent]
    default: present
  enabled:
    description:
      - Whether the node is enabled in the registry. A new node is, when nothing is said.
      - With O(nodes_file), this holds for all of them, whatever the list says.
    type: bool
  name:
    description:
      - The name of the node and the full name of its site. The host in O(wwwroot) for a new node, when nothing is said.
    type: str
  shortname:
    description:
      - The short name of the node and of its site.
    type: str
  description:
    description:
      - A description of the node, which is the summary of its site, too.
    type: str
  dbtype:
    description:
      - The type of the database. The master's for a new node, when nothing is said.
    type: str
    choices: [mariadb, mysqli, auroramysql, pgsql]
  dbhost:
    description:
      - The database server. The master's for a new node, when nothing is said. Moodle reaches it by the master's port and socket.
    type: str
  dbname:
    description:
      - The database, which is made if it is not there; it must be empty. Needed for a new node.
    type: str
  dbuser:
    description:
      - The user of the database. Neither this nor O(dbpass) is needed where VMoodle's configuration has one access for all nodes.
    type: str
  dbpass:
    description:
      - The password of that user. VMoodle's registry holds 32 characters.
    type: str
  dbprefix:
    description:
      - What the names of the tables begin with. As the master's for a new node, when nothing is said.
    type: str
  datapath:
    description:
      - The folder of the node's data, which is made. The folder in which it lies must be there. Needed for a new node.
    type: path
  template:
    description:
      - The node that a new node is a copy of, by its address, name or short name. It has the same type of database and the same prefix.
    type: str
  dump:
    description:
      - What a new node begins with, a file with the dump of a Moodle's database (C(.sql), packed by gzip or not), as C(mariadb-dump)
        or C(pg_dump) write it, or the folder of a snapshot. Older versions are upgraded.
      - A dump is made of commands, so take it from whom you trust. What would reach beyond the node's database is
          refused where it can be seen.
    type: path
  admin_password:
    description:
      - The password of the administrator of a node that begins empty. When not set, it is the one of the master's administrator.
    type: str
  mnet:
    description:
      - The number of the network that the node belongs to. With V(0) or V(-1) Moodle's network is switched off on the node.
    type: int
  services:
    description:
      - Kept for node lists of VMoodle. Peers are not bound by this module, whatever it says.
    type: str
    choices: [none, default]
  config:
    description:
      - Settings of the node. Core's by their name, those of a component as C(component|setting).
      - Ansible shows them when it is verbose; those that are secret belong into O(nodes_file).
    type: dict
    default: {}
  snapshot:
    description:
      - The name of a snapshot, letters, digits, dots, C(_) and C(-).
      - With O(state=present) the node has this snapshot afterwards; with one that is whole, nothing is done. With O(state=upgraded) it is
        taken before the upgrade. With O(state=absent) it is the last one, named C(removed-) and the time when nothing is said.
    type: str
  restore:
    description:
      - The name of a snapshot of the node, whose database is put back to what it holds. Nothing else is done, and O(confirm) is needed.
      - The node is closed meanwhile, and its caches are thrown away. Its data stay as they are, for files are only ever added to them;
        the whole of a snapshot is in a node that is made from it with O(dump).
    type: str
  snapshot_first:
    description:
      - With O(state=absent), take a snapshot before the node is removed.
    type: bool
    default: true
  snapshots:
    description:
      - The folder that holds the snapshots, one folder for each node. When not set, C(lms_moodle/snapshots) in the master's data.
    type: path
  confirm:
    description:
      - With O(state=absent) and with O(restore), the node's address, name or short name once more; with O(nodes_file), the name of that
        file without its path.
    type: str
  timeout:
    description:
      - Seconds that an installation, an upgrade or the work on a copy may take. V(0) means no limit.
    type: int
    default: 3600
  wait:
    description:
      - Seconds to wait for another run of this module on the same VMoodle.
    type: int
    default: 60

notes:
  - Run it as the user of the web server (C(become_user)), or the files that Moodle writes belong to somebody else.
  - Needs the client programs of the node's database server for copies, dumps and snapshots.

author:
  - the lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Make an empty node
  lms.moodle.vmoodle_node:
    moodle: /srv/campus/current
    wwwroot: https://law.example.org
    name: Faculty of Law
    dbname: campus_law
    dbuser: campus_law
    dbpass: "{{ law_password }}"
    datapath: /srv/data/law
  become: true
  become_user: www-data

- name: Make a copy of another node
  lms.moodle.vmoodle_node:
    moodle: /srv/campus/current
    wwwroot: https://art.example.org
    template: https://law.example.org
    dbname: campus_art
    dbuser: campus_art
    dbpass: "{{ art_password }}"
    datapath: /srv/data/art
    config:
      theme: boost
      mod_forum|trackingtype: 0

- name: Make the nodes of a list
  lms.moodle.vmoodle_node:
    moodle: /srv/campus/current
    nodes_file: /srv/campus/nodes.csv

- name: Upgrade a node, after a snapshot
  lms.moodle.vmoodle_node:
    moodle: /srv/campus/current
    wwwroot: https://law.example.org
    state: upgraded
    snapshot: before-4.5

- name: Remove a node
  lms.moodle.vmoodle_node:
    moodle: /srv/campus/current
    wwwroot: https://law.example.org
    state: absent
    confirm: https://law.example.org

- name: Bring it back as it was
  lms.moodle.vmoodle_node:
    moodle: /srv/campus/current
    wwwroot: https://law.example.org
    dump: /srv/data/master/lms_moodle/snapshots/law.example.org/removed-20261121T090000Z
    dbname: campus_law
    dbuser: campus_law
    dbpass: "{{ law_password }}"
    datapath: /srv/data/law

- name: Put the database back to what it was before an upgrade
  lms.moodle.vmoodle_node:
    moodle: /srv/campus/current
    wwwroot: https://law.example.org
    restore: before-4.5
    confirm: https://law.example.org
"""

RETURN = r"""
node:
  description: The node as the registry has it, without the access to its database; empty when it is not there. With O(wwwroot) only.
  returned: success
  type: dict
  sample:
    wwwroot: https://law.example.org
    name: Faculty of Law
    enabled: true
    dbname: campus_law
    datapath: /srv/data/law
actions:
  description: What was done, or in check mode what would be, in the order in which it is done.
  returned: success
  type: list
  elements: str
  sample: [made from https://law.example.org]
snapshot:
  description: The folder of the snapshot that was taken, or that was there; null when none was asked for. With O(wwwroot) only.
  returned: success
  type: str
  sample: /srv/data/master/lms_moodle/snapshots/law.example.org/before-4.5
nodes:
  description: One entry for each node of O(nodes_file), in its order.
  returned: with O(nodes_file), when some failed too
  type: list
  elements: dict
  contains:
    wwwroot:
      description: The node's address.
      type: str
      sample: https://law.example.org
    actions:
      description: As RV(actions).
      type: list
      elements: str
      sample: []
    snapshot:
      description: As RV(snapshot).
      type: str
      sample: null
    error:
      description: Why it could not be done; null when it could.
      type: str
      sample: null
"""

import contextlib
import time
import typing as t
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.conclusion import conclude
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.files import locked
from ansible_collections.lms.moodle.plugins.module_utils.common.opcache import opcache_folder
from ansible_collections.lms.moodle.plugins.module_utils.common.php import ARGUMENTS, Php
from ansible_collections.lms.moodle.plugins.module_utils.fleet.desk import Desk
from ansible_collections.lms.moodle.plugins.module_utils.fleet.node_list import NodeList, read_csv, read_json, read_yaml
from ansible_collections.lms.moodle.plugins.module_utils.fleet.node_wish import DATABASES, NodeWish, problems
from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node
from ansible_collections.lms.moodle.plugins.module_utils.fleet.routes import Routes
from ansible_collections.lms.moodle.plugins.module_utils.fleet.snapshots import Snapshots, checked_name
from ansible_collections.lms.moodle.plugins.module_utils.fleet.workshop import Workshop

_WISHED = (
    *("name", "shortname", "description", "dbtype", "dbhost", "dbname", "dbuser", "dbpass", "dbprefix", "datapath"),
    *("mnet", "services", "enabled", "template", "dump"),
)
_SHOWN = ("wwwroot", "name", "shortname", "description", "dbtype", "dbhost", "dbname", "dbprefix", "datapath", "mnet", "enabled")
_NAMED = 3


class VmoodleNode:
    """One state for one node, or for each of a list."""

    def __init__(self, parameters: dict[str, t.Any], check_mode: bool, background: Background) -> None:
        self.parameters = parameters
        self.check_mode = check_mode
        self.background = background
        for name in ("timeout", "wait"):
            if parameters[name] < 0:
                raise BadInput(f"'{name}' is {parameters[name]}: it cannot be less than 0.")
        for name in ("snapshot", "restore"):
            if parameters[name]:
                checked_name(parameters[name])
        if parameters["restore"] and parameters["state"] != "present":
            raise BadInput(
                f"'restore' puts a node's database back and does nothing else: it does not go with the state '{parameters['state']}'."
            )
        self.routes = Routes.from_root(parameters["moodle"])
        self.wishes, self.warnings = self._wishes()
        opcache = opcache_folder(self.routes.code) if parameters["opcache"] else None
        self.php = Php(parameters["php"], Path(parameters["_php"] or ""), parameters["php_options"], opcache)

    def _wishes(self) -> tuple[list[NodeWish], list[str]]:
        file = self.parameters["nodes_file"]
        if file:
            if self.parameters["config"]:
                raise BadInput("'config' is one node's: with 'nodes_file' it stands in that file, for all nodes under 'defaults'.")
            if self.parameters["state"] == "absent" and self.parameters["confirm"] != Path(file).name:
                raise BadInput(f"'confirm' must be '{Path(file).name}', so that no nodes are removed by mistake.")
            found = _list_of_nodes(Path(file))
            forced = {} if self.parameters["enabled"] is None else {"enabled": self.parameters["enabled"]}
            return [replace(wish, **forced) for _line, wish in found.entries], [f"{file}, {finding}" for finding in found.findings]
        config = {str(name): _as_text(value) for name, value in self.parameters["config"].items()}
        wish = NodeWish(self.parameters["wwwroot"], config=config, **{name: self.parameters[name] for name in _WISHED})
        for name, says in problems(wish):
            raise BadInput(f"'{name}' {says}.")
        return [wish], []

    def run(self) -> dict[str, t.Any]:
        """Bring about the state; the module's result."""
        with self._workshop() as workshop:
            if not self.parameters["nodes_file"]:
                return {**self._one(workshop, self.wishes[0]), "warnings": self.warnings}
            return self._all(workshop)

    @contextlib.contextmanager
    def _workshop(self) -> Iterator[Workshop]:
        with Desk.open(self.php, self.routes.code) as desk:
            data = Path(desk.nodes[0].datapath)
        home = data / "lms_moodle"
        lock: contextlib.AbstractContextManager[None] = contextlib.nullcontext()
        if not self.check_mode:
            home.mkdir(mode=0o700, exist_ok=True)
            lock = locked(home / "nodes.lock", self.parameters["wait"], "the nodes of this VMoodle")
        # What the registry says counts from the moment on when nobody else changes it.
        with lock, Desk.open(self.php, self.routes.code) as desk:
            snapshots = Snapshots(Path(self.parameters["snapshots"] or home / "snapshots"), desk)
            yield Workshop(self.php, self.routes, desk, snapshots, timeout=self.parameters["timeout"] or None, warn=self.warnings.append)

    def _all(self, workshop: Workshop) -> dict[str, t.Any]:
        count = self.background.counter("nodes")
        told: list[dict[str, t.Any]] = []
        changed, diffs, failed = False, [], []
        for wish in self.wishes:
            count(len(told), len(self.wishes))
            entry: dict[str, t.Any] = {"wwwroot": wish.wwwroot, "actions": [], "snapshot": None, "error": None}
            try:
                result = self._one(workshop, wish)
                entry.update(actions=result["actions"], snapshot=result["snapshot"])
                changed |= result["changed"]
                diffs.append(result["diff"])
            except (MoodleError, OSError) as error:
                entry["error"] = error.message if isinstance(error, MoodleError) else f"{wish.wwwroot}: {error.filename}: {error.strerror}"
                failed.append(entry["error"])
            told.append(entry)
        count(len(told), len(self.wishes))
        result = {"changed": changed, "nodes": told, "diff": diffs, "warnings": self.warnings}
        if failed:
            more = f" And {len(failed) - _NAMED} more." if len(failed) > _NAMED else ""
            raise MoodleError(f"{len(failed)} of {len(told)} nodes failed: {' '.join(failed[:_NAMED])}{more}", **result)
        return result

    def _one(self, workshop: Workshop, wish: NodeWish) -> dict[str, t.Any]:
        node = workshop.find(wish.wwwroot)
        state = self.parameters["state"]
        if state == "absent":
            return self._absent(workshop, wish, node)
        if workshop.begun(node) == "removing":
            raise MoodleError(f"The removal of {wish.wwwroot} was begun and not ended: end it with 'state: absent' first.")
        if state == "upgraded":
            return self._upgraded(workshop, wish, node)
        if self.parameters["restore"]:
            return self._restored(workshop, wish, node)
        if node is None or workshop.begun(node) == "creating":
            return self._made(workshop, wish, node)
        return self._changed(workshop, wish, node)

    def _made(self, workshop: Workshop, wish: NodeWish, begun: Node | None) -> dict[str, t.Any]:
        wish = wish.filled(workshop.master)
        source = workshop.source(wish)
        workshop.check_new(wish, source, instead=begun)
        if begun:
            workshop.check_removable(begun)
        actions = [f"removed what was begun of {wish.wwwroot}"] if begun else []
        actions.append(f"made from {wish.template or wish.dump or 'an empty installation'}")
        snapshot = None
        if not self.check_mode:
            if begun:
                workshop.discard(begun)
            node = workshop.create(wish, source, password=self.parameters["admin_password"])
            if self.parameters["snapshot"]:
                snapshot = workshop.snapshot(node, self.parameters["snapshot"])
        if self.parameters["snapshot"]:
            actions.append(f"snapshot {self.parameters['snapshot']}")
        after = {name: getattr(wish, name) for name in _SHOWN}
        return _result(actions, {}, after, snapshot, settings=list(wish.config))

    def _changed(self, workshop: Workshop, wish: NodeWish, node: Node) -> dict[str, t.Any]:
        columns, settings = workshop.differences(node, wish)
        actions = ["opened again"] if workshop.begun(node) == "closing" else []
        if actions and not self.check_mode:
            workshop.reopen(node)
        actions += [f"changed {', '.join(columns)}"] if columns else []
        actions += [f"set {', '.join(settings)}"] if settings else []
        name = self.parameters["snapshot"]
        missing = bool(name) and not workshop.has_snapshot(node, name)
        snapshot = workshop.snapshot_folder(node, name) if name else None
        actions += [f"snapshot {name}"] if missing else []
        if not self.check_mode:
            if missing:
                workshop.snapshot(node, name)
            if "access" in columns:
                workshop.change(node, {"access": columns["access"]})
            if settings or {"name", "shortname", "description", "mnet"} & set(columns):
                workshop.make_itself(node, wish, clone=False)
            # Last: as long as the registry differs, the next call does it again.
            if columns:
                workshop.change(node, columns)
        before = {name: getattr(node, name) for name in _SHOWN}
        shown = {name: value for name, value in columns.items() if name in _SHOWN}
        return _result(actions, before, {**before, **shown}, snapshot, settings=settings)

    def _upgraded(self, workshop: Workshop, wish: NodeWish, node: Node | None) -> dict[str, t.Any]:
        if node is None or workshop.begun(node):
            raise MoodleError(f"{wish.wwwroot} cannot be upgraded: VMoodle's registry has no such node, or it is not made yet.")
        actions, snapshot, name = [], None, self.parameters["snapshot"]
        if workshop.pending(node):
            if name and not workshop.has_snapshot(node, name):
                actions.append(f"snapshot {name}")
                snapshot = None if self.check_mode else workshop.snapshot(node, name)
            actions.append("upgraded")
            if not self.check_mode:
                workshop.upgrade(node)
        shown = {name: getattr(node, name) for name in _SHOWN}
        after = {**shown, "upgrade_pending": False} if actions else shown
        return _result(actions, {**shown, "upgrade_pending": True} if actions else shown, after, snapshot)

    def _restored(self, workshop: Workshop, wish: NodeWish, node: Node | None) -> dict[str, t.Any]:
        name = self.parameters["restore"]
        if node is None or workshop.begun(node):
            raise MoodleError(f"{wish.wwwroot} cannot be restored: VMoodle's registry has no such node, or it is not made yet.")
        if self.parameters["confirm"] not in node.names():
            raise BadInput(f"'confirm' must be {node.wwwroot} or '{node.name}', so that no database is replaced by mistake.")
        workshop.check_removable(node, "restored")
        if not workshop.has_snapshot(node, name):
            raise BadInput(f"{node.wwwroot} has no snapshot '{name}': there is no {workshop.snapshot_folder(node, name)}.")
        if not self.check_mode:
            workshop.restore(node, name)
        shown = {column: getattr(node, column) for column in _SHOWN}
        return _result([f"restored {name}"], shown, shown, workshop.snapshot_folder(node, name))

    def _absent(self, workshop: Workshop, wish: NodeWish, node: Node | None) -> dict[str, t.Any]:
        if node is None:
            return _result([], {}, {}, None)
        if not self.parameters["nodes_file"] and self.parameters["confirm"] not in node.names():
            raise BadInput(f"'confirm' must be {node.wwwroot} or '{node.name}', so that no node is removed by mistake.")
        workshop.check_removable(node)
        before = {name: getattr(node, name) for name in _SHOWN}
        whole = workshop.begun(node) in ("", "closing")
        name = self.parameters["snapshot"] or time.strftime("removed-%Y%m%dT%H%M%SZ", time.gmtime())
        first = name if self.parameters["snapshot_first"] and whole else None
        actions, snapshot = [f"snapshot {first}"] if first else [], None
        if workshop.begun(node) == "creating":
            if not self.check_mode:
                workshop.discard(node)
        elif not self.check_mode:
            snapshot = workshop.remove(node, snapshot=first)
        return _result([*actions, "removed"], before, {}, snapshot)


def _result(
    actions: list[str], before: dict[str, t.Any], after: dict[str, t.Any], snapshot: Path | None, settings: list[str] | None = None
) -> dict[str, t.Any]:
    return {
        "changed": bool(actions),
        "node": after,
        "actions": actions,
        "snapshot": str(snapshot) if snapshot else None,
        # Values of settings may be secrets.
        "diff": {"before": before, "after": {**after, "settings": settings} if settings else after},
    }


def _as_text(value: t.Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _list_of_nodes(path: Path) -> NodeList:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise BadInput(f"The list of nodes {path} cannot be read on this host: {why}.") from error
    if path.suffix == ".csv":
        found = read_csv(text)
    elif path.suffix == ".json":
        found = read_json(text)
    elif path.suffix in (".yml", ".yaml"):
        try:
            # Not on every host, and needed by this kind of file alone.
            import yaml  # noqa: PLC0415
        except ImportError as error:
            raise MoodleError("A list of nodes in YAML needs PyYAML on this host: install it (Debian: python3-yaml).") from error
        found = read_yaml(text, yaml)
    else:
        raise BadInput(f"{path} is no list of nodes: its name ends in .yml, .yaml, .json or .csv.")
    if found.errors:
        raise BadInput(f"{path} cannot be used, and nothing was touched: {'; '.join(str(finding) for finding in found.errors)}.")
    return found


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "moodle": {"type": "path", "required": True},
            "wwwroot": {"type": "str"},
            "nodes_file": {"type": "path"},
            "state": {"type": "str", "choices": ["present", "upgraded", "absent"], "default": "present"},
            "enabled": {"type": "bool"},
            "name": {"type": "str"},
            "shortname": {"type": "str"},
            "description": {"type": "str"},
            "dbtype": {"type": "str", "choices": list(DATABASES)},
            "dbhost": {"type": "str"},
            "dbname": {"type": "str"},
            "dbuser": {"type": "str"},
            "dbpass": {"type": "str", "no_log": True},
            "dbprefix": {"type": "str"},
            "datapath": {"type": "path"},
            "template": {"type": "str"},
            "dump": {"type": "path"},
            "admin_password": {"type": "str", "no_log": True},
            "mnet": {"type": "int"},
            "services": {"type": "str", "choices": ["none", "default"]},
            "config": {"type": "dict", "default": {}},
            "snapshot": {"type": "str"},
            "restore": {"type": "str"},
            "snapshot_first": {"type": "bool", "default": True},
            "snapshots": {"type": "path"},
            "confirm": {"type": "str"},
            "timeout": {"type": "int", "default": 3600},
            "wait": {"type": "int", "default": 60},
            **ARGUMENTS,
        },
        required_one_of=[("wwwroot", "nodes_file")],
        mutually_exclusive=[("restore", "snapshot"), ("restore", "nodes_file")]
        + [("nodes_file", name) for name in ("wwwroot", *_WISHED) if name != "enabled"],
        supports_check_mode=True,
    )
    background = Background(module.params["_background"])
    conclude(module, background, lambda: VmoodleNode(module.params, module.check_mode, background).run(), module.params["moodle"])


if __name__ == "__main__":
    main()
