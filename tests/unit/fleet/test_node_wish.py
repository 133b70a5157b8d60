# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a node may be, and beside whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.fleet.node_wish import NodeWish, changes, clash, immovable, problems, same_database
from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node

MASTER = Node("https://campus.test", "Campus", "campus", dbtype="mariadb", dbhost="localhost", dbprefix="mdl_", master=True)
WISH = NodeWish("https://a.test", dbname="campus_a", datapath="/srv/data/a")
FOLDERS = [("the code", "/srv/campus/releases/1"), ("the master's data", "/srv/data/master")]


def test_a_new_node_takes_what_is_not_said_from_its_address_and_the_master() -> None:
    wish = WISH.filled(MASTER)
    assert (wish.name, wish.shortname, wish.dbtype, wish.dbhost, wish.dbprefix, wish.enabled) == (
        *("a.test", "a-test", "mariadb", "localhost", "mdl_"),
        True,
    )
    assert list(problems(wish)) == []
    assert NodeWish("https://a.test", enabled=False).filled(MASTER).enabled is False


@pytest.mark.parametrize("path", ["", "relative/path", "/", "/srv", "/srv/../etc/x", "/srv//x", "/srv/x/", "/srv/./x", "/srv/x\n"])
def test_a_data_path_is_plain_and_deep(path: str) -> None:
    assert [name for name, _says in problems(NodeWish("https://a.test", datapath=path))][-1:] == ["datapath"]


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        (NodeWish("https://CAMPUS.test"), "registered already"),
        (NodeWish("https://a.test", dbtype="mysqli", dbhost="127.0.0.1", dbname="Campus"), "is that of https://campus.test"),
        (NodeWish("https://a.test", datapath="/srv/data/master"), "lie one in the other"),
        (NodeWish("https://a.test", datapath="/srv/data/master/filedir"), "lie one in the other"),
        (NodeWish("https://a.test", datapath="/srv/data"), "lie one in the other"),
        (NodeWish("https://a.test", datapath="/srv/campus/releases/1/data"), "lie one in the other"),
    ],
)
def test_what_is_anothers_is_not_taken(wish: NodeWish, says: str) -> None:
    assert says in clash(wish, [MASTER], FOLDERS)


def test_neighbours_are_no_clash() -> None:
    wish = NodeWish("https://a.test", dbtype="mariadb", dbhost="localhost", dbname="campus2", datapath="/srv/data/master2")
    assert clash(wish, [MASTER], FOLDERS) == ""
    assert not same_database(wish, NodeWish("https://b.test", dbtype="pgsql", dbhost="localhost", dbname="campus2"))


def test_a_node_that_is_there_is_changed_but_not_moved() -> None:
    node = Node("https://a.test", "A", "campus_a", datapath="/srv/data/a", enabled=True)
    assert immovable(WISH, node) == ""
    assert "'dbname' is campus_a, and other was asked for" in immovable(NodeWish("https://a.test", dbname="other"), node)
    assert changes(NodeWish("https://a.test", name="A", enabled=False), node) == {"enabled": False}
    assert changes(NodeWish("https://a.test"), node) == {}


@given(st.text(min_size=1, max_size=70))
def test_no_name_of_a_database_can_leave_its_quotes(name: str) -> None:
    if not list(problems(NodeWish("https://a.test", dbname=name))):
        assert not set(name) & set("`'\"\\;\n \x00") and not name.startswith("-")
