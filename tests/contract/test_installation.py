# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Installing, and what scripts say where nothing is installed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.mariadb import MariaDB
from support.moodle import Site, install_database


@pytest.fixture(scope="module")
def unprepared(site: Site, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A configured site with an empty database."""
    folder = tmp_path_factory.mktemp("unprepared")
    shutil.copytree(site.code, folder / "code")
    (folder / "data").mkdir()
    empty = replace(site, code=folder / "code", dataroot=folder / "data", database=f"{site.database}_empty")
    database_server.create(empty.database)
    empty.configure()
    return empty


def test_installed_site_knows_its_release_and_its_own_name(site: Site) -> None:
    assert site.config("release") == "4.2 (Build: 20230424)"
    assert site.config("branch") == "402"
    assert len(site.config("siteidentifier") or "") > 32
    assert site.query("SELECT fullname, shortname FROM mdl_course WHERE category = 0") == [{"fullname": "Campus", "shortname": "campus"}]


def test_installing_twice_is_refused(site: Site) -> None:
    result = install_database(site)
    assert result.rc == 1
    assert "Database tables already present" in result.err


def test_installation_wants_the_licence_agreed_to(unprepared: Site) -> None:
    result = unprepared.cli("admin/cli/install_database.php", "--adminpass=Sesame-4-tests!")
    assert result.rc == 1
    assert "agree to the license" in result.err
    assert unprepared.query("SHOW TABLES") == []


def test_installation_checks_the_environment_first(unprepared: Site) -> None:
    script = unprepared.code / "admin/cli/install_database.php"
    result = unprepared.php("-d", "max_input_vars=1000", script, "--agree-license", "--adminpass=Sesame-4-tests!")
    assert result.rc == 1
    assert "max_input_vars" in result.out
    assert unprepared.query("SHOW TABLES") == []


def test_upgrade_without_an_installation_is_an_error(unprepared: Site) -> None:
    result = unprepared.cli("admin/cli/upgrade.php", "--non-interactive")
    assert result.rc == 1
    assert "Config table does not contain the version" in result.err


def test_purge_caches_without_an_installation_is_an_error(unprepared: Site) -> None:
    result = unprepared.cli("admin/cli/purge_caches.php")
    assert result.rc == 1
    assert "Error reading from database" in result.out


def test_missing_dataroot_is_named(unprepared: Site) -> None:
    away = unprepared.dataroot.rename(unprepared.dataroot.with_name("away"))
    try:
        result = unprepared.cli("admin/cli/cfg.php")
    finally:
        away.rename(unprepared.dataroot)
    assert result.rc == 1
    assert result.out.startswith("Fatal error: $CFG->dataroot is not configured properly")


def test_unreachable_database_is_said_on_standard_output(unprepared: Site) -> None:
    replace(unprepared, database="nosuchdatabase").configure()
    try:
        result = unprepared.cli("admin/cli/cfg.php", "--name=release")
    finally:
        unprepared.configure()
    assert result.rc == 1
    assert "Database connection failed" in result.out


def test_code_without_config_php_does_not_pretend(unprepared: Site) -> None:
    config: Path = unprepared.code / "config.php"
    text = config.read_text()
    config.unlink()
    try:
        result = unprepared.cli("admin/cli/purge_caches.php")
    finally:
        config.write_text(text)
    assert result.rc == 255
