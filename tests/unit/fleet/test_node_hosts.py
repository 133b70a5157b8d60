# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual nodes as hosts: nobody takes another one's name, and a node stays with its web host."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.plugin_utils.node_hosts import host_name, node_hosts, rows_of_file, web_host


def row(wwwroot: str, **more: t.Any) -> dict[str, t.Any]:
    return {"wwwroot": wwwroot, "name": "A", "dbname": wwwroot, "enabled": True, **more}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://v3.example.org", "v3.example.org"),
        ("http://v3.example.org:8080", "v3.example.org_8080"),
        ("http://campus.test/law/first", "campus.test_law_first"),
        ("http://[::1]", "_1_"),
    ],
)
def test_a_host_is_named_after_the_address_in_letters_that_patterns_leave_alone(address: str, name: str) -> None:
    assert host_name(address) == name


def test_groups_tell_state_version_and_server() -> None:
    known = row(
        "https://v3.test",
        release="4.2.3+ (Build: 20231110)",
        dbhost="db1",
        upgrade_pending=True,
        maintenance=True,
        reachable=True,
    )
    ((host,), left_out) = node_hosts([known], ())
    assert left_out == []
    assert host.groups == ["moodle_nodes", "moodle_nodes_pending", "moodle_nodes_closed", "moodle_version_4_2", "moodle_database_db1"]


def test_what_is_not_known_makes_no_group() -> None:
    ((host,), _) = node_hosts([row("https://v3.test")], ())
    assert host.groups == ["moodle_nodes"]
    ((host,), _) = node_hosts([row("https://v3.test", reachable=False, error="Connection refused")], ())
    assert host.groups == ["moodle_nodes", "moodle_nodes_unreachable"]


def test_a_disabled_node_is_in_no_group_that_a_play_would_name() -> None:
    ((host,), _) = node_hosts([row("https://v3.test", enabled=False, release="4.2", dbhost="db1")], ())
    assert host.groups == ["moodle_nodes_disabled"]


@pytest.mark.parametrize(
    "address", ["http://web1", "http://localhost", "http://127.0.0.1", "https://moodle_web", "https://a.test;id", "--x"]
)
def test_a_node_that_would_change_how_another_host_is_reached_is_left_out(address: str) -> None:
    hosts, left_out = node_hosts([row(address), row("https://v3.test")], ("web1", "moodle_web"))
    assert [host.name for host in hosts] == ["v3.test"]
    assert len(left_out) == 1
    assert repr(address) in left_out[0]


def test_two_addresses_that_make_one_name_are_one_host() -> None:
    hosts, left_out = node_hosts([row("http://v3.test/a"), row("https://v3.test/a")], ())
    assert [host.row["wwwroot"] for host in hosts] == ["http://v3.test/a"]
    assert len(left_out) == 1


def test_only_known_fields_are_taken() -> None:
    ((host,), _) = node_hosts([row("https://v3.test", vdbpass="secret", password="secret")], ())  # noqa: S106 - opens nothing
    assert "secret" not in json.dumps(host.row)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"nodes": 3}', '{"nodes": [{"name": "A"}]}', '{"nodes": [{"wwwroot": 3}]}', '{"nodes": ["x"]}']
)
def test_what_is_no_registry_file_is_told_as_such(text: str) -> None:
    with pytest.raises(BadInput, match="no registry file"):
        rows_of_file(text)


def test_a_further_web_host_takes_its_share_and_moves_no_other_node() -> None:
    nodes = [f"v{number}.test" for number in range(300)]
    before = {node: web_host(node, ["web1", "web2"]) for node in nodes}
    after = {node: web_host(node, ["web1", "web2", "web3"]) for node in nodes}
    moved = {node for node in nodes if before[node] != after[node]}
    assert {after[node] for node in moved} == {"web3"}
    shares = [sum(host == name for host in after.values()) for name in ("web1", "web2", "web3")]
    assert min(shares) > 60
