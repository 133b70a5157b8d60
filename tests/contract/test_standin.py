# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the stand-in does: the same commits everywhere, pages without a database, faults on demand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from minimoodle.generate import generate
from support.mariadb import MariaDB
from support.moodle import Site, installed_site
from support.nodes import Node
from support.platforms import Platform
from support.process import run
from support.sources import check_out
from support.web import PhpServer, free_port

PURGE = "local/vmoodle/cli/purge_caches.php"
Order = Callable[[object], None]


@pytest.fixture(scope="module")
def node(standin_site: Site) -> Node:
    return standin_site.add_node("faulty")


@pytest.fixture
def order(node: Node) -> Iterator[Order]:
    """Tells the node what to do wrong."""
    file = node.dataroot / "minimoodle.json"

    def give(orders: object) -> None:
        file.write_text(json.dumps(orders))

    yield give
    for left in node.dataroot.glob("minimoodle*"):
        left.unlink()


def test_generator_makes_the_same_commits_each_time(tmp_path: Path) -> None:
    refs = []
    for name in ("one", "two"):
        made = generate(tmp_path / name)
        refs.append({key: run(["git", f"--git-dir={path}", "show-ref"]).must_succeed().out for key, path in made.items()})
    assert refs[0] == refs[1]
    assert "refs/tags/v4.3.0" in refs[0]["moodle"]


def test_generator_runs_as_a_script(tmp_path: Path) -> None:
    script = Path(__file__).resolve().parents[1] / "minimoodle/generate.py"
    assert run([sys.executable, script, tmp_path]).must_succeed().out.startswith("moodle: ")
    assert run([sys.executable, script]).rc == 2


def test_no_version_carries_the_generators_markers(standin_platform: Platform) -> None:
    for ref in ("v4.1.0", "v4.3.1", "main"):
        found = run(["git", f"--git-dir={standin_platform.moodle}", "grep", "-lE", "@since|@end", ref])
        assert (found.rc, found.out) == (1, "")


def test_older_release_knows_nothing_of_the_newer(standin_platform: Platform, tmp_path: Path) -> None:
    check_out(standin_platform.core("v4.1.0"), tmp_path)
    assert not (tmp_path / "admin/tool/mfa").exists()
    assert "is-maintenance-required" not in (tmp_path / "admin/cli/upgrade.php").read_text()


def test_front_page_needs_no_database(standin_platform: Platform, tmp_path: Path) -> None:
    port = free_port()
    check_out(standin_platform.core("v4.3.0"), tmp_path / "code")
    (tmp_path / "data").mkdir()
    (tmp_path / "code/config.php").write_text(
        f"<?php\nunset($CFG);\nglobal $CFG;\n$CFG = new stdClass();\n$CFG->wwwroot = 'http://127.0.0.1:{port}';\n"
        f"$CFG->dataroot = '{tmp_path / 'data'}';\nrequire_once(__DIR__ . '/lib/setup.php');\n"
    )
    with PhpServer(tmp_path / "code", port) as server:
        answer = server.get("/")
        (tmp_path / "data/minimoodle.json").write_text('{"web": {"do": "fail", "branch": "403"}}')
        broken = server.get("/")
    assert answer.status == 200
    assert '<dd id="release">4.3 (Build: 20231009)</dd>' in answer.body
    assert broken.status == 500


@pytest.mark.parametrize(
    ("fault", "ends"),
    [
        ("fail", (1, "fails as it was told")),
        ("lie", (0, "says so to nobody")),
        ("crash", (255, "Allowed memory size")),
        ("die", (-9, "Arming for")),
        ("noise", (0, "line 9999 of a long story")),
    ],
)
def test_fault_strikes_one_node_only(standin_site: Site, node: Node, order: Order, fault: str, ends: tuple[int, str]) -> None:
    order({"purge_caches": fault})
    result = standin_site.cli(PURGE, f"--host={node.wwwroot}")
    assert result.rc == ends[0]
    assert ends[1] in result.text
    assert standin_site.cli(PURGE).rc == 0


def test_hanging_script_runs_into_its_time_limit(standin_site: Site, node: Node, order: Order) -> None:
    order({"purge_caches": "hang"})
    assert standin_site.cli(PURGE, f"--host={node.wwwroot}", timeout=1).timed_out


def test_slow_script_ends_well(standin_site: Site, node: Node, order: Order) -> None:
    order({"purge_caches": {"do": "slow", "seconds": 0.5}})
    result = standin_site.cli(PURGE, f"--host={node.wwwroot}")
    assert result.rc == 0
    assert result.seconds >= 0.5


def test_fault_can_be_counted(standin_site: Site, node: Node, order: Order) -> None:
    order({"purge_caches": {"do": "fail", "times": 2}})
    assert [standin_site.cli(PURGE, f"--host={node.wwwroot}").rc for _ in range(3)] == [1, 1, 0]


@pytest.mark.parametrize(("fault", "rc"), [("crash", 255), ("die", -9), ("fail", 1)])
def test_upgrade_that_stops_in_the_middle_can_be_finished(
    standin_platform: Platform, database_server: MariaDB, tmp_path: Path, fault: str, rc: int
) -> None:
    old = installed_site(standin_platform, tmp_path, database_server)
    site = old.on(standin_platform.new, tmp_path / "new")
    orders = site.dataroot / "minimoodle.json"
    orders.write_text(json.dumps({"upgrade": fault}))
    assert site.cli("admin/cli/upgrade.php", "--non-interactive").rc == rc
    # Neither the old release nor the new one: core's part is done, the plugins' is not.
    assert site.config("release") == "4.3 (Build: 20231009)"
    assert site.query("SELECT value FROM mdl_config_plugins WHERE plugin = 'mod_forum' AND name = 'version'") == [{"value": "2023042400"}]
    assert site.cli("admin/cli/upgrade.php", "--is-pending").rc == 2
    orders.unlink()
    assert site.cli("admin/cli/upgrade.php", "--non-interactive").rc == 0
    assert site.cli("admin/cli/upgrade.php", "--is-pending").rc == 0


def test_database_server_stops_when_asked_and_leaves_nothing(tmp_path: Path) -> None:
    with MariaDB(tmp_path / "db") as server:
        pid, socket = server.pid, server.socket
        assert server.execute("SELECT 1 AS one") == [{"one": "1"}]
    assert not socket.exists()
    assert subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode == 1
