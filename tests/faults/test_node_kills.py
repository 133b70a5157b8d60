# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node whose making or removal is killed at any point: nothing else is touched, and the next call comes to what was asked for.

The kill comes just before each write in turn, and just before each order about the registry or a database.
"""
# ruff: noqa: S608 - the values are the tests' own

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.kills import killed_at
from support.mariadb import MariaDB
from support.moodle import Site, installed_site
from support.nodes import Node
from support.options import defaults
from support.platforms import Platform
from support.repositories import listing

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.opcache import opcache_folder
from ansible_collections.lms.moodle.plugins.module_utils.fleet.desk import Desk
from ansible_collections.lms.moodle.plugins.modules import vmoodle_node
from ansible_collections.lms.moodle.plugins.modules.vmoodle_node import VmoodleNode

PHP = Path(__file__).resolve().parents[2] / "plugins" / "php"
ADDRESS = "http://made.campus.test"


class Bench:
    """A VMoodle with one node to copy."""

    def __init__(self, site: Site, alpha: Node) -> None:
        self.site, self.alpha = site, alpha
        self.database, self.data = f"{site.database}_made", site.dataroot.parent / "data-made"

    def ask(self, **wish: Any) -> dict[str, Any]:
        fixed = {
            "moodle": str(self.site.code),
            "wwwroot": ADDRESS,
            "_php": str(PHP),
            "php_options": [f"{name}={value}" for name, value in self.site.php_settings().items()],
            "timeout": 600,
        }
        return VmoodleNode({**defaults(vmoodle_node), **fixed, **wish}, False, Background(None)).run()

    def make(self) -> dict[str, Any]:
        server = self.site.server
        place = {"dbname": self.database, "dbuser": server.user, "dbpass": server.password, "datapath": str(self.data)}
        return self.ask(template="alpha", **place)

    def remove(self) -> dict[str, Any]:
        return self.ask(state="absent", confirm=ADDRESS, snapshot="last")

    def others(self) -> tuple[Any, ...]:
        """All that is not the node's."""
        rows = self.site.query(f"SELECT * FROM mdl_local_vmoodle WHERE vhostname <> '{ADDRESS}'")
        content = [self.site.query("SELECT * FROM mdl_config ORDER BY id", node) for node in (None, self.alpha)]
        return rows, content, {name: found[-1] for name, found in listing(self.alpha.dataroot).items() if "cache" not in name}

    def traces(self) -> tuple[Any, ...]:
        """All by which the node could be noticed."""
        marks = self.site.query("SELECT * FROM mdl_config_plugins WHERE plugin = 'lms_moodle_nodes'")
        rows = self.site.query(f"SELECT id FROM mdl_local_vmoodle WHERE vhostname = '{ADDRESS}'")
        return self.database in self.site.server.databases(), sorted(self.data.parent.glob("*data-made*")), rows, marks

    def assert_made(self) -> None:
        made = Node("made", ADDRESS, self.database, self.data)
        identifiers = {self.site.config("siteidentifier", node) for node in (None, self.alpha, made)}
        assert len(identifiers - {None}) == 3
        assert not (self.data / "climaintenance.html").exists()
        assert (self.data / "filedir" / "paper").read_text() == "paper"
        assert not list(self.data.glob(".lms-moodle*"))
        there, folders, rows, marks = self.traces()
        assert (there, folders, len(rows), marks) == (True, [self.data], 1, [])


@pytest.fixture(scope="module")
def bench(standin_platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    site = installed_site(standin_platform, tmp_path_factory.mktemp("kills"), database_server)
    alpha = site.add_node("alpha")
    (alpha.dataroot / "filedir").mkdir()
    (alpha.dataroot / "filedir" / "paper").write_text("paper")
    opcache_folder(site.code)
    bench, order = Bench(site, alpha), Desk.order

    def announced(*words: Any, **more: Any) -> Any:
        # An order goes through a pipe, which is no write that would be counted.
        sys.audit("os.rename", "", "", -1, -1)
        return order(*words, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Desk, "order", announced)
        yield bench


def test_a_node_whose_making_is_killed_at_any_point_is_made_by_the_next_call(
    bench: Bench, record_property: Callable[[str, object], None]
) -> None:
    bench.make()
    bench.assert_made()
    bench.ask(state="absent", confirm=ADDRESS, snapshot_first=False)
    others, nothing = bench.others(), bench.traces()
    points = 0
    while killed_at(points + 1, bench.make):
        points += 1
        assert bench.others() == others, f"killed at {points}"
        if points % 2:
            bench.make()
            bench.assert_made()
        bench.ask(state="absent", confirm=ADDRESS, snapshot_first=False)
        assert bench.traces() == nothing, f"killed at {points}, then removed"
        assert bench.others() == others, f"killed at {points}, then removed"
    bench.assert_made()
    bench.ask(state="absent", confirm=ADDRESS, snapshot_first=False)
    assert points > 15
    record_property("points", points)


def test_a_node_whose_removal_is_killed_at_any_point_is_removed_by_the_next_call(
    bench: Bench, record_property: Callable[[str, object], None]
) -> None:
    others, nothing = bench.others(), bench.traces()
    points = 0
    while True:
        bench.make()
        if not killed_at(points + 1, bench.remove):
            break
        points += 1
        bench.remove()
        assert bench.traces() == nothing, f"killed at {points}, then called again"
        assert bench.others() == others, f"killed at {points}, then called again"
        last = bench.site.dataroot / "lms_moodle" / "snapshots" / "made.campus.test" / "last"
        assert sorted(path.name for path in last.iterdir()) == ["data.tar", "database.sql.gz", "snapshot.json"]
        assert [path.name for path in last.parent.iterdir()] == ["last"], "no half of one is left"
        for path in (*last.iterdir(), last):
            path.rmdir() if path.is_dir() else path.unlink()
    assert bench.traces() == nothing
    assert points > 10
    record_property("points", points)
