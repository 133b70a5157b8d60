# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures for every test that wants a Moodle: one server and one site a platform for the whole run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .campus import Campus, make_campus
from .mail import SmtpServer
from .mariadb import MariaDB
from .moodle import Site, installed_site
from .nodes import Node
from .platforms import Platform, real, real_available, standin
from .postgresql import PostgreSQL
from .process import SupportError, program, run
from .web import PhpServer, free_port


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where the real Moodle is not asked for or not to be had, one test stands for all that need it, and says why."""
    left_out = [item for item in items if _needs_real(item)]
    reason = _why_not_real(config) if left_out else ""
    if not reason:
        return
    first, *others = left_out
    count = "1 test" if not others else f"{len(left_out)} tests"
    first.add_marker(pytest.mark.skip(reason=f"{count} on the real Moodle left out: {reason}"))
    gone = set(others)
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=others)


def _needs_real(item: pytest.Item) -> bool:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return parameters.get("platform") == "real" or "real_platform" in getattr(item, "fixturenames", ())


def _why_not_real(config: pytest.Config) -> str:
    if not config.getoption("--real", default=False):
        return "give --real (make test-real)"
    return real_available()[1]


@pytest.fixture(scope="session")
def database_server() -> Iterator[MariaDB]:
    """A private MariaDB; tests that need it are skipped by name where it or PHP is missing."""
    for name, package in (("mariadbd", "mariadb-server"), ("php", "php-cli, php-mysql")):
        try:
            program(name, package)
        except SupportError as missing:
            pytest.skip(str(missing))
    with MariaDB() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQL]:
    """A private PostgreSQL; tests that need it are skipped by name where it or PHP's driver is missing."""
    try:
        PostgreSQL.programs()
        if run([program("php", "php-cli"), "-r", "exit((int) !extension_loaded('pgsql'));"]).rc != 0:
            raise SupportError("PHP's extension pgsql is not installed: install it (Debian: apt-get install php-pgsql)")
    except SupportError as missing:
        pytest.skip(str(missing))
    with PostgreSQL() as server:
        yield server


@pytest.fixture(scope="session")
def standin_platform() -> Platform:
    return standin()


@pytest.fixture(scope="session")
def real_platform() -> Platform:
    """The real Moodle; tests that ask for it are left out where it cannot be had."""
    return real()


@pytest.fixture(scope="session", params=["standin", "real"])
def platform(request: pytest.FixtureRequest) -> Platform:
    """Each platform in turn: what a test asserts must hold on both."""
    chosen: Platform = request.getfixturevalue(f"{request.param}_platform")
    return chosen


@pytest.fixture(scope="session")
def site(platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """An installed site of the platform's old release, shared: a test that changes it puts it back."""
    return _site(platform, database_server, tmp_path_factory)


@pytest.fixture(scope="session")
def alpha(site: Site) -> Node:
    return site.add_node("alpha")


@pytest.fixture(scope="session")
def beta(site: Site) -> Node:
    return site.add_node("beta")


@pytest.fixture(scope="session")
def web(site: Site) -> Iterator[PhpServer]:
    """The shared site over HTTP."""
    with PhpServer(site.code, int(site.wwwroot.rsplit(":", 1)[1]), php=site.php_command()) as server:
        yield server


@pytest.fixture(scope="session")
def real_site(real_platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A real Moodle of the old release, for tests that only it can pass."""
    return _site(real_platform, database_server, tmp_path_factory)


@pytest.fixture(scope="session")
def standin_site(standin_platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A stand-in site of the old release, for tests that need it alone."""
    return _site(standin_platform, database_server, tmp_path_factory)


def _site(platform: Platform, server: MariaDB, folders: pytest.TempPathFactory) -> Site:
    return installed_site(platform, folders.mktemp(platform.name), server, wwwroot=f"http://127.0.0.1:{free_port()}")


@pytest.fixture
def smtp_server() -> Iterator[SmtpServer]:
    with SmtpServer().running() as server:
        yield server


@pytest.fixture
def campus(tmp_path: Path) -> Campus:
    """A campus that declares Moodle 4.2."""
    campus = make_campus(tmp_path / "campus")
    campus.declare("4.2.0")
    return campus
