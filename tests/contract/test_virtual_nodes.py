# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VMoodle: which node a script plays for, what separates nodes, and where exit code 0 lies."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.config_php import write_rendered
from support.moodle import Site
from support.nodes import Node, register_node
from support.process import run
from support.repositories import call_module
from support.web import PhpServer, free_port

UNKNOWN = "http://nobody.campus.test"
PURGE, MAINTENANCE, UPGRADE = (f"local/vmoodle/cli/{name}.php" for name in ("purge_caches", "maintenance", "upgrade"))
RESET = "local/vmoodle/cli/reset_password.php"


PHP = Path(__file__).resolve().parents[2] / "plugins" / "php"
LEAVING = Path(__file__).resolve().parents[2] / "roles" / "delivery" / "files" / "leaving.php"


def ours(module: str, site: Site, **wish: Any) -> dict[str, Any]:
    """One of the collection's modules on this site."""
    settings = [f"{name}={value}" for name, value in site.php_settings().items()]
    return call_module(module, {"moodle": str(site.code), "php_options": settings, "_php": str(PHP), **wish})


def verdicts(result: dict[str, Any]) -> dict[str, str]:
    return {record["name"]: record["verdict"] for record in result["nodes"]}


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


def test_code_that_is_asked_about_plugins_counts_the_nodes(site: Site, alpha: Node, beta: Node) -> None:
    asked = [*site.php_command(), "--", str(site.code), "mod_page"]
    done = subprocess.run(asked, input=LEAVING.read_text(), capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    count = site.query("SELECT COUNT(*) AS n FROM mdl_local_vmoodle")[0]["n"]
    assert (str(told["nodes"]), told["plugins"]["mod_page"]["willing"]) == (count, True)


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


def test_module_tells_the_nodes_own_answer_from_that_of_an_unknown_one(site: Site, alpha: Node, web: PhpServer) -> None:
    assert web
    port = site.wwwroot.rsplit(":", 1)[1]
    there, unknown = (f"http://{name}.campus.test:{port}" for name in ("answering", "nobody"))
    node = site.add_node("answering", wwwroot=there)
    asked = {"nodes": [there, unknown, site.wwwroot], "connect": "127.0.0.1", "retries": 0}
    told = {one["wwwroot"]: one for one in call_module("vmoodle_answer_info", asked)["nodes"]}
    assert {address: one["verdict"] for address, one in told.items()} == {there: "ok", unknown: "failed", site.wwwroot: "ok"}, told
    assert "No configuration for this host" in told[unknown]["reason"]
    site.cli(MAINTENANCE, f"--host={node.wwwroot}", "--enable").must_succeed()
    (closed,) = call_module("vmoodle_answer_info", {**asked, "nodes": [there]})["nodes"]
    site.cli(MAINTENANCE, f"--host={node.wwwroot}", "--disable").must_succeed()
    assert closed["reason"].startswith("the answer is 503 ")


def test_node_in_a_sub_directory_is_found_by_a_link_in_the_code(site: Site) -> None:
    node = site.add_node("law", wwwroot="http://campus.test/law")
    link = site.code / "law"
    site.configure("$CFG->vmoodleusesubpaths = true;")
    try:
        with PhpServer(site.code, free_port(), php=[*site.php_command(), "-d", "opcache.enable=0"]) as web:
            lost = web.get("/law/", host="campus.test")
            assert node.wwwroot not in lost.body.replace("\\/", "/")
            link.symlink_to(".")
            found = web.get("/law/", host="campus.test")
        assert (found.status, node.wwwroot in found.body.replace("\\/", "/")) == (200, True), found
    finally:
        link.unlink(missing_ok=True)
        site.configure()


def test_what_a_rendered_config_sets_for_all_sites_is_each_ones_own(site: Site, alpha: Node, beta: Node, tmp_path: Path) -> None:
    folders = ("cachedir", "localcachedir", "tempdir", "backuptempdir", "file_lock_root", "session_file_save_path")
    stores = {"session_redis_host": "redis.test", "session_redis_prefix": "campus:", "session_memcached_save_path": "memcached.test:11211"}
    settings = {name: str(tmp_path / name) for name in folders} | stores | {"altcacheconfigpath": str(tmp_path / "muc.php")}
    own = (*folders, "altcacheconfigpath", "session_redis_prefix", "session_memcached_prefix")
    probe = tmp_path / "probe.php"
    probe.write_text(
        "<?php define('CLI_SCRIPT', true); require $argv[1]; foreach (array_slice($argv, 2) as $name) { echo $CFG->$name, PHP_EOL; }"
    )
    sites = (None, alpha, beta)
    write_rendered(site.code, server=site.server, database=site.database, dataroot=site.dataroot, wwwroot=site.wwwroot, settings=settings)
    try:
        said = [site.cli(str(probe), str(site.code / "config.php"), *own, node=node).must_succeed().out.split() for node in sites]
        again = site.cli(str(probe), str(site.code / "config.php"), *own, node=alpha).must_succeed().out.split()
        for node in sites:
            site.cli("admin/cli/purge_caches.php", node=node).must_succeed()
    finally:
        site.configure()
    assert again == said[1]
    assert [len(values) for values in said] == [len(own)] * 3
    assert len({value for values in said for value in values}) == 3 * len(own), said
    # None lies in another one's, which would be purged with it.
    assert [{Path(value).parent for value in values[: len(folders)]} for values in said] == [{tmp_path / name for name in folders}] * 3
    assert all(values[-2].startswith("campus:") for values in said)
    caches = sorted(folder.name for folder in (tmp_path / "cachedir").iterdir())
    assert caches == sorted(Path(values[0]).name for values in said)


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


def test_module_runs_vmoodles_scripts_and_cores_for_nodes_and_for_the_master(site: Site, alpha: Node, beta: Node) -> None:
    for script in (PURGE, "admin/cli/purge_caches.php"):
        result = ours("vmoodle_cli", site, script=script, nodes=["alpha", "beta"], master=True)
        assert set(verdicts(result).values()) == {"ok"}, result
        assert len(result["nodes"]) == 3


def test_module_passes_arguments_and_exit_codes_on_and_prints_what_the_script_alone_prints(site: Site, alpha: Node, tmp_path: Path) -> None:
    site.cli("admin/cli/cfg.php", "--name=odd", "--set=a b'c", node=alpha).must_succeed()
    asked = {"script": "admin/cli/cfg.php", "nodes": ["alpha"], "read_only": True, "log_dir": str(tmp_path)}
    (record,) = ours("vmoodle_cli", site, args=["--name=odd"], **asked)["nodes"]
    alone = site.cli("admin/cli/cfg.php", "--name=odd", node=alpha)
    printed = Path(record["log"]).read_text().splitlines()
    # Warnings of PHP may stand between.
    assert (record["verdict"], [line for line in alone.out.splitlines() if line not in printed]) == ("ok", [])
    (record,) = ours("vmoodle_cli", site, args=["--name=none_of_that_name"], **asked)["nodes"]
    assert (record["verdict"], record["rc"]) == ("failed", 3)


def test_script_of_vmoodles_that_asks_is_answered_on_each_node(site: Site, alpha: Node, beta: Node) -> None:
    if not (site.code / RESET).exists():
        pytest.skip("the stand-in has no script that asks")
    asked = {"script": RESET, "nodes": ["alpha", "beta"], "forks": 1}
    before = [site.query("SELECT password FROM mdl_user WHERE username = 'admin'", node) for node in (alpha, beta)]
    result = ours("vmoodle_cli", site, input="admin\nOpen-Sesame-5!", **asked)
    assert verdicts(result) == {"alpha": "ok", "beta": "ok"}, result
    assert "Sesame" not in json.dumps(result)
    after = [site.query("SELECT password FROM mdl_user WHERE username = 'admin'", node) for node in (alpha, beta)]
    assert all(new != old for new, old in zip(after, before))
    assert set(verdicts(ours("vmoodle_cli", site, input="nobody", **asked)).values()) == {"failed"}


def test_pending_upgrade_is_what_upgrade_itself_says(site: Site, alpha: Node, beta: Node) -> None:
    def pending() -> dict[str, tuple[bool, bool]]:
        told = {node["name"]: node["upgrade_pending"] for node in ours("vmoodle_node_info", site, nodes=["alpha", "beta"])["nodes"]}
        words = ("--non-interactive", "--is-pending")
        # 2 where one is pending.
        itself = {node.name: site.cli("admin/cli/upgrade.php", *words, node=node).rc == 2 for node in (alpha, beta)}
        return {name: (told[name], itself[name]) for name in told}

    assert pending() == {"alpha": (False, False), "beta": (False, False)}
    before = site.config("allversionshash", beta)
    site.query("UPDATE mdl_config SET value = 'older' WHERE name = 'allversionshash'", beta)
    try:
        assert pending() == {"alpha": (False, False), "beta": (True, True)}
    finally:
        site.query(f"UPDATE mdl_config SET value = '{before}' WHERE name = 'allversionshash'", beta)  # noqa: S608


def test_nodes_that_cannot_be_asked_are_told_with_the_reason_and_no_password(site: Site, alpha: Node) -> None:
    password = "Sesame-in-the-registry!"  # noqa: S105 - opens nothing
    broken = {
        "wrongpass": (f"vdbpass = '{password}'", "Access denied"),
        "nobase": ("vdbname = 'no_such_database'", "no_such_database"),
        "oddprefix": ("vdbprefix = 'x; --'", "vdbprefix"),
        "empty": ("vdbname = 'information_schema'", "config"),
        "oddtype": ("vdbtype = 'oracle'", "oracle"),
        "quotes": ("""vhostname = 'http://q.test'' OR ''1''=''1'""", "no plain http(s) address"),
    }
    try:
        for name, (change, _) in broken.items():
            node = Node(name, f"http://{name}.test", f"db_{name}", site.dataroot)
            register_node(site.server, master=site.database, node=node)
            site.query(f"UPDATE mdl_local_vmoodle SET {change} WHERE name = '{name}'")  # noqa: S608
        result = ours("vmoodle_node_info", site)
        told = {node["name"]: node for node in result["nodes"]}
        assert told["alpha"]["reachable"], told["alpha"]
        for name, (_, reason) in broken.items():
            assert (told[name]["reachable"], reason in told[name]["error"]) == (False, True), told[name]
        ran = ours("vmoodle_cli", site, script=PURGE, pending=True, nodes=list(broken))
        assert set(verdicts(ran).values()) == {"failed"}
        assert password not in json.dumps([result, ran])
    finally:
        site.query("DELETE FROM mdl_local_vmoodle WHERE vdatapath = '" + str(site.dataroot) + "'")  # noqa: S608


def test_access_that_the_configuration_gives_to_all_nodes_is_used(site: Site, alpha: Node) -> None:
    vconfig = site.code / "local/vmoodle/vconfig.php"
    before = vconfig.read_text()
    site.query("UPDATE mdl_local_vmoodle SET vdblogin = '', vdbpass = '' WHERE name = 'alpha'")
    try:
        (node,) = ours("vmoodle_node_info", site, nodes=["alpha"])["nodes"]
        assert not node["reachable"]
        given = f"$CFG->vchildsdblogin = '{site.server.user}';\n$CFG->vchildsdbpass = '{site.server.password}';\nvmoodle_get_hostname();"
        vconfig.write_text(before.replace("vmoodle_get_hostname();", given, 1))
        (node,) = ours("vmoodle_node_info", site, nodes=["alpha"])["nodes"]
        assert node["reachable"], node
    finally:
        vconfig.write_text(before)
        access = f"vdblogin = '{site.server.user}', vdbpass = '{site.server.password}'"
        site.query(f"UPDATE mdl_local_vmoodle SET {access} WHERE name = 'alpha'")  # noqa: S608
