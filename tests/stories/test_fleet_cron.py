# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that the fleet's timer starts, put in place by the role and run by a Python that has no Ansible."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from support.mariadb import MariaDB
from support.moodle import Site, installed_site
from support.nodes import Node
from support.platforms import Platform
from support.process import Result, run

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site(standin_platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return installed_site(standin_platform, tmp_path_factory.mktemp("cron"), database_server)


@pytest.fixture(scope="module")
def program(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the role makes."""
    folder = tmp_path_factory.mktemp("program")
    variables = {
        "vmoodle_code": str(site.code),
        "vmoodle_cron_dir": str(folder),
        "vmoodle_cron_become": False,
        "vmoodle_php_options": [f"{name}={value}" for name, value in site.php_settings().items()],
        "vmoodle_forks": 1,
        "vmoodle_timeout": 60,
        "ansible_python_interpreter": sys.executable,
    }
    task = {"ansible.builtin.include_role": {"name": "lms.moodle.vmoodle", "tasks_from": "cron_program"}}
    playbook = folder / "play.json"
    playbook.write_text(
        json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": [task]}])
    )
    ansible = Path(sys.executable).with_name("ansible-playbook")
    env = {**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")}
    for changed in ("changed=3", "changed=0"):
        done = run([ansible, "--inventory", "localhost,", playbook], env=env, cwd=REPOSITORY, timeout=300).must_succeed()
        assert changed in done.out, done.text
    return folder


def command(program: Path) -> list[str | Path]:
    # Without site-packages: what the program imports must lie beside it.
    return [sys.executable, "-S", "-s", program / "fleet_cron.py", program / "moodle-fleet-cron.json"]


def go_round(program: Path, folder: Path) -> Result:
    return run(command(program), env={"PATH": os.environ["PATH"], "TMPDIR": str(folder)}, timeout=300)


def last_cron(site: Site, node: Node) -> int:
    rows = site.query("SELECT value FROM mdl_config_plugins WHERE plugin = 'tool_task' AND name = 'lastcronstart'", node)
    return int(rows[0]["value"] or 0) if rows else 0


def fault(node: Node, **orders: t.Any) -> None:
    (node.dataroot / "minimoodle.json").write_text(json.dumps(orders))


def test_the_program_holds_what_this_collection_runs_scripts_with_byte_by_byte(program: Path) -> None:
    (line,) = [line for line in (program / "fleet_cron.py").read_text().splitlines() if line.startswith("FILES = json.loads(")]
    held = json.loads(json.loads(line.removeprefix("FILES = json.loads(").removesuffix(")")))
    plugins = REPOSITORY / "plugins"
    parts = [*plugins.glob("module_utils/common/*.py"), *plugins.glob("module_utils/fleet/*.py"), *plugins.glob("php/*.php")]
    expected = {str(path.relative_to(plugins)): path.read_bytes() for path in parts}
    expected["fleet_cron.py"] = (REPOSITORY / "roles/vmoodle/files/fleet_cron.py").read_bytes()
    assert {name: text.encode() for name, text in held.items()} == expected


def test_a_round_goes_over_the_nodes_that_may_run_and_says_what_is_with_the_others(site: Site, program: Path, tmp_path: Path) -> None:
    nodes = {name: site.add_node(name, enabled=name != "off") for name in ("fine", "shut", "old", "bad", "off")}
    (nodes["shut"].dataroot / "climaintenance.html").write_text("closed")
    site.query("UPDATE mdl_config SET value = 'old' WHERE name = 'allversionshash'", nodes["old"])
    fault(nodes["bad"], cron="fail")
    done = go_round(program, tmp_path)
    assert {name for name, node in nodes.items() if last_cron(site, node)} == {"fine"}, done.text
    assert done.rc == 1
    assert "http://shut.campus.test: left out: it is closed" in done.out
    assert "http://old.campus.test: left out: its upgrade is pending" in done.out
    assert "http://bad.campus.test: failed: " in done.out
    assert "cron ran on 2 of 2 nodes, and failed on 1 of them" in done.out
    assert "http://off" not in done.out
    for node in nodes.values():
        site.query(f"DELETE FROM mdl_local_vmoodle WHERE vhostname = '{node.wwwroot}'")  # noqa: S608 - the test's own


def test_a_stop_lets_what_runs_come_to_its_end_and_the_next_round_begins_with_the_others(site: Site, program: Path, tmp_path: Path) -> None:
    first, second = site.add_node("first"), site.add_node("second")
    fault(first, cron={"do": "slow", "seconds": 15})
    with subprocess.Popen(
        command(program), env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None and not _children(process.pid, "admin/cli/cron.php http://first"):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate()
    assert process.returncode == 0, said
    assert "cron ran on 1 of 2 nodes" in said
    assert (last_cron(site, first) > 0, last_cron(site, second)) == (True, 0)

    (first.dataroot / "minimoodle.json").unlink()
    done = go_round(program, tmp_path)
    assert (done.rc, last_cron(site, second) > 0) == (0, True), done.text


def _children(parent: int, words: str) -> list[str]:
    """What runs below a process, by the words in its title."""
    listed = run(["ps", "-ww", "-eo", "pid=,ppid=,args="]).out.splitlines()
    parents = {int(line.split()[0]): int(line.split()[1]) for line in listed}
    found = []
    for line in listed:
        number = int(line.split()[0])
        while number and number != parent:
            number = parents.get(number, 0)
        if number == parent and words in line:
            found.append(line)
    return found
