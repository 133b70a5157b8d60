# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Moodle and real plugins, their refs left to the module: what it builds is installed and upgraded by Moodle itself."""

from __future__ import annotations

import itertools
import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest
from support.cache import cache_directory
from support.mariadb import MariaDB
from support.moodle import Site, install_database, keep_installation, load_installation
from support.platforms import Platform
from support.play import run_module
from support.process import Result, run
from support.sources import unreadable

MOODLESCRIPT = "local_moodlescript"
# It says so itself: 4.1.1, of which 4.1.0 is one short.
MOODLESCRIPT_NEEDS = 2022112801
# A weekly of what was to become 4.4.
WEEKLY_OF_404 = "6374475dc3cf3a94e22ec18c4655b89819a1b5d6"
# What Moodle writes where a plugin does not fit, or where code is wrong.
COMPLAINTS = re.compile(r"dependenc|does not support|requires|!!!|exception|error|warning|notice|downgrade", re.IGNORECASE)
# Names of plugins and settings; and that the PHP here is newer than an old Moodle is no fault.
NO_COMPLAINTS = ("-->", "New setting: ", "Deprecated: ", "PHP Deprecated: ")


@dataclass
class Builder:
    """The code base of one project, whose plugins name no ref."""

    folder: Path
    sources: Mapping[str, str]
    _numbers: t.Iterator[int] = field(default_factory=itertools.count)

    @property
    def repository(self) -> Path:
        return self.folder / "campus.git"

    def ask(self, moodle: Mapping[str, str], plugins: Iterable[str]) -> dict[str, t.Any]:
        """The module's result, a refusal's too."""
        definition = {
            "project": "campus",
            "moodle": {"source": self.sources["moodle"], **moodle},
            "plugins": {name: {"source": self.sources[name]} for name in plugins},
        }
        # The store outlives the test, so that Moodle is fetched once.
        arguments = {"definition": definition, "store": str(cache_directory() / "codebase.git"), "repository": str(self.repository)}
        return run_module("moodle_codebase", arguments, self.folder / f"play-{next(self._numbers)}")

    def build(self, version: str, plugins: Iterable[str]) -> dict[str, t.Any]:
        built = self.ask({"version": version}, plugins)
        assert not built.get("failed"), built.get("msg")
        return built

    def extract(self, commit: str, folder: Path) -> Path:
        """The commit's files, as Git alone gives them."""
        folder.mkdir()
        archive = folder.with_suffix(".tar")
        run(["git", "archive", f"--output={archive}", commit], cwd=self.repository).must_succeed()
        run(["tar", "-x", "-f", archive, "-C", folder]).must_succeed()
        archive.unlink()
        return folder


@pytest.fixture(scope="module")
def builder(real_platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Builder:
    sources = {
        "moodle": real_platform.moodle,
        **real_platform.plugins,
        "local_vmoodle": real_platform.vmoodle,
        MOODLESCRIPT: "https://github.com/vfremaux/moodle-local_moodlescript",
    }
    for url in sources.values():
        if reason := unreadable(url):
            pytest.skip(reason)
    return Builder(tmp_path_factory.mktemp("codebase"), sources)


@pytest.fixture(scope="module")
def plugins(builder: Builder) -> list[str]:
    return [name for name in builder.sources if name != "moodle"]


@pytest.fixture
def empty_site(builder: Builder, real_platform: Platform, database_server: MariaDB) -> Site:
    """A site that has no code yet, and nothing in its database."""
    dataroot = builder.folder / "data"
    dataroot.mkdir()
    database_server.create("built")
    return Site(real_platform, Path(), dataroot, database_server, "built", "http://built.campus.test", Path())


def on(site: Site, built: Mapping[str, t.Any], builder: Builder) -> Site:
    """The same site on the code that was built."""
    code = builder.extract(built["commit"], builder.folder / f"code-{built['moodle']['branch']}")
    dump = cache_directory() / "dumps" / f"built-{built['tree']}.sql"
    moved = replace(site, code=code, dump=dump)
    moved.configure()
    return moved


def accepted(result: Result) -> None:
    """Exit code 0 is not enough."""
    complaints = [line for line in result.text.splitlines() if COMPLAINTS.search(line) and not line.startswith(NO_COMPLAINTS)]
    assert (result.rc, complaints) == (0, []), result.text[-4000:]


def holds(site: Site, built: Mapping[str, t.Any]) -> None:
    """The site is sound, and every part of it at the version that the module told."""
    core, *parts = built["components"]
    assert Decimal(site.config("version") or "") == Decimal(str(core["version"])), core
    rows = site.query("SELECT plugin, value FROM mdl_config_plugins WHERE name = 'version'")
    installed = {row["plugin"]: Decimal(row["value"] or "") for row in rows}
    told = {part["component"]: Decimal(str(part["version"])) for part in parts}
    assert {name: installed.get(name) for name in told} == told
    assert site.cli("admin/cli/upgrade.php", "--is-pending").rc == 0
    for check in ("environment", "upgrade"):
        checks = site.cli("admin/cli/checks.php", f"--filter={check}")
        assert checks.rc == 0, checks.text
    schema = site.cli("admin/cli/check_database_schema.php")
    assert schema.rc == 0, schema.text


def test_moodlescript_fits_no_4_1_0_and_it_says_what_is_needed(builder: Builder, plugins: list[str]) -> None:
    refused = builder.ask({"tag": "v4.1.0"}, plugins)
    assert refused["failed"]
    assert refused["msg"].startswith(f"{MOODLESCRIPT}: no version fits Moodle 4.1 (401); the nearest, ")
    assert f"needs Moodle version {MOODLESCRIPT_NEEDS} (4.1.1), this is 2022112800 (4.1)" in refused["msg"]
    assert "'force: true'" in refused["msg"]
    assert not builder.repository.exists()


def test_attendance_fits_no_4_4_and_the_nearest_is_named(builder: Builder) -> None:
    refused = builder.ask({"commit": WEEKLY_OF_404}, ["mod_attendance"])
    assert refused["failed"]
    assert refused["msg"].startswith(
        "mod_attendance: no version fits Moodle 4.4 (404); the nearest, branch MOODLE_403_STABLE (2024020500), supports 403, not 404;"
    )


def test_what_is_built_installs_and_upgrades_from_4_1_to_4_3(builder: Builder, plugins: list[str], empty_site: Site) -> None:
    without = [name for name in plugins if name != MOODLESCRIPT]
    oldest = builder.build("4.1+", without)
    # A source that ends at 4.1.0 has none that it fits.
    if oldest["moodle"]["version"] >= MOODLESCRIPT_NEEDS:
        oldest = builder.build("4.1+", plugins)
    assert oldest["moodle"]["branch"] == "401"
    site = on(empty_site, oldest, builder)
    # The same tree installs the same way: once is enough.
    loaded = load_installation(site)
    if not loaded:
        accepted(install_database(site))
    holds(site, oldest)
    if not loaded:
        keep_installation(site)

    for version, branch in (("4.2", "402"), ("4.3", "403")):
        built = builder.build(version, plugins)
        assert built["moodle"]["branch"] == branch
        assert {part["component"] for part in built["components"]} == {"moodle", *plugins}
        site = on(site, built, builder)
        assert site.cli("admin/cli/upgrade.php", "--is-pending").rc == 2
        accepted(site.cli("admin/cli/upgrade.php", "--non-interactive", timeout=900))
        holds(site, built)
