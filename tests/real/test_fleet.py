# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Four virtual nodes of a real Moodle run a script and are upgraded; a fifth is unknown and is told as failed."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from support.moodle import Site
from support.nodes import Node
from support.play import run_module

UNKNOWN = "http://nobody.campus.test"
PASSWORD = "Sesame-in-the-registry!"  # noqa: S105 - opens nothing


@pytest.fixture(scope="module")
def nodes(real_site: Site) -> list[Node]:
    return [real_site.add_node(f"fleet{number}") for number in range(1, 5)]


def run(site: Site, nodes: list[Node], script: str, folder: Path, *, check: bool = False, **wish: t.Any) -> dict[str, t.Any]:
    arguments = {
        "moodle": str(site.code),
        "script": script,
        "nodes": [*(node.wwwroot for node in nodes), UNKNOWN],
        "php_options": [f"{name}={value}" for name, value in site.php_settings().items()],
        "log_dir": str(folder / "logs"),
        "records": str(folder / "records.jsonl"),
        "retry_file": str(folder / "retry"),
        **wish,
    }
    return run_module("vmoodle_cli", arguments, folder, check=check)


def verdicts(result: dict[str, t.Any]) -> dict[str, str]:
    return {record["wwwroot"]: record["verdict"] for record in result["nodes"]}


def test_script_runs_on_each_node_and_the_unknown_one_fails_alone(real_site: Site, nodes: list[Node], tmp_path: Path) -> None:
    preview = run(real_site, nodes, "local/vmoodle/cli/purge_caches.php", tmp_path, check=True)
    assert (preview["changed"], set(verdicts(preview).values())) == (True, {"skipped", "failed"})
    assert not (tmp_path / "logs").exists()

    result = run(real_site, nodes, "local/vmoodle/cli/purge_caches.php", tmp_path)
    assert verdicts(result) == {**{node.wwwroot: "ok" for node in nodes}, UNKNOWN: "failed"}
    assert (result["failed"], result["changed"], result["summary"]["ok"]) == (True, True, 4)
    assert result["msg"].startswith(f"1 of 5 nodes failed: {UNKNOWN}: unknown")
    assert (tmp_path / "retry").read_text() == f"{UNKNOWN}\n"
    for node in nodes:
        assert f"Config check : playing for {node.wwwroot}\n" in (tmp_path / f"logs/{node.name}.campus.test.log").read_text()
    lines = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert lines == result["nodes"]


def test_core_script_runs_as_each_node(real_site: Site, nodes: list[Node], tmp_path: Path) -> None:
    result = run(real_site, nodes, "admin/cli/cfg.php", tmp_path, args=["--name=siteidentifier"], read_only=True, master=True)
    assert result["changed"] is False
    assert verdicts(result) == {**{node.wwwroot: "ok" for node in nodes}, real_site.wwwroot: "ok", UNKNOWN: "failed"}
    for node in nodes:
        said = (tmp_path / f"logs/{node.name}.campus.test.log").read_text()
        assert str(real_site.config("siteidentifier", node)) in said


def test_nodes_are_upgraded(real_site: Site, nodes: list[Node], tmp_path: Path) -> None:
    newer = real_site.on(real_site.platform.new, tmp_path / "code")
    result = run(newer, nodes, "local/vmoodle/cli/upgrade.php", tmp_path, args=["--non-interactive", "--allow-unstable"], canary=1)
    assert verdicts(result) == {**{node.wwwroot: "ok" for node in nodes}, UNKNOWN: "failed"}, result
    assert [str(real_site.config("release", node))[:3] for node in nodes] == ["4.3"] * 4
    assert str(real_site.config("release"))[:3] == "4.2"


def test_no_password_is_shown(real_site: Site, nodes: list[Node], tmp_path: Path) -> None:
    node = nodes[0]
    registered = f"UPDATE mdl_local_vmoodle SET vdbpass = '%s' WHERE vhostname = '{node.wwwroot}'"  # noqa: S608
    real_site.query(registered % PASSWORD)
    try:
        result = run(real_site, [node], "local/vmoodle/cli/purge_caches.php", tmp_path)
    finally:
        real_site.query(registered % real_site.server.password)
    assert verdicts(result)[node.wwwroot] == "failed"
    shown = json.dumps(result) + "".join(file.read_bytes().decode(errors="replace") for file in tmp_path.rglob("*") if file.is_file())
    assert PASSWORD not in shown
