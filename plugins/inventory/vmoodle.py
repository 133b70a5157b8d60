# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vmoodle

short_description: Virtual nodes of a VMoodle as hosts

version_added: 0.1.0

description:
  - Each virtual node becomes a host, named after its address, whose modules run on one of the web hosts (C(ansible_host)). So
    C(--limit v3.example.org) is one node, C(--forks) is how many at the same time, and slices of an AWX job are parts of the fleet.
  - The nodes come from a registry file without passwords, which the playbook C(lms.moodle.fleet_inventory) writes, or from
    the database of VMoodle's master.
  - Nodes that are enabled are in the group C(moodle_nodes), and where that is known in C(moodle_nodes_pending) (an upgrade is
    pending), C(moodle_nodes_closed), C(moodle_nodes_unreachable), C(moodle_version_4_2) and the like, and one for each database
    server, C(moodle_database_db1_example_org). Those that are disabled are in C(moodle_nodes_disabled) alone.
  - The variable C(moodle_node) of each host holds what is known of the node, as M(lms.moodle.vmoodle_node_info) returns it.
    C(moodle_web_host) is the web host that works for it.
  - A node that could be taken for another one, or for another host of the inventory, is left out with a warning.

extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache

options:
  plugin:
    description:
      - V(lms.moodle.vmoodle), in a file whose name ends in C(vmoodle.yml) or C(vmoodle.yaml).
    type: str
    required: true
    choices: [lms.moodle.vmoodle]
  registry:
    description:
      - The registry file on this machine, relative to this inventory's folder. It is read each time.
    type: str
    env:
      - name: MOODLE_REGISTRY
  database_name:
    description:
      - The database of VMoodle's master, when there is no O(registry). It knows which nodes there are and where, and not in which
        state they are. It is read by the program C(mariadb), C(mysql) or C(psql) of this machine; this is what the cache is for.
    type: str
    env:
      - name: MOODLE_DATABASE_NAME
  database_type:
    description:
      - The type of that database.
    type: str
    choices: [mariadb, mysqli, postgres]
    default: mariadb
    env:
      - name: MOODLE_DATABASE_TYPE
  database_host:
    description:
      - Its server; a path is that of its socket, for C(psql) the folder of it.
    type: str
    default: localhost
    env:
      - name: MOODLE_DATABASE_HOST
  database_port:
    description:
      - The server's port, when it is not the usual one.
    type: int
    env:
      - name: MOODLE_DATABASE_PORT
  database_prefix:
    description:
      - The prefix of the master's tables.
    type: str
    default: mdl_
    env:
      - name: MOODLE_DATABASE_PREFIX
  database_user:
    description:
      - Who may read the table C(local_vmoodle). Only from the environment.
    type: str
    env:
      - name: MOODLE_DATABASE_USER
  database_password:
    description:
      - The password. Only from the environment.
    type: str
    env:
      - name: MOODLE_DATABASE_PASSWORD
  web_group:
    description:
      - The group of the web hosts over which the nodes are spread. It must be in an inventory that is read before this one.
      - A node is reached as its web host is, by the C(ansible_) variables of that host and its groups in the inventory files; those
        in C(host_vars) and C(group_vars) belong to C(moodle_nodes) or C(all) then.
    type: str
    default: moodle_web
  select_groups:
    description:
      - Groups of your own, each by a JMESPath query over the enabled nodes, which have the fields of C(moodle_node).
    type: dict
    default: {}

author:
  - the lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
# vmoodle.yml, beside hosts.yml with the group moodle_web: ansible-inventory -i hosts.yml -i vmoodle.yml --graph
plugin: lms.moodle.vmoodle
registry: registry.json

---
# From the database, with user and password from the environment
plugin: lms.moodle.vmoodle
database_name: vmoodle_master
database_host: db1.example.org
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: /var/cache/ansible
cache_timeout: 600

---
# Groups and variables of your own
plugin: lms.moodle.vmoodle
registry: registry.json
strict: true
select_groups:
  law: "[?starts_with(wwwroot, 'https://law')]"
keyed_groups:
  - key: moodle_node.mnet
    prefix: mnet
compose:
  backup_folder: "'/srv/backup/' ~ moodle_node.shortname"
"""

import typing as t
from pathlib import Path

from ansible.errors import AnsibleParserError
from ansible.inventory.helpers import get_group_vars
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.display import Display
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.fleet.registry import queried
from ansible_collections.lms.moodle.plugins.plugin_utils.node_hosts import NodeHost, Row, node_hosts, rows_of_file, web_host
from ansible_collections.lms.moodle.plugins.plugin_utils.registry_database import Database

display = Display()


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    """The inventory plugin vmoodle."""

    NAME = "lms.moodle.vmoodle"

    def verify_file(self, path: str) -> bool:
        """Whether the source is meant for this plugin."""
        return super().verify_file(path) and path.endswith(("vmoodle.yml", "vmoodle.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Add the nodes to the inventory."""
        super().parse(inventory, loader, path, cache)
        written = self._read_config_data(path)
        try:
            for name in {"database_user", "database_password"} & set(written):
                raise BadInput(f"'{name}' stands in it: leave it to the environment, as MOODLE_{name.upper()}")
            hosts, left_out = node_hosts(self._rows(path, cache), {*inventory.hosts, *inventory.groups})
            queries = self.get_option("select_groups")
            enabled = [host.row for host in hosts if host.row["enabled"]]
            groups = {name: queried(query, enabled, f"select_groups: {name}") for name, query in queries.items()}
        except MoodleError as error:
            raise AnsibleParserError(f"The nodes of {path} are not known: {str(error).rstrip('.')}.") from None
        for sentence in left_out:
            display.warning(f"{path} leaves out {sentence}.")
        self._add(hosts, groups, path)

    def _rows(self, path: str, cache: bool) -> list[Row]:
        file, database = self.get_option("registry"), self.get_option("database_name")
        if bool(file) == bool(database):
            raise BadInput("either 'registry' or 'database_name' must say where VMoodle's registry is, and not both")
        if file:
            place = Path(path).parent / Path(file).expanduser()
            try:
                return rows_of_file(place.read_text(encoding="utf-8"))
            except OSError as error:
                raise BadInput(f"{place} cannot be read: {error.strerror}. The playbook lms.moodle.fleet_inventory writes it") from error
            except BadInput as error:
                raise BadInput(f"{place}: {error}") from error
        return self._rows_of_database(path, cache)

    def _rows_of_database(self, path: str, cache: bool) -> list[Row]:
        words = {word: self.get_option(f"database_{word}") for word in ("type", "host", "port", "name", "prefix", "user", "password")}
        source = [words[word] for word in ("type", "host", "port", "name", "prefix")]
        use = self.get_option("cache")
        key = self.get_cache_key(path)
        kept = self._cache.get(key) if use and cache else None
        if kept and kept["source"] == source:
            return t.cast("list[Row]", kept["rows"])
        if not words["user"]:
            raise BadInput("MOODLE_DATABASE_USER is not in the environment")
        rows = Database(**{**words, "password": words["password"] or ""}).rows()
        if use:
            self._cache[key] = {"source": source, "rows": rows}
        return rows

    def _add(self, hosts: t.Sequence[NodeHost], groups: t.Mapping[str, t.Collection[str]], path: str) -> None:
        web = self._web_hosts()
        if not web:
            display.warning(f"No host is in the group {self.get_option('web_group')} where {path} is read: name that inventory before it.")
        strict = self.get_option("strict")
        for host in hosts:
            self.inventory.add_host(host.name)
            # What the registry says is data, whatever it looks like: a name must not be run as a template.
            known = {"moodle_node": wrap_var(host.row)}
            if web:
                chosen = web_host(host.name, list(web))
                known = {**web[chosen], **known, "moodle_web_host": chosen}
            for name, value in known.items():
                self.inventory.set_variable(host.name, name, value)
            own = [name for name, addresses in groups.items() if host.row["wwwroot"] in addresses]
            for name in (*host.groups, *own):
                self.inventory.add_child(self.inventory.add_group(self._sanitize_group_name(name)), host.name)
            self._set_composite_vars(self.get_option("compose"), known, host.name, strict=strict)
            if host.row["enabled"]:
                self._add_host_to_composed_groups(self.get_option("groups"), known, host.name, strict=strict)
                self._add_host_to_keyed_groups(self.get_option("keyed_groups"), known, host.name, strict=strict)

    def _web_hosts(self) -> dict[str, dict[str, t.Any]]:
        """By name, how each is reached."""
        group = self.inventory.groups.get(self.get_option("web_group"))
        found = {}
        for host in group.get_hosts() if group else ():
            said = {**get_group_vars(host.get_groups()), **host.vars}
            found[host.name] = {"ansible_host": host.name, **{name: value for name, value in said.items() if name.startswith("ansible_")}}
        return found
