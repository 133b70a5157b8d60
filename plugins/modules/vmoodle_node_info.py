#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vmoodle_node_info

short_description: Tell the state of the virtual nodes of a VMoodle

version_added: 0.1.0

description:
  - Reads the registry and asks each node's own database, all in one PHP process.
  - A node that cannot be asked is told as such, with the reason, and fails nothing. A server that does not answer is waited for
    once, for five seconds, however many nodes it has.
  - Users and passwords of the databases stay in that process.

extends_documentation_fragment:
  - lms.moodle.attributes.info
  - lms.moodle.php

options:
  moodle:
    description:
      - The root of the code that the nodes run on, where C(config.php) is. What is pending is told for this code, so that a release
        that is not served yet can be asked about, too.
      - A node that a link in C(nodes) beside C(current) leads to another release is asked about for that one, when this is
        C(current) itself.
    type: path
    required: true
  nodes:
    description:
      - The nodes to ask, as for M(lms.moodle.vmoodle_cli). When not set, all of them, disabled ones too.
    type: list
    elements: str
  select:
    description:
      - A JMESPath query over the registry's rows that narrows O(nodes) further, as for M(lms.moodle.vmoodle_cli).
    type: str
  master:
    description:
      - Tell the state of the master too, first.
    type: bool
    default: false

notes:
  - Run it as the user of the web server (C(become_user)), who can look into the nodes' data.

author:
  - the lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Ask all nodes
  lms.moodle.vmoodle_node_info:
    moodle: /srv/campus/current
  become: true
  become_user: www-data
  register: fleet

- name: Show those whose upgrade is pending
  ansible.builtin.debug:
    msg: "{{ fleet.nodes | selectattr('upgrade_pending', 'true') | map(attribute='wwwroot') }}"
"""

RETURN = r"""
nodes:
  description:
    - One entry per node, in the order of their addresses; those that could not be found come last.
    - What the registry says of a node comes with it, but for those that are not in it.
  returned: success
  type: list
  elements: dict
  contains:
    wwwroot:
      description: The node's address; the name that was asked for, when the registry does not know it.
      type: str
      sample: https://v1.example.org
    name:
      description: The node's name.
      type: str
      sample: Virtual 1
    shortname:
      description: The node's short name.
      type: str
      sample: v1
    description:
      description: What the registry says of it in words.
      type: str
      sample: Law school
    dbtype:
      description: The type of its database.
      type: str
      sample: mariadb
    dbhost:
      description: The server of its database.
      type: str
      sample: db1.example.org
    dbname:
      description: The name of its database.
      type: str
      sample: vmoodle_v1
    dbprefix:
      description: The prefix of its tables.
      type: str
      sample: mdl_
    datapath:
      description: The folder of its data.
      type: str
      sample: /srv/moodledata/v1
    mnet:
      description: The number of its Moodle network; V(0) is none.
      type: int
      sample: 0
    timecreated:
      description: When it was registered, in seconds since 1970.
      type: int
      sample: 1763735522
    enabled:
      description: Whether it is enabled in the registry.
      type: bool
      sample: true
    release:
      description: Moodle's release in its database.
      type: str
      sample: "4.2 (Build: 20230424)"
    version:
      description: Moodle's version number in its database.
      type: float
      sample: 2023042400
    upgrade_pending:
      description: Whether an upgrade is pending, of core or of any plugin, as Moodle's own C(upgrade.php) would say.
      type: bool
      sample: false
    maintenance:
      description: Whether it is closed, by its settings or by C(climaintenance.html) in its data.
      type: bool
      sample: false
    lastcron:
      description: When its cron last began, in seconds since 1970; V(0) is never.
      type: int
      sample: 1795271522
    reachable:
      description: Whether its database could be asked. Where it could not, all that only the database knows is null.
      type: bool
      sample: true
    error:
      description: Why it could not be asked.
      type: str
      sample: Connection refused
code:
  description: What the code says of itself.
  returned: success
  type: dict
  contains:
    version:
      description: Its version number.
      type: float
      sample: 2023100900
    release:
      description: Its release.
      type: str
      sample: "4.3 (Build: 20231009)"
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.conclusion import conclude
from ansible_collections.lms.moodle.plugins.module_utils.common.opcache import opcache_folder
from ansible_collections.lms.moodle.plugins.module_utils.common.php import ARGUMENTS, Php
from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node, choose
from ansible_collections.lms.moodle.plugins.module_utils.fleet.registry import Registry, matching, names_from_files
from ansible_collections.lms.moodle.plugins.module_utils.fleet.routes import Routes

_UNKNOWN = dict.fromkeys(("release", "version", "upgrade_pending", "maintenance", "lastcron"))


class NodeInfo:
    """The states of a selection of nodes."""

    def __init__(self, parameters: dict[str, t.Any], background: Background) -> None:
        self.parameters = parameters
        self.background = background
        self.routes = Routes.from_root(parameters["moodle"])
        opcache = opcache_folder(self.routes.code) if parameters["opcache"] else None
        self.php = Php(parameters["php"], Path(parameters["_php"] or ""), parameters["php_options"], opcache)

    def run(self) -> dict[str, t.Any]:
        """The module's result."""
        nodes, query = self.parameters["nodes"], self.parameters["select"]
        wanted = None if nodes is None else names_from_files(nodes)
        count = self.background.counter("nodes")
        with Registry.open(self.php, self.routes.code, states=True) as registry:
            found = choose(
                registry.nodes,
                wanted=wanted,
                matching=matching(query, registry.nodes) if query else None,
                include_disabled=True,
                master=self.parameters["master"],
            )
            chosen = self.routes.lead(found)
            told = []
            for node, state in self.routes.states(registry, chosen.nodes, self.php):
                known = {name: state.get(name) for name in (*_UNKNOWN, "reachable", "error")}
                told.append({**_registered(node), **known})
                count(len(told), len(chosen.nodes))
        registered = {node.wwwroot: _registered(node) for node in registry.nodes}
        for refusal in chosen.refused:
            about = registered.get(refusal.wwwroot, {"wwwroot": refusal.wwwroot, "name": refusal.name, "enabled": None})
            told.append({**about, **_UNKNOWN, "reachable": False, "error": refusal.reason})
        return {"changed": False, "nodes": told, "code": registry.code}


def _registered(node: Node) -> dict[str, t.Any]:
    """What the registry says of a node and a user has a use for; its last cron is told by its own database."""
    return {name: value for name, value in node.row().items() if name not in ("id", "master", "lastcron")}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "moodle": {"type": "path", "required": True},
            "nodes": {"type": "list", "elements": "str"},
            "select": {"type": "str"},
            "master": {"type": "bool", "default": False},
            **ARGUMENTS,
        },
        supports_check_mode=True,
    )
    background = Background(module.params["_background"])
    conclude(module, background, lambda: NodeInfo(module.params, background).run(), module.params["moodle"])


if __name__ == "__main__":
    main()
