# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A script on the fleet and a backup of courses as AWX runs them, by the user of the web server where this test may become it."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import shutil
import sys
import tempfile
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.awx import Job, launch
from support.mariadb import MariaDB
from support.moodle import Site, installed_site
from support.nodes import Node
from support.platforms import Platform
from support.process import run
from support.repositories import listing

# As a host's administrators would set it: a user without a shell of its own, and no sudo.
BECOME = {"ansible_become_method": "su", "ansible_become_flags": "-s /bin/sh"}
UNKNOWN = "nobody.campus.test"


def worker() -> tuple[str, str]:
    """Who runs the modules, and the Python that they use: the web server's user, where root can become it and it reaches a Python."""
    for python in (sys.executable, "/usr/bin/python3") if os.geteuid() == 0 else ():
        command = shlex.join([python, "-c", "import sys; sys.exit(sys.version_info < (3, 9))"])
        if run(["su", "-s", "/bin/sh", "www-data", "-c", command]).rc == 0:
            return "www-data", python
    return "", sys.executable


@dataclass(frozen=True)
class Fleet:
    """A VMoodle in a folder that its web server's user reaches and owns."""

    folder: Path
    site: Site
    nodes: dict[str, Node]
    user: str
    """Whom the jobs become; empty where nobody can be become."""
    python: str

    @property
    def run_by(self) -> str:
        return self.user or getpass.getuser()

    def give_away(self) -> None:
        """Leave all files to the web server's user, as on a host."""
        for path in (self.folder, *self.folder.rglob("*")) if self.user else ():
            shutil.chown(path, self.user, self.user)

    def job(self, playbook: str, name: str, cmdline: str = "", **variables: t.Any) -> Job:
        here = {"ansible_connection": "local", "ansible_python_interpreter": self.python}
        # The second host must be left alone: nodes and courses are the whole site's.
        groups = {"moodle_web": {"hosts": {"web1": here, "web2": here}, "vars": BECOME}}
        given = {
            "moodle_code": str(self.site.code),
            "moodle_web_user": self.user,
            "moodle_php_options": [f"{name}={value}" for name, value in self.site.php_settings().items()],
            **variables,
        }
        done = launch(self.folder.parent / f"job-{name}", playbook, groups, given, cmdline, TMPDIR=str(self.folder / "tmp"))
        assert set(done.stats["processed"]) == {"web1"}, done.log[-3000:]
        assert not [line for line in done.lines() if "\r" in line], "a log has whole lines: nothing is overwritten in it"
        return done

    def files(self) -> dict[str, tuple[t.Any, ...]]:
        """All that a job may have written, but for temporary files and the caches that any start of Moodle may write."""
        return {name: found for name, found in listing(self.folder).items() if Path(name).parts[0] != "tmp" and "/cache" not in name}

    def purged(self) -> dict[str, str | None]:
        return {name: self.site.config("lastpurge", node) for name, node in self.nodes.items()}


@pytest.fixture(scope="module")
def fleet(standin_platform: Platform, database_server: MariaDB) -> Iterator[Fleet]:
    # Below pytest's own folders another user reaches nothing.
    home = Path(tempfile.mkdtemp(prefix="lms-moodle-awx-"))
    home.chmod(0o755)
    (user, python), socket = worker(), database_server.directory
    try:
        site = installed_site(standin_platform, home / "site", database_server)
        nodes = {name: site.add_node(name) for name in ("alpha", "beta")}
        for number in range(2):
            site.make_course(f"awx-{number}")
        for name in ("tmp", "storage"):
            (home / "site" / name).mkdir()
        if user:
            shutil.chown(socket, group=user)
            socket.chmod(0o710)
        fleet = Fleet(home / "site", site, nodes, user, python)
        fleet.give_away()
        yield fleet
    finally:
        socket.chmod(0o700)
        shutil.rmtree(home)


def test_a_job_runs_a_script_on_the_fleet_and_names_the_node_that_is_not_there(fleet: Fleet) -> None:
    kept = fleet.folder / "kept"
    asked: dict[str, t.Any] = {
        "moodle_script": "local/vmoodle/cli/purge_caches.php",
        "moodle_nodes": ["alpha", "beta", UNKNOWN],
        "moodle_log_dir": str(kept),
        "moodle_retry_file": str(fleet.folder / "retry"),
        "moodle_records": str(fleet.folder / "records"),
    }
    # Longer than the ten seconds between two lines about the progress.
    (fleet.nodes["alpha"].dataroot / "minimoodle.json").write_text(json.dumps({"purge_caches": {"do": "slow", "seconds": 12}}))
    fleet.give_away()

    before = fleet.files(), fleet.purged()
    done = fleet.job("fleet_run", "fleet-check", "--check", moodle_max_failures="1", **asked)
    assert done.status == "successful", done.log[-3000:]
    (result,) = done.results("vmoodle_cli")
    assert {node["name"]: node["verdict"] for node in result["nodes"]} == {"alpha": "skipped", "beta": "skipped", UNKNOWN: "failed"}
    assert (fleet.files(), fleet.purged()) == before

    done = fleet.job("fleet_run", "fleet", **asked)
    assert done.status == "failed"
    (result,) = done.results("vmoodle_cli", "runner_on_failed")
    assert {node["name"]: node["verdict"] for node in result["nodes"]} == {"alpha": "ok", "beta": "ok", UNKNOWN: "failed"}
    assert result["msg"].startswith(f"1 of 3 nodes failed: {UNKNOWN}: unknown")
    assert (fleet.folder / "retry").read_text() == f"{UNKNOWN}\n"
    assert {path.owner() for path in (kept, *kept.iterdir())} == {fleet.run_by}
    assert all(fleet.purged().values())
    assert "web1: 2/3 nodes, 1 failed," in done.log, "the log says how far it is, the unknown node among the failed"
    assert "2 of 3 nodes ok, 1 failed" in done.log, "a run with failures is summed up too"


def test_a_job_plans_and_backs_up_the_courses_of_a_category(fleet: Fleet) -> None:
    storage = fleet.folder / "storage"
    asked: dict[str, t.Any] = {
        "moodle_archive_storage": str(storage),
        "moodle_archive_run": "2025-2026",
        "moodle_archive_category": {"path": "Category 1"},
        # Text, as -e name=value and a survey's text field give it.
        "moodle_archive_workers": "2",
        "moodle_archive_max_courses": "0",
    }
    before = fleet.files()
    done = fleet.job("archive", "archive-check", "--check", **asked)
    assert done.status == "successful", done.log[-3000:]
    (result,) = done.results("course_archive")
    assert (result["changed"], result["remaining"]) == (True, 2)
    assert fleet.files() == before

    done = fleet.job("archive", "plan", moodle_archive_state="planned", **asked)
    assert done.status == "successful", done.log[-3000:]
    assert "0 of 2 courses backed up (0.00 Bytes), 2 left to do" in done.log

    (fleet.site.dataroot / "minimoodle.json").write_text(json.dumps({"course_backup": {"do": "die", "times": 1}}))
    fleet.give_away()
    done = fleet.job("archive", "struck", **asked)
    assert done.status == "failed"
    (result,) = done.results("course_archive", "runner_on_failed")
    assert result["msg"].startswith("1 course could not be backed up: awx-")
    assert "1 of 2 courses backed up" in done.log, "a run with failures is summed up too"

    done = fleet.job("archive", "again", **asked)
    assert done.status == "successful", done.log[-3000:]
    (result,) = done.results("course_archive")
    assert (result["finished"], result["counts"]["backed_up"]) == (True, 2)
    assert "2 of 2 courses backed up" in done.log
    assert {path.owner() for path in storage.rglob("*")} == {fleet.run_by}
    for course in result["courses"]:
        assert (storage / "2025-2026" / course["file"]).stat().st_size == course["size"]


def test_jobs_make_nodes_of_a_list_keep_them_in_snapshots_and_remove_them(fleet: Fleet) -> None:
    server, folder = fleet.site.server, fleet.folder
    made, snapshots = folder / "data-gamma", folder / "snapshots"
    names = "vhostname;vtemplate;name;vdblogin;vdbpass;vdbname;vdatapath"
    values = f"http://gamma.campus.test;alpha;Gamma &#44 Co;{server.user};{server.password};{fleet.site.database}_gamma;{made}"
    (folder / "nodes.csv").write_text(f"# of the spring\n{names};config_colour\n{values};green\n")
    snapshots.mkdir()
    asked = {"moodle_nodes_file": str(folder / "nodes.csv"), "moodle_snapshots": str(snapshots)}
    fleet.give_away()

    before = fleet.files(), server.databases()
    done = fleet.job("fleet_nodes", "nodes-check", "--check --diff", **asked)
    assert done.status == "successful", done.log[-3000:]
    (result,) = done.results("vmoodle_node")
    assert (result["changed"], result["nodes"][0]["actions"]) == (True, ["made from alpha"])
    assert (fleet.files(), server.databases()) == before

    done = fleet.job("fleet_nodes", "nodes", "--diff", **asked)
    assert done.status == "successful", done.log[-3000:]
    assert "1 nodes in the list, 1 changed, 0 failed" in done.log
    assert {path.owner() for path in (made, *made.rglob("*"))} == {fleet.run_by}
    assert {node["wwwroot"] for node in fleet.site.query("SELECT vhostname AS wwwroot FROM mdl_local_vmoodle WHERE enabled = 1")} == {
        *(node.wwwroot for node in fleet.nodes.values()),
        "http://gamma.campus.test",
    }
    # Text, as -e name=value gives it.
    done = fleet.job("fleet_nodes", "nodes-off", moodle_nodes_enabled="false", **asked)
    assert [result["nodes"][0]["actions"] for result in done.results("vmoodle_node")] == [["changed enabled"]], done.log[-3000:]

    done = fleet.job(
        "fleet_snapshot", "snapshot", moodle_snapshot="kept", moodle_nodes=["gamma.campus.test"], moodle_snapshots=str(snapshots)
    )
    assert done.status == "successful", done.log[-3000:]
    assert sorted(path.name for path in (snapshots / "gamma.campus.test" / "kept").iterdir()) == [
        "data.tar",
        "database.sql.gz",
        "snapshot.json",
    ]

    done = fleet.job("fleet_nodes", "nodes-gone-unconfirmed", moodle_nodes_state="absent", **asked)
    assert done.status == "failed"
    assert made.exists()
    done = fleet.job("fleet_nodes", "nodes-gone", moodle_nodes_state="absent", moodle_nodes_confirm="nodes.csv", **asked)
    assert done.status == "successful", done.log[-3000:]
    assert not made.exists()
    assert server.databases() == before[1]
    assert len(list((snapshots / "gamma.campus.test").iterdir())) == 2, "a last snapshot before the end"
