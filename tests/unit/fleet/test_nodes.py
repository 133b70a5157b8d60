# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which nodes a run is for: nobody is passed over in silence, and nobody is taken for another."""

from __future__ import annotations

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node, choose

MASTER = Node("https://campus.test", "Campus", "master", master=True)


def node(name: str, *, wwwroot: str | None = None, enabled: bool = True) -> Node:
    return Node(wwwroot or f"https://{name}.test", f"School {name}", f"db_{name}", shortname=name, enabled=enabled)


REGISTRY = [MASTER, node("a"), node("b"), node("c", enabled=False)]


def chosen(registry: list[Node] = REGISTRY, **wish: object) -> list[str]:
    return [found.wwwroot for found in choose(registry, **wish).nodes]  # type: ignore[arg-type]


def test_without_a_wish_all_enabled_nodes_are_chosen() -> None:
    assert chosen() == ["https://a.test", "https://b.test"]


def test_an_empty_list_means_nobody() -> None:
    assert chosen(wanted=[]) == []


@pytest.mark.parametrize("name", ["https://a.test", "a.test", "https://a.test/", "School a", "a", "*a.test", "a.t?st", "School ?"])
def test_a_node_is_named_in_many_ways(name: str) -> None:
    assert "https://a.test" in chosen(wanted=[name])


def test_master_comes_first_and_only_when_asked_for() -> None:
    assert chosen(wanted=["a"], master=True) == ["https://campus.test", "https://a.test"]
    assert chosen(wanted=["https://campus.test"]) == ["https://campus.test"]
    assert "https://campus.test" not in chosen(wanted=["*"])


def test_unknown_name_is_refused_and_stops_nobody() -> None:
    selection = choose(REGISTRY, wanted=["a", "nobody.test", "nobody.test"])
    assert [found.shortname for found in selection.nodes] == ["a"]
    assert [(refusal.wwwroot, refusal.verdict) for refusal in selection.refused] == [("nobody.test", "failed")]


def test_disabled_node_is_skipped_aloud_when_named_and_silently_otherwise() -> None:
    assert choose(REGISTRY).refused == []
    (refusal,) = choose(REGISTRY, wanted=["c"]).refused
    assert (refusal.verdict, "include_disabled" in refusal.reason) == ("skipped", True)
    assert chosen(wanted=["c"], include_disabled=True) == ["https://c.test"]


def test_pattern_that_fits_nobody_is_an_error() -> None:
    with pytest.raises(BadInput, match="matches 'x\\*'"):
        choose(REGISTRY, wanted=["a", "x*"])


def test_all_of_none_is_none() -> None:
    assert choose([], wanted=["*"]).nodes == []


def test_query_narrows_the_names() -> None:
    assert chosen(wanted=["a", "b"], matching={"https://b.test", "https://c.test"}) == ["https://b.test"]


@pytest.mark.parametrize(
    "address",
    [
        "https://a.test' OR '1'='1",
        "https://a.test\n",
        "--help",
        "https://a.test;id",
        "https://a.test/?x",
        "ftp://a.test",
        "https://a.test ",
    ],
)
def test_address_that_could_mean_something_else_is_refused(address: str) -> None:
    selection = choose([MASTER, node("x", wwwroot=address)])
    assert (selection.nodes, [refusal.verdict for refusal in selection.refused]) == ([], ["failed"])


@pytest.mark.parametrize("other", ["https://A.test", "https://a.test", "https://CAMPUS.test"])
def test_addresses_that_the_database_takes_for_equal_are_refused(other: str) -> None:
    selection = choose([MASTER, node("a"), node("z", wwwroot=other)])
    assert "https://a.test" not in [found.wwwroot for found in selection.nodes] or other == "https://CAMPUS.test"
    assert other in [refusal.wwwroot for refusal in selection.refused]


def test_two_sites_on_one_database_are_refused_but_for_the_disabled_row_of_one_that_moved() -> None:
    def on(name: str, database: str, *, enabled: bool = True) -> Node:
        return Node(f"https://{name}.test", name, database, dbhost="db", dbprefix="mdl_", enabled=enabled)

    master = Node("https://campus.test", "Campus", "master", dbhost="db", dbprefix="mdl_", master=True)
    registry = [master, on("a", "one"), on("b", "one"), on("c", "two"), on("d", "two", enabled=False), on("e", "master")]
    selection = choose(registry, include_disabled=True)
    assert [found.name for found in selection.nodes] == ["c"]
    assert {refusal.name: "two would write" in refusal.reason for refusal in selection.refused} == dict.fromkeys("abde", True)


def test_thousands_of_names_are_looked_up_once_each() -> None:
    class Counted(Node):
        asked = 0

        def names(self) -> set[str]:
            Counted.asked += 1
            return super().names()

    registry = [MASTER, *(Counted(f"https://{number}.test", str(number), f"db{number}") for number in range(100))]
    assert len(choose(registry, wanted=[f"{number}.test" for number in range(100)]).nodes) == 100
    assert Counted.asked <= 4 * len(registry)


def test_brackets_of_an_ip_address_are_no_pattern() -> None:
    assert chosen([MASTER, node("v6", wwwroot="http://[::1]")], wanted=["http://[::1]"]) == ["http://[::1]"]


def test_columns_of_a_later_version_are_left_out() -> None:
    assert Node.from_row({"wwwroot": "w", "name": "n", "dbname": "d", "vdbpass": "secret"}) == Node("w", "n", "d")
