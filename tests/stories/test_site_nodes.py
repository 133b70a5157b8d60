# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A VMoodle, delivered by the playbooks: its nodes are made, and come along when its code is upgraded."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest
from support.campus import make_campus
from support.delivered_site import Played, Site
from support.mariadb import MariaDB

NODES = ("law", "art")


class Vmoodle(Site):
    """The site is the master of two nodes."""

    def declare(self, version: str) -> None:
        self.campus.declare(version, local_vmoodle="")

    def play(self, playbook: str, **more: t.Any) -> Played:
        """VMoodle knows no socket of the registry's database but PHP's own."""
        return super().play(playbook, moodle_php_options=[f"mysqli.default_socket={self.server.socket}"], **more)

    def deliver(self, **more: t.Any) -> Played:
        nodes = {"moodle_site_vmoodle": True, "moodle_upgrade_nodes": True, "moodle_upgrade_dir": str(self.campus.folder / "fleet")}
        return self.play("deliver", **nodes, **more)

    def of_node(self, node: str, setting: str) -> str:
        return str(self.server.execute(f"SELECT value FROM mdl_config WHERE name = '{setting}'", f"{self.name}_{node}")[0]["value"])  # noqa: S608

    def node_is_closed(self, node: str) -> bool:
        return (self.campus.folder / f"data-{node}" / "climaintenance.html").exists()


@pytest.fixture(scope="module", params=["newest", "oldest"])
def site(request: pytest.FixtureRequest, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Vmoodle:
    """On 4.2, with its nodes made by the playbook; once with the oldest ansible-core that is allowed."""
    programs = request.getfixturevalue("oldest") if request.param == "oldest" else Path(sys.executable).parent
    campus = make_campus(tmp_path_factory.mktemp("campus"))
    site = Vmoodle(campus, database_server, f"site_with_nodes_{request.param}", programs)
    site.declare("4.2.0")
    first = site.deliver()
    assert first.code == 0, first.said[-3000:]
    access = {"dbhost": site.server.host, "dbuser": site.server.user, "dbpass": site.server.password}
    nodes = [
        {
            "wwwroot": f"http://{name}.campus.test",
            "dbname": f"{site.name}_{name}",
            "datapath": str(campus.folder / f"data-{name}"),
            **access,
        }
        for name in NODES
    ]
    (site.campus.folder / "nodes.json").write_text(json.dumps(nodes))
    made = site.play("fleet_nodes", moodle_nodes_file=str(site.campus.folder / "nodes.json"))
    assert made.code == 0, made.said[-3000:]
    return site


def test_a_node_that_cannot_be_asked_stops_the_delivery_and_the_others_are_open(site: Vmoodle) -> None:
    site.declare("4.3.0")
    site.server.execute(f"RENAME TABLE {site.name}_art.mdl_config TO {site.name}_art.mdl_away")
    stopped = site.deliver()
    site.server.execute(f"RENAME TABLE {site.name}_art.mdl_away TO {site.name}_art.mdl_config")
    assert stopped.code != 0
    assert "http://art.campus.test: cannot be asked" in stopped.said
    assert site.campus.version() == "4.2"
    assert [site.node_is_closed(name) for name in NODES] == [False, False]
    assert not site.closed


def test_nodes_are_closed_before_the_switch_and_opened_when_they_are_upgraded(site: Vmoodle) -> None:
    site.declare("4.3.0")
    by_hand = site.campus.folder / "data-art" / "climaintenance.html"
    by_hand.write_text("We are moving house.")
    done = site.deliver()
    assert done.code == 0, done.said[-3000:]
    assert site.campus.version() == "4.3"
    assert {site.of_node(name, "branch") for name in NODES} == {"403"}
    assert [site.node_is_closed(name) for name in NODES] == [False, True]
    assert by_hand.read_text() == "We are moving house."
    said = done.said
    order = [said.index(words) for words in ("1 are closed: http://law", "Close the site for the upgrade", "Upgrade the database, once")]
    assert order == sorted(order)
    site.nothing_is_open()

    again = site.deliver()
    assert again.code == 0, again.said[-3000:]
    assert "changed=0" in again.said
