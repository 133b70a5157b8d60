# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The databases of nodes, on PostgreSQL where not said otherwise: made, filled, dumped and dropped by the node's own access."""

# ruff: noqa: S608 - the values are the tests' own

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.moodle import Site
from support.postgresql import PostgreSQL
from support.repositories import call_module

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.php import Php
from ansible_collections.lms.moodle.plugins.module_utils.fleet.desk import Desk

PHP = Path(__file__).resolve().parents[2] / "plugins" / "php"
NAME = "node-1"
HOSTILE = r"a 'word'; \. \! \N -- é漢"


class Databases:
    """Orders about one node's database."""

    def __init__(self, desk: Desk, server: PostgreSQL) -> None:
        self.desk = desk
        self.row = {
            "vdbtype": "pgsql",
            # As Moodle reaches a server by its socket, whatever the master's is.
            "vdbhost": str(server.directory),
            "vdblogin": server.user,
            "vdbpass": server.password,
            "vdbname": NAME,
            "vdbprefix": "mdl_",
        }

    def order(self, do: str, **words: Any) -> Any:
        return self.desk.order(do, "It failed", row=self.row, **words)


@pytest.fixture
def databases(standin_site: Site, postgresql_server: PostgreSQL) -> Iterator[Databases]:
    options = [f"{name}={value}" for name, value in standin_site.php_settings().items()]
    with Desk.open(Php("php", PHP, options), standin_site.code) as desk:
        yield Databases(desk, postgresql_server)
    postgresql_server.execute(f'DROP DATABASE IF EXISTS "{NAME}"')


@pytest.fixture
def dump(postgresql_server: PostgreSQL, tmp_path: Path) -> Path:
    """A Moodle's dump, as far as it is looked at."""
    postgresql_server.create("original")
    postgresql_server.execute("CREATE TABLE mdl_config (id BIGSERIAL PRIMARY KEY, name TEXT, value TEXT)", "original")
    postgresql_server.execute(f"INSERT INTO mdl_config (name, value) VALUES ('version', '1'), ('odd', $text${HOSTILE}$text$)", "original")
    return postgresql_server.dump("original", tmp_path / "original.sql")


def test_a_database_is_made_filled_dumped_and_dropped(
    databases: Databases, postgresql_server: PostgreSQL, dump: Path, tmp_path: Path
) -> None:
    assert databases.order("examine") == {"exists": False, "tables": 0, "masters": False}
    databases.order("create_database")
    databases.order("restore", file=str(dump))
    assert databases.order("examine") == {"exists": True, "tables": 1, "masters": False}
    assert databases.order("settings", names=["odd"], components=[]) == {"odd": HOSTILE}
    kept = tmp_path / "kept.sql.gz"
    databases.order("dump", file=str(kept))
    assert databases.order("size") >= kept.stat().st_size
    assert HOSTILE.split(maxsplit=1)[0] in gzip.decompress(kept.read_bytes()).decode()
    databases.order("check_dump", file=str(kept))

    postgresql_server.execute("CREATE TABLE precious (id INT)", NAME)
    assert databases.order("remove_database", drop=True) == "emptied"
    assert databases.order("examine")["tables"] == 1, "what is not the node's stays"
    postgresql_server.execute("DROP TABLE precious", NAME)
    assert databases.order("remove_database", drop=True) == "dropped"
    assert databases.order("remove_database", drop=True) == "gone"


@pytest.mark.parametrize(
    "line", ["\\! touch /tmp/never", "\\connect original", "\\c original", "DROP DATABASE original;", "create role x;"]
)
def test_a_dump_that_reaches_beyond_is_refused(databases: Databases, dump: Path, line: str) -> None:
    databases.order("create_database")
    text = dump.read_text()
    # Among the rows the same words are data.
    dump.write_text(text.replace("--\n", f"{line}\n--\n", 1))
    with pytest.raises(MoodleError, match="would reach beyond the node's database"):
        databases.order("restore", file=str(dump))
    assert databases.order("examine")["tables"] == 0


def test_the_masters_database_is_known_by_its_content_and_a_copy_of_it_is_none(standin_site: Site, databases: Databases) -> None:
    server = standin_site.server
    access = {"vdbtype": "mariadb", "vdbhost": server.host, "vdblogin": server.user, "vdbpass": server.password, "vdbprefix": "mdl_"}
    copy = standin_site.add_node("copied")
    same = f"SELECT value FROM {standin_site.database}.mdl_config WHERE name = 'siteidentifier'"
    server.execute(f"UPDATE mdl_config SET value = ({same}) WHERE name = 'siteidentifier'", copy.database)
    # As VMoodle leaves its copies: with the identifier of the master, and a cookie of their own.
    server.execute("INSERT INTO mdl_config (name, value) VALUES ('sessioncookie', 'copied')", copy.database)
    for name, masters in ((standin_site.database, True), (copy.database, False)):
        databases.row = {**access, "vdbname": name}
        assert databases.order("examine")["masters"] is masters


def test_the_states_of_nodes_on_postgresql_are_told_beside_those_on_mariadb(standin_site: Site, postgresql_server: PostgreSQL) -> None:
    near = standin_site.add_node("near")
    hash_of_master = standin_site.config("allversionshash")
    postgresql_server.create(NAME)
    for table, columns in (("mdl_config", "name TEXT, value TEXT"), ("mdl_config_plugins", "plugin TEXT, name TEXT, value TEXT")):
        postgresql_server.execute(f"CREATE TABLE {table} ({columns})", NAME)
    settings = {"version": "2023042400", "release": "4.2 (Build: 20230424)", "allversionshash": hash_of_master, "maintenance_enabled": "1"}
    for name, value in settings.items():
        postgresql_server.execute(f"INSERT INTO mdl_config VALUES ('{name}', '{value}')", NAME)
    postgresql_server.execute("INSERT INTO mdl_config_plugins VALUES ('tool_task', 'lastcronstart', '1700000000')", NAME)
    addresses = {name: f"http://{name}.far.test" for name in ("good", "locked", "missing")}
    for name, address in addresses.items():
        password = "wrong" if name == "locked" else postgresql_server.password
        database = {"good": NAME, "locked": "postgres", "missing": "nowhere"}[name]
        standin_site.query(
            "INSERT INTO mdl_local_vmoodle (name, shortname, description, vhostname, vdbtype, vdbhost, vdblogin, vdbpass, vdbname,"
            " vdbprefix, vdbpersist, vdatapath, mnet, enabled, timecreated)"
            f" VALUES ('{name}', '{name}', '', '{address}', 'pgsql', '{postgresql_server.directory}', '{postgresql_server.user}',"
            f" '{password}', '{database}', 'mdl_', 0, '{near.dataroot}', 0, 1, 0)"
        )
    try:
        options = [f"{name}={value}" for name, value in standin_site.php_settings().items()]
        told = call_module("vmoodle_node_info", {"moodle": str(standin_site.code), "php_options": options, "_php": str(PHP)})
        found = {node["wwwroot"]: node for node in told["nodes"]}
    finally:
        standin_site.query("DELETE FROM mdl_local_vmoodle WHERE vhostname LIKE '%.far.test'")
    good = found[addresses["good"]]
    assert (good["reachable"], good["error"], good["version"], good["maintenance"]) == (True, None, 2023042400, True), good
    assert (good["release"], good["upgrade_pending"], good["lastcron"]) == (settings["release"], False, 1700000000)
    assert "authentication failed" in found[addresses["locked"]]["error"]
    assert '"nowhere" does not exist' in found[addresses["missing"]]["error"]
    assert found[near.wwwroot]["reachable"] is True, "servers of both kinds are asked in one process"
    assert "vdbpass" not in str(told)
