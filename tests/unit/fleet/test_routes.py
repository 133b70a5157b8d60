# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which code a node runs on: its own link decides, the master and all others are served the same, and a link into nothing is nobody's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node, Selection
from ansible_collections.lms.moodle.plugins.module_utils.fleet.routes import Routes, sharing

LAW, ART, MASTER = (Node(f"https://{name}.test:8443", name, name, master=name == "campus") for name in ("Law", "art", "campus"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A delivery root; law and the master have links, of which the master's says nothing."""
    for release in ("old", "new"):
        (tmp_path / "releases" / release).mkdir(parents=True)
        (tmp_path / "releases" / release / "config.php").touch()
    (tmp_path / "current").symlink_to("releases/old")
    (tmp_path / "nodes").mkdir()
    for name in ("law.test", "campus.test"):
        (tmp_path / "nodes" / name).symlink_to("../releases/new")
    return tmp_path


def test_each_node_runs_on_the_code_that_the_web_server_serves_it(root: Path) -> None:
    routes = Routes.from_root(str(root / "current"))
    old, new = (root / "releases" / name for name in ("old", "new"))
    assert [routes.code_of(node) for node in (LAW, ART, MASTER)] == [new, old, old]
    assert routes.by_code([ART, LAW, MASTER]) == {old: [ART, MASTER], new: [LAW]}
    (root / "nodes" / "law.test").unlink()
    (root / "nodes" / "law.test").symlink_to("../current")
    assert routes.code_of(LAW) == old


def test_a_release_that_is_named_is_meant(root: Path) -> None:
    assert Routes.from_root(str(root / "releases" / "old")).code_of(LAW) == root / "releases" / "old"


def test_a_folder_of_nodes_beside_code_that_no_delivery_made_means_nothing(root: Path) -> None:
    (root / "current").unlink()
    (root / "releases" / "old").rename(root / "current")
    assert Routes.from_root(str(root / "current")).code_of(LAW) == root / "current"


def test_a_node_whose_link_leads_nowhere_is_refused_and_the_others_are_not(root: Path) -> None:
    (root / "releases" / "new" / "config.php").unlink()
    found = Routes.from_root(str(root / "current")).lead(Selection([LAW, ART], []))
    assert found.nodes == [ART]
    (refused,) = found.refused
    assert (refused.wwwroot, refused.verdict) == (LAW.wwwroot, "failed")
    assert "its own link to its code leads nowhere" in refused.reason


def test_sites_that_share_a_name_are_found_whatever_their_port_and_folder() -> None:
    sites = ["https://a.test", "https://A.test:8443", "https://b.test/law", "https://b.test", "https://c.test"]
    assert sharing(sites) == set(sites[:4])
