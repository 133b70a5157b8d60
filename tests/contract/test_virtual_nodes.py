# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMoodle: which node a script plays for, what separates nodes, and where exit code 0 lies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.moodle import Site
from support.nodes import Node
from support.process import run
from support.web import PhpServer

UNKNOWN = "http://nobody.campus.test"
PURGE, MAINTENANCE, UPGRADE = (f"local/vmoodle/cli/{name}.php" for name in ("purge_caches", "maintenance", "upgrade"))


@pytest.fixture
def open_again(site: Site, alpha: Node, beta: Node) -> Iterator[None]:
    yield
    for node in (alpha, beta):
        site.cli(MAINTENANCE, f"--host={node.wwwroot}", "--disable").must_succeed()


def test_registry_has_the_columns_that_are_relied_upon(site: Site) -> None:
    columns = {row["Field"] for row in site.query("SHOW COLUMNS FROM mdl_local_vmoodle")}
    assert columns == {
        *("id", "name", "shortname", "description", "vhostname", "vdbtype", "vdbhost", "vdblogin", "vdbpass", "vdbname"),
        *("vdbprefix", "vdbpersist", "vdatapath", "mnet", "enabled", "timecreated", "lastcron", "lastcrongap", "croncount", "metadata"),
    }


def test_good_run_says_which_node_it_plays_for(site: Site, alpha: Node) -> None:
    result = site.cli(PURGE, f"--host={alpha.wwwroot}")
    assert result.rc == 0
    lines = [line for line in result.out.splitlines() if line]
    assert lines[:2] == [f"Arming for {alpha.wwwroot}", f"Config check : playing for {alpha.wwwroot}"]
    assert "Done." in lines


@pytest.mark.parametrize("words", [(PURGE,), (MAINTENANCE, "--enable"), (UPGRADE, "--non-interactive")], ids=lambda words: words[0])
def test_unknown_node_lies_with_exit_code_0(site: Site, alpha: Node, words: tuple[str, ...]) -> None:
    script, *rest = words
    result = site.cli(script, f"--host={UNKNOWN}", *rest)
    assert result.rc == 0
    assert f"VMoodling (Mysql) : No configuration for this host : {UNKNOWN}." in result.out
    assert "Config check" not in result.out
    assert not (site.dataroot / "climaintenance.html").exists()


def test_purge_caches_without_a_host_means_the_master_and_arms_for_1(site: Site) -> None:
    result = site.cli(PURGE)
    assert result.rc == 0
    assert f"Arming for 1\nConfig check : playing for {site.wwwroot}\n" in result.out


def test_disabled_node_runs_like_any_other(site: Site) -> None:
    node = site.add_node("asleep", enabled=False)
    result = site.cli(PURGE, f"--host={node.wwwroot}")
    assert result.rc == 0
    assert f"Config check : playing for {node.wwwroot}" in result.out


def test_test_mode_of_upgrade_names_the_nodes_database(site: Site, alpha: Node) -> None:
    result = site.cli(UPGRADE, f"--host={alpha.wwwroot}", "--test")
    assert result.rc == 0
    assert f"dbname : {alpha.database}\n" in result.out


def test_upgrade_of_a_node_knows_no_maintenance_question(site: Site, alpha: Node) -> None:
    result = site.cli(UPGRADE, f"--host={alpha.wwwroot}", "--is-maintenance-required")
    assert result.rc == 1
    assert "is not a recognized option" in result.err


def test_override_runs_cores_own_script_for_a_node(site: Site, alpha: Node) -> None:
    result = site.cli("admin/cli/cfg.php", "--name=wwwroot", node=alpha)
    assert (result.rc, result.out) == (0, f"{alpha.wwwroot}\n")


def test_override_for_an_unknown_node_lies_with_exit_code_0(site: Site, alpha: Node) -> None:
    result = site.cli("admin/cli/purge_caches.php", node=UNKNOWN)
    assert result.rc == 0
    assert "No configuration for this host" in result.out


def test_nodes_have_their_own_databases(site: Site, alpha: Node, beta: Node) -> None:
    site.cli("admin/cli/cfg.php", "--name=colour", "--set=red", node=alpha).must_succeed()
    site.cli("admin/cli/cfg.php", "--name=colour", "--set=blue", node=beta).must_succeed()
    assert [site.config("colour"), site.config("colour", alpha), site.config("colour", beta)] == [None, "red", "blue"]
    identifiers = {site.config("siteidentifier", node) for node in (None, alpha, beta)}
    assert len(identifiers) == 3


def test_courses_of_a_node_are_its_own(site: Site, alpha: Node, beta: Node) -> None:
    site.make_course("only-alpha", node=alpha)
    count = "SELECT COUNT(*) AS n FROM mdl_course WHERE shortname = 'only-alpha'"
    assert [site.query(count, node)[0]["n"] for node in (None, alpha, beta)] == ["0", "1", "0"]


@pytest.mark.usefixtures("open_again")
def test_one_node_is_closed_and_the_others_are_not(site: Site, alpha: Node, beta: Node, web: PhpServer) -> None:
    result = site.cli(MAINTENANCE, f"--host={alpha.wwwroot}", "--enable")
    assert result.rc == 0
    assert f"== Maintenance mode ({alpha.wwwroot}) ==" in result.out
    assert (alpha.dataroot / "climaintenance.html").is_file()
    hosts = [None, *(node.wwwroot.split("//")[1] for node in (alpha, beta))]
    assert [web.get("/", host=host).status for host in hosts] == [200, 503, 200]


def test_unknown_node_lies_over_http_too(web: PhpServer, alpha: Node) -> None:
    answer = web.get("/", host="nobody.campus.test")
    assert answer.status == 200
    assert "No configuration for this host" in answer.body


def test_registry_is_reached_through_phps_default_socket_only(site: Site, alpha: Node) -> None:
    result = run(["php", "-d", "max_input_vars=5000", "-d", "mysqli.default_socket=/nowhere", site.code / PURGE, f"--host={alpha.wwwroot}"])
    assert result.rc == 255
    assert "bootlib.php" in result.text


def test_bulkupgrade_swallows_every_failure(site: Site, alpha: Node) -> None:
    # Its children are started as plain `php`, without our socket: each of them fails.
    result = site.cli("local/vmoodle/cli/bulkupgrade.php")
    assert result.rc == 0
    assert "Worker ended with error" in result.out
    assert "Done with 0 failures" not in result.out


def test_vmoodles_own_backup_does_not_work(site: Site, alpha: Node) -> None:
    result = site.cli("local/vmoodle/cli/backup.php", f"--host={alpha.wwwroot}", "--courseid=1", "--destination=/tmp")
    assert result.rc == 255


def test_vmoodles_own_cron_does_nothing_and_lies_with_exit_code_0(site: Site, alpha: Node) -> None:
    result = site.cli("local/vmoodle/cli/cron.php", f"--host={alpha.wwwroot}")
    assert (result.rc, result.out) == (0, "")
