# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes that are made, changed, copied, kept in snapshots and removed, on the stand-in and on the real Moodle."""

# ruff: noqa: S608 - the values are the tests' own

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.mariadb import MariaDB
from support.moodle import Site
from support.nodes import Node, register_node
from support.process import program
from support.repositories import call_module

PHP = Path(__file__).resolve().parents[2] / "plugins" / "php"
ADDRESS = "http://made.campus.test"
PASSWORD = 'Sesame\'s \\ "open" = #1'  # noqa: S105 - of a database that lives as long as a test


@pytest.fixture(autouse=True, scope="module")
def folder_of_the_master(site: Site) -> None:
    """What the first call makes beside the master's data is no trace of a node."""
    (site.dataroot / "lms_moodle").mkdir(exist_ok=True)


class Nodes:
    """The module on a site, and what it leaves."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.made: list[str] = []
        self.folder = site.dataroot.parent

    def ask(self, wwwroot: str | None = ADDRESS, *, check: bool = False, programs: str = "", **wish: Any) -> dict[str, Any]:
        settings = [f"{name}={value}" for name, value in self.site.php_settings().items()]
        given = {"moodle": str(self.site.code), "php_options": settings, "_php": str(PHP), "wwwroot": wwwroot, **wish}
        return call_module(
            "vmoodle_node",
            {name: value for name, value in given.items() if value is not None},
            check=check,
            PATH=programs or os.environ["PATH"],
        )

    def place(self, name: str = "made") -> dict[str, str]:
        """Where the node is to be, with a user who has no right beside its database."""
        database = f"{self.site.database}_{name}"
        self.made.append(database)
        user = database.replace("_", "")
        assert isinstance(self.site.server, MariaDB)
        self.site.server.add_user(user, PASSWORD, database)
        return {"dbname": database, "dbuser": user, "dbpass": PASSWORD, "datapath": str(self.folder / f"data-{name}")}

    def node(self, name: str = "made") -> Node:
        return Node(name, f"http://{name}.campus.test", f"{self.site.database}_{name}", self.folder / f"data-{name}")

    def row(self, wwwroot: str = ADDRESS) -> dict[str, str | None] | None:
        rows = self.site.query(f"SELECT * FROM mdl_local_vmoodle WHERE vhostname = '{wwwroot}'")
        return rows[0] if rows else None

    def traces(self) -> tuple[list[str], list[str], list[dict[str, str | None]], list[dict[str, str | None]]]:
        """All by which a node could be noticed."""
        rows = self.site.query("SELECT * FROM mdl_local_vmoodle ORDER BY id")
        marks = self.site.query("SELECT * FROM mdl_config_plugins WHERE plugin = 'lms_moodle_nodes'")
        return sorted(self.site.server.databases()), sorted(path.name for path in self.folder.iterdir()), rows, marks

    def sweep(self) -> None:
        for database in self.made:
            self.site.server.drop(database)
            shutil.rmtree(self.folder / f"data-{database.rpartition('_')[2]}", ignore_errors=True)
            self.site.query(f"DELETE FROM mdl_local_vmoodle WHERE vdbname = '{database}'")
        self.site.query("DELETE FROM mdl_config_plugins WHERE plugin = 'lms_moodle_nodes'")


@pytest.fixture
def nodes(site: Site) -> Iterator[Nodes]:
    nodes = Nodes(site)
    yield nodes
    nodes.sweep()


def test_a_node_begins_empty_by_moodles_own_installation(nodes: Nodes, site: Site) -> None:
    odd = "Fac; DROP TABLE \"x\" 'y' --help $(id)"
    wish = {**nodes.place(), "name": odd, "shortname": "made", "config": {"colour": "r'\"ed", "mod_board|limit": 7}}
    before = nodes.traces()
    told = nodes.ask(check=True, **wish)
    assert (told["changed"], told["node"]["name"]) == (True, odd), told
    assert nodes.traces() == before

    told = nodes.ask(**wish)
    assert told.get("actions") == ["made from an empty installation"], told
    node, row = nodes.node(), nodes.row()
    assert row is not None
    assert (row["name"], row["enabled"], row["vdbname"]) == (odd, "1", node.database)
    assert not (node.dataroot / "climaintenance.html").exists()
    assert site.cli("admin/cli/cfg.php", "--name=colour", node=node).out == "r'\"ed\n"
    assert site.query("SELECT fullname FROM mdl_course WHERE category = 0", node) == [{"fullname": odd}]
    assert site.config("siteidentifier", node) not in (None, site.config("siteidentifier"))
    admins = "SELECT password FROM mdl_user WHERE username = 'admin'"
    assert site.query(admins, node) == site.query(admins)
    assert not any(secret in json.dumps(told["diff"]) + told.get("msg", "") for secret in ("Sesame", "r'"))

    assert nodes.ask(**wish)["changed"] is False
    told = nodes.ask(enabled=False, config={"colour": "blue"}, name="Other")
    assert told["actions"] == ["changed name, enabled", "set colour"], told
    assert site.config("colour", node) == "blue"
    assert nodes.ask(enabled=False, config={"colour": "blue"}, name="Other")["changed"] is False
    told = nodes.ask(dbname="elsewhere")
    assert "are not moved" in told["msg"]


def test_a_copy_is_another_site(nodes: Nodes, site: Site, alpha: Node) -> None:
    (alpha.dataroot / "filedir").mkdir(exist_ok=True)
    (alpha.dataroot / "filedir" / "content").write_text("kept")
    (alpha.dataroot / "cache").mkdir(exist_ok=True)
    (alpha.dataroot / "cache" / "core_component.php").write_text("<?php // of alpha")
    (alpha.dataroot / "link").symlink_to(site.dataroot)
    mark = secrets.token_hex(4)
    site.query(f"UPDATE mdl_course SET summary = 'see {alpha.wwwroot}/course/{mark}' WHERE category = 0", alpha)
    site.cli("admin/cli/cfg.php", "--name=supportpage", f"--set={alpha.wwwroot}/help", node=alpha).must_succeed()
    site.cli("admin/cli/cfg.php", "--component=tool_task", "--name=lastcronstart", "--set=123", node=alpha).must_succeed()
    try:
        told = nodes.ask(template="alpha", mnet=1, **nodes.place())
        assert told.get("actions") == ["made from alpha"], told
    finally:
        (alpha.dataroot / "link").unlink()
    copy = nodes.node()
    assert (copy.dataroot / "filedir" / "content").read_text() == "kept"
    assert (copy.dataroot / "filedir" / "content").stat().st_ino != (alpha.dataroot / "filedir" / "content").stat().st_ino
    assert not (copy.dataroot / "link").exists()
    assert "of alpha" not in "".join(path.read_text(errors="replace") for path in copy.dataroot.rglob("core_component.php"))
    assert site.query("SELECT COUNT(*) AS n FROM mdl_course WHERE summary LIKE '%alpha.campus.test%'", copy) == [{"n": "0"}]
    assert site.config("supportpage", copy) == f"{copy.wwwroot}/help"
    identifiers = {site.config("siteidentifier", node) for node in (None, alpha, copy)}
    assert len(identifiers) == 3
    assert not site.query("SELECT value FROM mdl_config_plugins WHERE plugin = 'tool_task' AND name = 'lastcronstart'", copy)
    own = "SELECT h.* FROM mdl_mnet_host h JOIN mdl_config c ON c.value = h.id AND c.name = 'mnet_localhost_id'"
    ((host,), (other,)) = site.query(own, copy), site.query(own, alpha)
    assert (host["wwwroot"], site.config("mnet_dispatcher_mode", copy)) == (copy.wwwroot, "strict")
    if "public_key" in host:
        # The stand-in has no keys.
        assert (host["public_key"] or "").startswith("-----BEGIN CERTIFICATE")
        assert host["public_key"] != other["public_key"]
    assert site.config("supportpage", alpha) == f"{alpha.wwwroot}/help", "the template stays as it is"


def test_a_node_is_removed_after_a_snapshot_and_comes_back_from_it_as_it_was(nodes: Nodes, site: Site, alpha: Node, tmp_path: Path) -> None:
    place = nodes.place()
    before = nodes.traces()
    assert "actions" in nodes.ask(template=alpha.wwwroot, **place)
    node = nodes.node()
    (node.dataroot / "filedir").mkdir(exist_ok=True)
    (node.dataroot / "filedir" / "paper").write_text("paper")
    identifier = site.config("siteidentifier", node)
    assert "'confirm' must be" in nodes.ask(state="absent")["msg"]
    assert "'confirm' must be" in nodes.ask(state="absent", confirm="http://made.campus.tes")["msg"]
    assert nodes.ask(state="absent", confirm=ADDRESS, snapshots=str(tmp_path), check=True)["changed"] is True
    assert nodes.row()
    columns = ", ".join(str(row["Field"]) for row in site.query("SHOW COLUMNS FROM mdl_mnet_host") if row["Field"] not in ("id", "wwwroot"))
    site.query(f"INSERT INTO mdl_mnet_host (wwwroot, {columns}) SELECT '{ADDRESS}', {columns} FROM mdl_mnet_host LIMIT 1")
    told = nodes.ask(state="absent", confirm=ADDRESS, snapshots=str(tmp_path), snapshot="last")
    assert told.get("actions") == ["snapshot last", "removed"], told
    assert nodes.traces() == before, told
    assert not site.query(f"SELECT id FROM mdl_mnet_host WHERE wwwroot = '{ADDRESS}'"), "the master knows it no more as a peer"
    assert nodes.ask(state="absent", confirm=ADDRESS)["changed"] is False
    folder = Path(told["snapshot"])
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}
    told = nodes.ask(dump=str(folder), **place)
    assert "actions" in told, told
    assert site.config("siteidentifier", node) == identifier
    assert (node.dataroot / "filedir" / "paper").read_text() == "paper"

    content = (folder / "data.tar").read_bytes()
    (folder / "data.tar").write_bytes(content[:-2000] + b"x" * 2000)
    told = nodes.ask(state="present", snapshot="last", snapshots=str(tmp_path))
    assert "is damaged" in told["msg"]


def test_a_node_that_is_removed_is_nobodys_peer_any_more(nodes: Nodes, site: Site, alpha: Node, beta: Node) -> None:
    """Nor of a node that cannot be asked, which is said; those of another network and people who came from there stay as they are."""
    wish = {**nodes.place(), "mnet": 7}
    assert "actions" in nodes.ask(template="alpha", **wish)
    gone = Node("gone", "http://gone.campus.test", f"{site.database}_gone", nodes.folder / "data-gone")
    register_node(site.server, master=site.database, node=gone)
    columns = ", ".join(str(row["Field"]) for row in site.query("SHOW COLUMNS FROM mdl_mnet_host") if row["Field"] not in ("id", "wwwroot"))
    peer = f"INSERT INTO mdl_mnet_host (wwwroot, {columns}) SELECT '{ADDRESS}', {columns} FROM mdl_mnet_host LIMIT 1"
    of_peer = f"SELECT deleted FROM mdl_mnet_host WHERE wwwroot = '{ADDRESS}'"
    came = f"UPDATE mdl_user SET mnethostid = (SELECT id FROM mdl_mnet_host WHERE wwwroot = '{ADDRESS}') WHERE username = 'guest'"
    try:
        site.query(f"UPDATE mdl_local_vmoodle SET mnet = 7 WHERE name IN ('{alpha.name}', '{gone.name}')")
        for node in (None, alpha, beta):
            site.query(peer, node)
        site.query(came)
        told = nodes.ask(state="absent", confirm=ADDRESS, snapshot_first=False)
        assert told.get("actions") == ["removed"], told
        assert [site.query(of_peer, node) for node in (None, alpha, beta)] == [
            [{"deleted": "1"}],
            [{"deleted": "1"}],
            [{"deleted": "0"}],
        ], told
        assert re.search(f"{ADDRESS} is still a peer of {gone.wwwroot} \\(Unknown database [^,]*\\)\\.", json.dumps(told["warnings"])), told
    finally:
        site.query(
            "UPDATE mdl_user SET mnethostid = (SELECT value FROM mdl_config WHERE name = 'mnet_localhost_id') WHERE username = 'guest'"
        )
        for node in (None, alpha, beta):
            site.query(f"DELETE FROM mdl_mnet_host WHERE wwwroot = '{ADDRESS}'", node)
        site.query(f"DELETE FROM mdl_local_vmoodle WHERE name = '{gone.name}'")
        site.query(f"UPDATE mdl_local_vmoodle SET mnet = 0 WHERE name = '{alpha.name}'")


def test_no_password_is_on_a_command_line(nodes: Nodes, site: Site, alpha: Node, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "bin").mkdir()
    for name in ("php", "mariadb", "mariadb-dump", "setpriv"):
        real = program(name, "what the other tests need")
        wrapper = tmp_path / "bin" / name
        wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$@" >> {seen}\nexec {real} "$@"\n')
        wrapper.chmod(0o755)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    told = nodes.ask(template="alpha", config={"secret": "Sesame-2"}, snapshot="kept", programs=path, **nodes.place())
    assert "actions" in told, told
    words = seen.read_text()
    assert {"php", "mariadb", "mariadb-dump"} <= set(words.splitlines())
    assert "Sesame" not in words
    assert site.config("secret", nodes.node()) == "Sesame-2"


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"wwwroot": "made.campus.test"}, "is no plain http(s) address"),
        ({"wwwroot": "http://made.campus.test' OR '1'='1"}, "is no plain http(s) address"),
        ({"wwwroot": "http://ALPHA.campus.test", "dbname": "other"}, "are not moved"),
        ({"dbname": None}, "say its dbname"),
        ({"dbname": "x`; DROP DATABASE y; --"}, "is no name for a node's database"),
        ({"dbname": "mysql"}, "is no name for a node's database"),
        ({"dbprefix": "mdl_; --"}, "is no prefix of Moodle's tables"),
        ({"dbpass": "a\nhost=evil"}, "control character"),
        ({"dbpass": "x" * 33}, "longer than the 32 characters"),
        ({"datapath": "/"}, "at least two folders deep"),
        ({"datapath": "/srv/../etc/moodle"}, "at least two folders deep"),
        ({"datapath": "/none/of/these/data"}, "is no folder in which this user can make"),
        ({"dump": "/none/dump.sql"}, "there is no such file"),
        ({"template": "nobody"}, "the registry has 0 such nodes"),
        ({"template": "alpha", "dbprefix": "other_"}, "a copy needs the same"),
        ({"config": {"siteidentifier": "x"}}, "by which Moodle itself keeps order"),
        ({"config": {"a b": "x"}}, "no name of a setting"),
        ({"snapshot": "../x"}, "is no name for a snapshot"),
        ({"state": "upgraded"}, "has no such node"),
        ({"dbpass": "wrong"}, "Access denied"),
        ({"nodes_file": "/none/nodes.csv", "wwwroot": None}, "mutually exclusive"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_refused_in_words_and_touches_nothing(nodes: Nodes, alpha: Node, wish: dict[str, Any], says: str) -> None:
    asked = {**nodes.place(), **wish}
    before = nodes.traces()
    told = nodes.ask(**asked)
    assert says in told["msg"], told
    assert nodes.traces() == before


def test_nothing_of_another_site_is_taken_or_removed(nodes: Nodes, site: Site, alpha: Node) -> None:
    place = nodes.place()
    taken: dict[str, tuple[dict[str, str], str]] = {
        "master's database": ({"dbname": site.database.upper()}, "is that of"),
        "node's database": ({"dbname": alpha.database, "dbhost": "127.0.0.1"}, "is that of"),
        "master's data": ({"datapath": str(site.dataroot / "inside")}, "lie one in the other"),
        "node's data": ({"datapath": str(alpha.dataroot)}, "lie one in the other"),
        "above the code": ({"datapath": str(site.code.parent)}, "lie one in the other"),
        "by a link": ({"datapath": str(nodes.folder / "by-a-link" / "inside")}, "lie one in the other"),
    }
    (nodes.folder / "by-a-link").symlink_to(site.dataroot)
    before = nodes.traces()
    for name, (wish, says) in taken.items():
        assert says in nodes.ask(**{**place, **wish})["msg"], name
    site.server.create(place["dbname"])
    site.query(f"CREATE TABLE {place['dbname']}.precious (id INT)")
    assert "holds 1 tables" in nodes.ask(**place)["msg"]
    site.server.drop(place["dbname"])
    (nodes.folder / "data-made").mkdir()
    (nodes.folder / "data-made" / "precious").touch()
    assert "not an empty folder" in nodes.ask(**place)["msg"]
    shutil.rmtree(nodes.folder / "data-made")
    assert nodes.traces() == before

    # Rows that others wrote.
    rows = {
        "masters": f"vdbname = '{site.database}', vdatapath = '{place['datapath']}'",
        "alias": f"vdbname = '{site.database}', vdbhost = '{site.server.socket}', vdatapath = '{place['datapath']}'",
        "shared": f"vdbname = '{alpha.database}', vdatapath = '{place['datapath']}'",
        "data": f"vdatapath = '{site.dataroot}/filedir'",
        "root": "vdatapath = '/srv'",
        "code": f"vdatapath = '{site.code.parent}'",
    }
    for name, change in rows.items():
        register_node(site.server, master=site.database, node=Node(name, ADDRESS, place["dbname"], Path(place["datapath"])))
        site.query(f"UPDATE mdl_local_vmoodle SET {change} WHERE vhostname = '{ADDRESS}'")
        was = nodes.traces()
        told = nodes.ask(state="absent", confirm=ADDRESS)
        assert told.get("failed"), (name, told)
        assert nodes.traces() == was, name
        site.query(f"DELETE FROM mdl_local_vmoodle WHERE vhostname = '{ADDRESS}'")
    (nodes.folder / "by-a-link").unlink()


def test_a_creation_that_fails_leaves_nothing_behind(nodes: Nodes, site: Site, alpha: Node, tmp_path: Path) -> None:
    place, before = nodes.place(), nodes.traces()
    dump = site.server.dump(alpha.database, tmp_path / "alpha.sql")
    text = dump.read_text(errors="surrogateescape")
    wrong = {
        "cut": (text[: len(text) // 2], "no whole dump"),
        "reaches out": (f"USE {site.database};\n{text}-- Dump completed\n", "would reach beyond"),
        "runs a program": (f"\\! touch {tmp_path}/run\n{text}-- Dump completed\n", "would reach beyond"),
        "nonsense": ("SELECT nonsense FROM nowhere;\n-- Dump completed\n", "nothing of it was left"),
        "no Moodle": ("CREATE TABLE strange (id INT);\n-- Dump completed\n", "nothing of it was left"),
    }
    for name, (content, says) in wrong.items():
        dump.write_text(content, errors="surrogateescape")
        assert says in nodes.ask(dump=str(dump), **place)["msg"], name
        assert nodes.traces() == before, name
    assert not (tmp_path / "run").exists()
    dump.write_text(text + "-- Dump completed\n", errors="surrogateescape")
    assert "actions" in nodes.ask(dump=str(dump), **place)
    assert site.config("siteidentifier", nodes.node()) != site.config("siteidentifier", alpha)


def test_a_list_of_nodes_is_brought_about_and_one_that_fails_stops_no_other(nodes: Nodes, site: Site, alpha: Node, tmp_path: Path) -> None:
    places = [nodes.place(name) for name in ("one", "two")]
    header = "vhostname;vtemplate;name;vdblogin;vdbpass;vdbname;vdatapath;config_colour;mod_board|limit"
    lines = [
        ";".join(
            (
                f"http://{place['datapath'].rpartition('-')[2]}.campus.test",
                "alpha",
                "A &#44 B",
                *list(place.values())[1:3],
                *odd,
                "green",
                "3",
            )
        )
        for place, odd in zip(places, ((places[0]["dbname"], places[0]["datapath"]), (places[1]["dbname"], "/none/of/these/data")))
    ]
    file = tmp_path / "nodes.csv"
    file.write_text("\n".join(["# nodes", "", header, *lines]) + "\n")
    told = nodes.ask(wwwroot=None, nodes_file=str(file))
    assert told["msg"].startswith("1 of 2 nodes failed: /none/of/these is no folder"), told
    assert [node["error"] is None for node in told["nodes"]] == [True, False]
    one = nodes.node("one")
    assert site.config("colour", one) == "green"
    assert site.query("SELECT fullname FROM mdl_course WHERE category = 0", one) == [{"fullname": "A ; B"}]
    file.write_text("\n".join([header, lines[0]]))
    assert nodes.ask(wwwroot=None, nodes_file=str(file))["changed"] is False
    file.write_text("\n".join([header, lines[0] + ";more", lines[0].replace("http", "ftp")]))
    before = nodes.traces()
    told = nodes.ask(wwwroot=None, nodes_file=str(file))
    assert "line 2: has 10 values, and the header 9 columns" in told["msg"]
    assert "line 3: 'wwwroot' is no plain http(s) address" in told["msg"]
    assert nodes.traces() == before
    file.write_text("\n".join([header, lines[0]]))
    assert "'confirm' must be 'nodes.csv'" in nodes.ask(wwwroot=None, nodes_file=str(file), state="absent")["msg"]
    told = nodes.ask(wwwroot=None, nodes_file=str(file), state="absent", confirm="nodes.csv", snapshot_first=False)
    assert told.get("changed") is True, told
    assert not nodes.row("http://one.campus.test")


def test_a_node_is_upgraded_only_when_that_is_pending(nodes: Nodes, site: Site, alpha: Node) -> None:
    assert "actions" in nodes.ask(template="alpha", **nodes.place())
    assert nodes.ask(state="upgraded")["changed"] is False
    site.query("UPDATE mdl_config SET value = 'older' WHERE name = 'allversionshash'", nodes.node())
    told = nodes.ask(state="upgraded", snapshot="before", check=True)
    assert told["actions"] == ["snapshot before", "upgraded"]
    told = nodes.ask(state="upgraded", snapshot="before")
    assert told.get("actions") == ["snapshot before", "upgraded"], told
    assert nodes.ask(state="upgraded", snapshot="before")["changed"] is False


def test_a_removal_whose_snapshot_fails_leaves_the_node_open(nodes: Nodes, site: Site, alpha: Node, tmp_path: Path) -> None:
    assert "actions" in nodes.ask(template="alpha", **nodes.place())
    before = nodes.traces()
    (tmp_path / "made.campus.test").touch()
    assert nodes.ask(state="absent", confirm=ADDRESS, snapshots=str(tmp_path), snapshot="last")["failed"]
    assert nodes.traces() == before
    assert not (nodes.node().dataroot / "climaintenance.html").exists()
    (tmp_path / "made.campus.test").unlink()
    assert nodes.ask(snapshots=str(tmp_path), snapshot="last")["changed"]
    told = nodes.ask(state="absent", confirm=ADDRESS, snapshots=str(tmp_path), snapshot="last")
    assert "it has an older snapshot 'last'" in told["msg"]
    assert nodes.traces() == before


def test_a_database_is_put_back_to_what_a_snapshot_holds(nodes: Nodes, site: Site, alpha: Node, tmp_path: Path) -> None:
    assert "actions" in nodes.ask(template="alpha", snapshot="before", snapshots=str(tmp_path), **nodes.place())
    node = nodes.node()
    title = site.query("SELECT fullname FROM mdl_course WHERE category = 0", node)
    site.query("UPDATE mdl_course SET fullname = 'Spoilt' WHERE category = 0", node)
    site.query("CREATE TABLE mdl_newer (id INT)", node)
    asked = {"restore": "before", "snapshots": str(tmp_path)}
    assert "'confirm' must be" in nodes.ask(**asked)["msg"]
    assert "has no snapshot 'never'" in nodes.ask(**{**asked, "restore": "never"}, confirm=ADDRESS)["msg"]
    assert "does not go with" in nodes.ask(**asked, confirm=ADDRESS, state="upgraded")["msg"]
    assert nodes.ask(**asked, confirm=ADDRESS, check=True)["changed"] is True
    assert site.query("SHOW TABLES LIKE 'mdl_newer'", node), "check mode looked only"

    (node.dataroot / "climaintenance.html").write_text("closed by hand")
    told = nodes.ask(**asked, confirm=ADDRESS)
    assert told.get("actions") == ["restored before"], told
    assert site.query("SELECT fullname FROM mdl_course WHERE category = 0", node) == title
    assert not site.query("SHOW TABLES LIKE 'mdl_newer'", node)
    assert (node.dataroot / "climaintenance.html").read_text() == "closed by hand"
    (node.dataroot / "climaintenance.html").unlink()
    assert "actions" in nodes.ask(**asked, confirm=ADDRESS)
    assert not (node.dataroot / "climaintenance.html").exists()


def test_where_there_is_no_room_nothing_is_begun(nodes: Nodes, site: Site, alpha: Node, tmp_path: Path) -> None:
    huge = alpha.dataroot / "filedir" / "huge"
    huge.parent.mkdir(exist_ok=True)
    try:
        with huge.open("wb") as file:
            file.truncate(8 << 40)
        before = nodes.traces()
        place = nodes.place()
        assert "nothing was touched" in nodes.ask(template="alpha", **place)["msg"]
        assert nodes.traces() == before
        told = nodes.ask(alpha.wwwroot, snapshot="huge", snapshots=str(tmp_path))
        assert "A snapshot of" in told["msg"], told
        assert "nothing was touched" in told["msg"]
        assert [path.name for path in tmp_path.rglob("*")] == [path.name for path in tmp_path.iterdir()], "no part of it is there"
    finally:
        huge.unlink()
