# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a delivery does with a database as a whole, on PostgreSQL: only config.php is asked, so that no Moodle is needed."""
# ruff: noqa: S608 - the values are the tests' own

from __future__ import annotations

import gzip
import stat
from pathlib import Path

import pytest
from support.postgresql import PostgreSQL
from support.process import Result, program, run

TOOL = Path(__file__).resolve().parents[2] / "plugins" / "php" / "database.php"
TABLES = "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
HOSTILE = 'it\'s \\ a "word"\nof two lines; \\. DROP TABLE mdl_config; -- é漢\U0001f600'


class Site:
    """A config.php, and a database with a table of Moodle's, a sequence and one table that is not Moodle's."""

    def __init__(self, folder: Path, server: PostgreSQL, *, prefix: str = "mdl_", schema: str = "public") -> None:
        self.folder, self.server, self.schema = folder, server, schema
        server.create("campus")
        self.execute(
            f"""
            CREATE SCHEMA IF NOT EXISTS {schema};
            CREATE TABLE {schema}."{prefix}config" (id BIGSERIAL PRIMARY KEY, value TEXT NOT NULL);
            CREATE TABLE {schema}.other (id INT);
            CREATE TABLE {schema}."{prefix.replace("_", "x")}near" (id INT);
            """
        )
        self.config = f'{schema}."{prefix}config"'
        self.add(HOSTILE)
        self.say()

    def say(self, **settings: str) -> None:
        schema = "" if self.schema == "public" else self.schema
        more = "".join(f"$CFG->{name} = '{value}';\n" for name, value in settings.items())
        prefix = self.config.split('"')[1].removesuffix("config")
        (self.folder / "config.php").write_text(
            f"<?php $CFG = new stdClass();\n$CFG->dbtype = 'pgsql';\n$CFG->dbhost = '{self.server.host}';\n$CFG->dbname = 'campus';\n"
            f"$CFG->dbuser = '{self.server.user}';\n$CFG->dbpass = '{self.server.password}';\n$CFG->prefix = '{prefix}';\n"
            f"$CFG->dboptions = {self.server.dboptions} + ['dbport' => '', 'dbschema' => '{schema}'];\n{more}"
        )

    def execute(self, sql: str, database: str = "campus") -> list[dict[str, str | None]]:
        return self.server.execute(sql, database)

    def add(self, value: str) -> None:
        self.execute(f"INSERT INTO {self.config} (value) VALUES ($text${value}$text$)")

    def values(self, database: str = "campus") -> list[str | None]:
        return [row["value"] for row in self.execute(f"SELECT value FROM {self.config} ORDER BY id", database)]

    def tables(self, database: str = "campus") -> set[str | None]:
        return {row["name"] for row in self.execute(TABLES, database)}

    def tool(self, *words: str | Path) -> Result:
        return run([program("php", "php-cli"), TOOL, self.folder, *words])


@pytest.fixture(params=["mdl_", "Odd.$*_", "of a schema"])
def site(request: pytest.FixtureRequest, tmp_path: Path, postgresql_server: PostgreSQL) -> Site:
    if request.param == "of a schema":
        return Site(tmp_path, postgresql_server, schema="moodle")
    return Site(tmp_path, postgresql_server, prefix=request.param)


def test_a_dump_restores_what_was_there_and_nothing_else_is_touched(site: Site, tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql.gz"
    done = site.tool("dump", dump)
    assert done.rc == 0, done.err
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.php", "dump.sql.gz"]
    before = site.tables()
    site.add("changed")
    site.execute(f"CREATE TABLE {site.config.replace('config', 'newer')} (id INT REFERENCES {site.config})")
    site.execute(f"INSERT INTO {site.schema}.other VALUES (7)")
    done = site.tool("restore", dump)
    assert done.rc == 0, done.err
    assert site.values() == [HOSTILE]
    assert site.tables() == before
    assert site.execute(f"SELECT id FROM {site.schema}.other") == [{"id": "7"}], "what is not Moodle's stays as it is"
    site.add("the sequence goes on")
    assert site.values() == [HOSTILE, "the sequence goes on"]


@pytest.mark.parametrize("damage", ["cut off", "empty", "missing", "no dump"])
def test_a_dump_that_is_not_whole_is_not_restored(tmp_path: Path, postgresql_server: PostgreSQL, damage: str) -> None:
    site = Site(tmp_path, postgresql_server)
    dump = tmp_path / "dump.sql.gz"
    assert site.tool("dump", dump).rc == 0
    data = dump.read_bytes()
    if damage == "missing":
        dump.unlink()
    else:
        dump.write_bytes({"cut off": data[:-200], "empty": b"", "no dump": gzip.compress(b"SELECT 1;")}[damage])
    done = site.tool("restore", dump)
    assert done.rc == 1
    assert str(dump) in done.err
    assert site.values() == [HOSTILE]


def test_a_copy_is_another_database_and_is_emptied(tmp_path: Path, postgresql_server: PostgreSQL) -> None:
    site = Site(tmp_path, postgresql_server)
    postgresql_server.create("copied")
    for _turn in range(2):
        done = site.tool("copy", "copied")
        assert done.rc == 0, done.err
        assert site.values("copied") == [HOSTILE]
    assert site.tool("clear", "copied").rc == 0
    assert site.tables("copied") == set()
    assert site.values() == [HOSTILE]


def test_the_sites_own_database_is_no_copy(tmp_path: Path, postgresql_server: PostgreSQL) -> None:
    site = Site(tmp_path, postgresql_server)
    for action in ("clear", "copy"):
        done = site.tool(action, "campus")
        assert done.rc == 1
        assert "own database" in done.err
    assert site.values() == [HOSTILE]


@pytest.mark.parametrize("action", ["dump", "restore"])
def test_a_server_that_refuses_is_named_and_no_password_shows(tmp_path: Path, postgresql_server: PostgreSQL, action: str) -> None:
    site = Site(tmp_path, postgresql_server)
    dump = tmp_path / "dump.sql.gz"
    assert site.tool("dump", dump).rc == 0
    site.say(dbuser="stranger", dbpass="hush-hush")
    done = site.tool(action, dump if action == "restore" else tmp_path / "other.sql.gz")
    assert done.rc == 1
    assert "stranger" in done.err
    assert "hush" not in done.out + done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.php", "dump.sql.gz"]
    assert site.values() == [HOSTILE]
