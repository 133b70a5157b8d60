# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The databases of nodes, on PostgreSQL where not said otherwise: made, filled, dumped and dropped by the node's own access."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.moodle import Site
from support.postgresql import PostgreSQL

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
    postgresql_server.execute(f"INSERT INTO mdl_config (name, value) VALUES ('version', '1'), ('odd', $text${HOSTILE}$text$)", "original")  # noqa: S608
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
    same = f"SELECT value FROM {standin_site.database}.mdl_config WHERE name = 'siteidentifier'"  # noqa: S608
    server.execute(f"UPDATE mdl_config SET value = ({same}) WHERE name = 'siteidentifier'", copy.database)  # noqa: S608
    # As VMoodle leaves its copies: with the identifier of the master, and a cookie of their own.
    server.execute("INSERT INTO mdl_config (name, value) VALUES ('sessioncookie', 'copied')", copy.database)
    for name, masters in ((standin_site.database, True), (copy.database, False)):
        databases.row = {**access, "vdbname": name}
        assert databases.order("examine")["masters"] is masters
