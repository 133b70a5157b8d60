# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a delivery asks new code before it is served, and what it does with a database as a whole."""

from __future__ import annotations

import gzip
import json
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.mariadb import MariaDB
from support.moodle import Site, installed_site
from support.platforms import Platform
from support.process import Result, run

TOOLS = Path(__file__).resolve().parents[2] / "roles" / "delivery" / "files"
PHP = Path(__file__).resolve().parents[2] / "plugins" / "php"
SHARED = Path(__file__).resolve().parents[2] / "plugins" / "php"
RELEASE = "SELECT value FROM mdl_config WHERE name = 'release'"


@pytest.fixture(scope="module")
def old(platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return installed_site(platform, tmp_path_factory.mktemp("tools"), database_server)


@pytest.fixture(scope="module")
def new(old: Site, platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return old.on(platform.new, tmp_path_factory.mktemp("new") / "code")


def asked(site: Site, *settings: str, dumps: Path | None = None, plugins: Sequence[str] = ()) -> dict[str, Any]:
    result = site.php(*settings, TOOLS / "preflight.php", site.code, dumps or "", *plugins)
    assert result.rc == 0, result.out + result.err
    told: dict[str, Any] = json.loads(result.out.splitlines()[-1])
    return told


def blocking(told: dict[str, Any]) -> list[str]:
    return [finding["subject"] for finding in told["findings"] if finding["level"] == "blocking"]


@pytest.fixture
def plugin(old: Site, new: Site) -> Iterator[Path]:
    """The version.php of a plugin that both hold for one test."""
    files = []
    for site in (old, new):
        folder = site.code / "local/contract"
        folder.mkdir()
        files.append(folder / "version.php")
        files[-1].write_text(version(2))
    yield files[1]
    for file in files:
        file.unlink()
        file.parent.rmdir()
    old.query("DELETE FROM mdl_config_plugins WHERE plugin = 'local_contract'")


def version(number: int, more: str = "") -> str:
    return f"<?php defined('MOODLE_INTERNAL') || die();\n$plugin->component = 'local_contract';\n$plugin->version = {number};\n{more}"


def test_what_is_served_has_nothing_to_do(old: Site) -> None:
    told = asked(old)
    assert (told["installed"], told["pending"], blocking(told)) == (True, False, [])


def test_new_code_waits_for_its_upgrade_and_leaves_no_trace(new: Site, old: Site) -> None:
    before = files(old)
    told = asked(new)
    assert (told["installed"], told["pending"], blocking(told)) == (True, True, [])
    assert files(old) == before


def files(site: Site) -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_mtime_ns) for path in site.dataroot.rglob("*") if path.is_file())


def test_a_setting_of_php_is_named(new: Site) -> None:
    told = asked(new, "-d", "max_input_vars=1000")
    [finding] = [finding for finding in told["findings"] if "max_input_vars" in finding["subject"]]
    assert finding["level"] == "blocking"
    assert "php-fpm" in finding["remedy"]


def test_a_plugin_that_goes_back_is_named(new: Site, old: Site, plugin: Path) -> None:
    old.query("INSERT INTO mdl_config_plugins (plugin, name, value) VALUES ('local_contract', 'version', '3')")
    told = asked(new)
    assert blocking(told) == ["local_contract"]
    [finding] = [finding for finding in told["findings"] if finding["subject"] == "local_contract"]
    assert finding["found"] == "the code holds 2, the database 3"


def test_a_plugin_that_is_gone_is_told_of(new: Site, old: Site, plugin: Path) -> None:
    old.query("INSERT INTO mdl_config_plugins (plugin, name, value) VALUES ('local_contract', 'version', '2')")
    plugin.rename(plugin.with_suffix(".away"))
    plugin.with_suffix(".away").rename(plugin.parents[2] / "contract.away")
    plugin.parent.rmdir()
    try:
        told = asked(new, plugins=["local_contract", "theme_boost"])
        [finding] = [finding for finding in told["findings"] if finding["subject"] == "local_contract"]
    finally:
        plugin.parent.mkdir()
        (plugin.parents[2] / "contract.away").rename(plugin)
    assert (finding["level"], told["held"]) == ("warning", ["theme_boost"])
    assert "moodle_uninstall" in finding["remedy"]


def test_a_plugin_with_an_unmet_condition_is_named(new: Site, plugin: Path) -> None:
    plugin.write_text(version(2, "$plugin->requires = 2099010100;\n"))
    assert blocking(asked(new)) == ["local_contract"]


def test_older_code_is_refused(old: Site) -> None:
    old.query("UPDATE mdl_config SET value = value + 1 WHERE name = 'version'")
    try:
        assert blocking(asked(old)) == ["core"]
    finally:
        old.query("UPDATE mdl_config SET value = value - 1 WHERE name = 'version'")


def found(told: dict[str, Any]) -> dict[str, str]:
    return {finding["subject"]: finding["level"] for finding in told["findings"] if finding["subject"].startswith(("database c", "room"))}


def test_a_collation_that_new_tables_would_not_share_is_named(new: Site, old: Site) -> None:
    assert found(asked(new)) == {}
    old.query("CREATE TABLE mdl_odd (name VARCHAR(9)) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    try:
        assert found(asked(new)) == {"database collation": "warning"}
        new.configure("$CFG->dboptions['dbcollation'] = 'utf8mb4_bin';")
        told = asked(new)
        assert found(told) == {"database collation": "blocking"}
        [finding] = [finding for finding in told["findings"] if finding["subject"] == "database collation"]
        assert finding["found"].startswith("config.php wants utf8mb4_bin, the tables have utf8mb4_unicode_ci (")
        assert "mysql_collation.php" in finding["remedy"]
    finally:
        new.configure()
        old.query("DROP TABLE mdl_odd")


@pytest.mark.parametrize(("collation", "level"), [("utf8mb3_unicode_ci", "warning"), ("latin1_swedish_ci", "blocking")])
def test_a_database_that_is_not_of_utf8mb4_is_named(new: Site, old: Site, collation: str, level: str) -> None:
    old.query(f"CREATE TABLE mdl_odd (name VARCHAR(9)) COLLATE {collation}")
    new.configure(f"$CFG->dboptions['dbcollation'] = '{collation}';")
    try:
        assert found(asked(new)) == {"database collation": "warning", "database character set": level}
    finally:
        new.configure()
        old.query("DROP TABLE mdl_odd")


def test_a_list_of_components_that_releases_share_is_named_and_left_alone(new: Site, old: Site, tmp_path: Path) -> None:
    shared = tmp_path / "components.php"
    setting = f"$CFG->alternative_component_cache = '{shared}';"
    for site in (old, new):
        site.configure(setting)
    try:
        assert old.cli("admin/cli/alternative_component_cache.php", "--rebuild").rc == 0
        before = shared.read_bytes()
        assert "alternative_component_cache" in blocking(asked(new))
        assert shared.read_bytes() == before
        assert "Outdated" in new.cli("admin/cli/upgrade.php", "--is-pending").text, "as it would stop after the switch"
        new.configure(setting + " $CFG->alternative_component_cache .= '.' . basename(__DIR__);")
        assert "alternative_component_cache" not in blocking(asked(new))
    finally:
        for site in (old, new):
            site.configure()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=0755", "tmpfs", folder]).rc != 0:
        pytest.skip("a small disk cannot be mounted here: missing room was not tried")
    yield folder
    run(["umount", "--lazy", folder])


def test_missing_room_is_named(new: Site, small_disk: Path) -> None:
    assert found(asked(new, dumps=small_disk.parent / "not" / "there" / "yet")) == {}
    told = asked(new, dumps=small_disk / "not" / "there" / "yet")
    assert found(told) == {"room for the dump": "blocking"}
    new.configure(f"$CFG->dataroot = '{small_disk}';")
    try:
        assert found(asked(new)) == {"room in dataroot": "blocking"}
    finally:
        new.configure()


# The database as a whole


def tool(site: Site, *words: str | Path) -> Result:
    return site.php(SHARED / "database.php", site.code, *words, timeout=900)


def test_a_dump_restores_what_was_there(old: Site, tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql.gz"
    done = tool(old, "dump", dump)
    assert done.rc == 0, done.err
    assert stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [dump]
    before = {row["Tables"] for row in tables(old)}
    old.query("CREATE TABLE mdl_of_a_newer_version (id INT)")
    old.query("CREATE TABLE other_table (id INT)")
    old.query("UPDATE mdl_config SET value = 'changed' WHERE name = 'release'")
    try:
        done = tool(old, "restore", dump)
        assert done.rc == 0, done.err
        assert old.config("release", None) != "changed"
        assert {row["Tables"] for row in tables(old)} == before | {"other_table"}, "what is not Moodle's stays"
    finally:
        old.query("DROP TABLE other_table")


def tables(site: Site) -> list[dict[str, str | None]]:
    return site.query("SELECT table_name AS Tables FROM information_schema.tables WHERE table_schema = DATABASE()")


@pytest.mark.parametrize("damage", ["cut off", "empty", "missing", "no dump"])
def test_a_dump_that_is_not_whole_is_not_restored(old: Site, tmp_path: Path, damage: str) -> None:
    dump = tmp_path / "dump.sql.gz"
    assert tool(old, "dump", dump).rc == 0
    data = dump.read_bytes()
    if damage == "missing":
        dump.unlink()
    else:
        dump.write_bytes({"cut off": data[:-2000], "empty": b"", "no dump": gzip.compress(b"SELECT 1;")}[damage])
    release = old.config("release")
    done = tool(old, "restore", dump)
    assert done.rc == 1
    assert str(dump) in done.err
    assert old.config("release") == release


def test_a_copy_is_another_database_and_is_emptied(old: Site, database_server: MariaDB) -> None:
    database_server.create("copied")
    done = tool(old, "copy", "copied")
    assert done.rc == 0, done.err
    assert database_server.execute(RELEASE, "copied")[0]["value"] == old.config("release")
    assert tool(old, "clear", "copied").rc == 0
    assert database_server.execute("SHOW TABLES", "copied") == []


def test_the_sites_own_database_is_no_copy(old: Site) -> None:
    name = str(old.query("SELECT DATABASE() AS name")[0]["name"])
    for action in ("clear", "copy"):
        done = tool(old, action, name)
        assert done.rc == 1
        assert "own database" in done.err
    assert old.config("release")


def test_old_code_gets_rid_of_what_newer_code_has_cached(old: Site, new: Site, tmp_path: Path) -> None:
    """The last of these tests that goes between two releases: dump, upgrade, and back."""
    dump = tmp_path / "dump.sql.gz"
    tool(old, "dump", dump).must_succeed()
    release = old.config("release")
    new.cli("admin/cli/upgrade.php", "--non-interactive", timeout=900).must_succeed()
    assert old.config("release") != release
    tool(old, "restore", dump).must_succeed()
    assert "The data source class does not exist" in old.cli("admin/cli/purge_caches.php").text
    done = old.php(PHP / "caches.php", old.code)
    assert (done.rc, done.out) == (0, ""), done.err
    assert old.cli("admin/cli/purge_caches.php").rc == 0
    assert (old.config("release"), asked(old)["pending"]) == (release, False)


def test_a_server_that_is_gone_is_named_and_no_password_shows(old: Site, tmp_path: Path) -> None:
    config = old.code / "config.php"
    before = config.read_text()
    config.write_text(before.replace("require_once", "$CFG->dbpass = 'hush-hush'; $CFG->dbuser = 'nobody';\nrequire_once", 1))
    try:
        done = tool(old, "dump", tmp_path / "dump")
    finally:
        config.write_text(before)
    assert done.rc == 1
    assert "nobody" in done.err
    assert "hush" not in done.out + done.err
    assert list(tmp_path.iterdir()) == []
