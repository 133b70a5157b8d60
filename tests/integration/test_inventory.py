# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin as ansible-inventory and plays use it, from a registry file and from a database."""

from __future__ import annotations

import json
import os
import shutil
import sys
import typing as t
from pathlib import Path

import pytest
from support.mariadb import MariaDB
from support.postgresql import PostgreSQL
from support.process import Result, run

REPOSITORY = Path(__file__).resolve().parents[2]
WEB = {
    "moodle_web": {
        "hosts": {"web1": {"ansible_host": "10.0.0.1"}, "web2": {}},
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "other": 1},
    }
}
PASSWORD = "Sesame-in-the-environment!"  # noqa: S105 - opens a test's own database


def row(number: int, **more: t.Any) -> dict[str, t.Any]:
    about = {"wwwroot": f"https://v{number}.example.org", "name": f"Virtual {number}", "shortname": f"v{number}", "dbname": f"vm_{number}"}
    return {**about, "dbhost": "db1.example.org", "dbprefix": "mdl_", "enabled": True, "reachable": True, "release": "4.2 (B)", **more}


class Inventory:
    """A folder with the web hosts, the registry file and the plugin's own file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "hosts.json").write_text(json.dumps({"all": {"children": WEB}}))

    def write(self, rows: t.Sequence[t.Mapping[str, t.Any]] | None, **options: t.Any) -> None:
        if rows is not None:
            (self.folder / "registry.json").write_text(json.dumps({"nodes": rows}))
            options["registry"] = "registry.json"
        (self.folder / "vmoodle.yml").write_text(json.dumps({"plugin": "lms.moodle.vmoodle", **options}))

    def ask(self, program: str, *words: str | Path, **env: str) -> Result:
        command = [Path(sys.executable).with_name(program), "-i", self.folder / "hosts.json", "-i", self.folder / "vmoodle.yml", *words]
        settings = {"ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
        return run(command, env={**os.environ, **settings, "ANSIBLE_NOCOLOR": "1", **env}, cwd=REPOSITORY)

    def listed(self, **env: str) -> dict[str, t.Any]:
        told = self.ask("ansible-inventory", "--list", **env)
        assert told.rc == 0, told.text
        # Marked so that whoever reads it back runs no template in it.
        found: dict[str, t.Any] = json.loads(told.out, object_hook=lambda said: said.get("__ansible_unsafe", said))
        return found

    def refusal(self, **env: str) -> str:
        told = self.ask("ansible-inventory", "--list", **env)
        assert told.rc != 0
        return " ".join(told.text.split())


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return Inventory(tmp_path)


def test_the_graph_shows_the_fleet_by_state_version_server_and_query(inventory: Inventory) -> None:
    nodes = [row(1), row(2, upgrade_pending=True, release="4.3.1 (B)", dbhost="db2"), row(3, enabled=False), row(4, maintenance=True)]
    inventory.write(nodes, select_groups={"late": "[?upgrade_pending]"}, strict=True, keyed_groups=[{"key": "moodle_node.shortname"}])
    told = inventory.ask("ansible-inventory", "--graph")
    assert told.rc == 0, told.text
    groups: dict[str, list[str]] = {}
    for line in told.out.splitlines():
        name = line.strip(" |-")
        if name.startswith("@"):
            groups[group := name.strip("@:")] = []
        else:
            groups[group].append(name.split(".")[0])
    assert groups == {
        "all": [],
        "ungrouped": [],
        "moodle_web": ["web1", "web2"],
        "moodle_nodes": ["v1", "v2", "v4"],
        "moodle_nodes_disabled": ["v3"],
        "moodle_nodes_pending": ["v2"],
        "moodle_nodes_closed": ["v4"],
        "moodle_version_4_2": ["v1", "v4"],
        "moodle_version_4_3": ["v2"],
        "moodle_database_db1_example_org": ["v1", "v4"],
        "moodle_database_db2": ["v2"],
        "late": ["v2"],
        "_v1": ["v1"],
        "_v2": ["v2"],
        "_v4": ["v4"],
    }


def test_the_example_works_as_it_stands(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "inventories" / "vmoodle", tmp_path / "vmoodle")
    (tmp_path / "vmoodle.registry.json").write_text(json.dumps({"nodes": [row(1, name="Law school", dbtype="pgsql"), row(2)]}))
    command = [Path(sys.executable).with_name("ansible-inventory"), "-i", tmp_path / "vmoodle", "--list"]
    settings = {"ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
    told = json.loads(run(command, env={**os.environ, **settings}, cwd=REPOSITORY).must_succeed().out)
    hosts = {name: group["hosts"] for name, group in told.items() if "hosts" in group}
    assert hosts["moodle_nodes"] == ["v1.example.org", "v2.example.org"]
    assert hosts["moodle_web"] == ["web1.example.org", "web2.example.org"]
    assert hosts["law"] == hosts["moodle_dbtype_pgsql"] == ["v1.example.org"]
    assert told["_meta"]["hostvars"]["v2.example.org"]["moodle_canary"] == 2


def test_nodes_are_reached_as_their_web_hosts_are(inventory: Inventory) -> None:
    inventory.write([row(number) for number in range(20)], compose={"folder": "'/backup/' ~ moodle_node.shortname"})
    known = inventory.listed()["_meta"]["hostvars"]
    addresses = {"web1": "10.0.0.1", "web2": "web2"}
    nodes = {name: about for name, about in known.items() if name.startswith("v")}
    assert len(nodes) == 20
    assert {about["moodle_web_host"] for about in nodes.values()} == set(addresses)
    for name, about in nodes.items():
        assert about["ansible_host"] == addresses[about["moodle_web_host"]]
        assert (about["ansible_connection"], about["folder"]) == ("local", f"/backup/{name.split('.')[0]}")
        assert "other" not in about


def test_a_play_is_limited_to_one_node_and_runs_no_template_that_a_name_holds(inventory: Inventory) -> None:
    hostile = "{{ lookup('ansible.builtin.pipe', 'touch " + str(inventory.folder / "ran") + "') }}"
    inventory.write([row(1), row(3, name=hostile), row(4)], compose={"called": "moodle_node.name"})
    playbook = inventory.folder / "play.json"
    told = {"ansible.builtin.debug": {"msg": "{{ inventory_hostname }} is {{ moodle_node.name }}, {{ called }}"}}
    playbook.write_text(json.dumps([{"hosts": "moodle_nodes", "gather_facts": False, "tasks": [told]}]))
    done = inventory.ask("ansible-playbook", playbook, "--limit", "v3.example.org")
    assert done.rc == 0, done.text
    assert "v3.example.org is {{ lookup" in done.text
    assert not {"v1.example.org", "v4.example.org"} & set(done.text.split())
    assert not (inventory.folder / "ran").exists()


def test_a_node_that_takes_the_name_of_a_web_host_is_left_out_aloud(inventory: Inventory) -> None:
    inventory.write([row(1, wwwroot="http://web1"), row(2)])
    told = inventory.ask("ansible-inventory", "--list")
    assert json.loads(told.out)["moodle_nodes"]["hosts"] == ["v2.example.org"]
    assert json.loads(told.out)["_meta"]["hostvars"]["web1"]["ansible_host"] == "10.0.0.1"
    assert "leaves out 'http://web1'" in " ".join(told.err.split())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"registry": "nowhere.json"}, "nowhere.json cannot be read: No such file"),
        ({"database_name": "campus", "database_password": "x"}, "leave it to the environment, as MOODLE_DATABASE_PASSWORD"),
        ({"registry": "registry.json", "select_groups": {"law": "[?"}}, "'select_groups: law' is no valid JMESPath"),
    ],
)
def test_one_sentence_says_what_is_wrong(inventory: Inventory, options: dict[str, t.Any], says: str) -> None:
    inventory.write([row(1)])
    inventory.write(None, **options)
    assert says in inventory.refusal()


@pytest.mark.parametrize("kind", ["database_server", "postgresql_server"])
def test_the_database_is_read_with_credentials_of_the_environment_and_cached(
    inventory: Inventory, kind: str, request: pytest.FixtureRequest
) -> None:
    server: MariaDB | PostgreSQL = request.getfixturevalue(kind)
    postgres = isinstance(server, PostgreSQL)
    master = "inventory_master"
    server.create(master)
    _make_registry(server, master)
    name = 'A "quoted"; name\nof two lines'
    _register(server, master, f"'{name}', 'https://v1.example.org', 'vm_1', 1")
    _register(server, master, "'v2', 'https://v2.example.org', 'vm_2', 0")
    options = {
        "database_name": master,
        "database_type": "postgres" if postgres else "mariadb",
        "database_host": str(server.socket),
    }
    cache = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(inventory.folder / "cache")}
    inventory.write(None, **options, **cache)
    access = {"MOODLE_DATABASE_USER": server.user}

    wrong = inventory.refusal(MOODLE_DATABASE_PASSWORD=PASSWORD, **access)
    assert "could not be read" in wrong
    assert PASSWORD not in wrong

    told = inventory.listed(MOODLE_DATABASE_PASSWORD=server.password, **access)
    assert (told["moodle_nodes"]["hosts"], told["moodle_nodes_disabled"]["hosts"]) == (["v1.example.org"], ["v2.example.org"])
    assert told["_meta"]["hostvars"]["v1.example.org"]["moodle_node"]["name"] == name
    assert PASSWORD not in json.dumps(told) + "".join(file.read_text() for file in (inventory.folder / "cache").iterdir())

    server.execute("DELETE FROM mdl_local_vmoodle", master)
    assert inventory.listed(**access) == told, "the second time the cache answers, and no password is needed"
    fresh = inventory.ask("ansible-inventory", "--list", "--flush-cache", MOODLE_DATABASE_PASSWORD=server.password, **access)
    assert "moodle_nodes" not in json.loads(fresh.out)


def _make_registry(server: MariaDB | PostgreSQL, master: str) -> None:
    texts = ["name", "shortname", "description", "vhostname", "vdbtype", "vdbhost", "vdblogin", "vdbpass", "vdbname", "vdbprefix"]
    columns = [f"{column} VARCHAR(255)" for column in (*texts, "vdatapath")]
    columns += [f"{column} BIGINT" for column in ("mnet", "enabled", "timecreated")]
    number = "SERIAL" if isinstance(server, PostgreSQL) else "BIGINT AUTO_INCREMENT"
    server.execute(f"CREATE TABLE mdl_local_vmoodle (id {number} PRIMARY KEY, {', '.join(columns)})", master)


def _register(server: MariaDB | PostgreSQL, master: str, values: str) -> None:
    columns = "name, vhostname, vdbname, enabled, vdbpass"
    server.execute(f"INSERT INTO mdl_local_vmoodle ({columns}) VALUES ({values}, '{PASSWORD}')", master)  # noqa: S608 - the test's own
