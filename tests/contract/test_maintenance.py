# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Closing and opening a site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.moodle import Site
from support.web import PhpServer

SCRIPT = "admin/cli/maintenance.php"


@pytest.fixture
def marker(site: Site) -> Iterator[Path]:
    """The file that closes the site; the site is open again afterwards."""
    yield site.dataroot / "climaintenance.html"
    site.cli(SCRIPT, "--disable").must_succeed()


def test_open_site_answers_200(web: PhpServer) -> None:
    assert web.get("/").status == 200


def test_status_of_an_open_site(site: Site) -> None:
    result = site.cli(SCRIPT)
    assert (result.rc, result.out) == (0, f"== Maintenance mode ({site.wwwroot}) ==\nStatus: disabled\n")


def test_enabled_means_a_marker_file_and_503_with_retry_after(site: Site, marker: Path, web: PhpServer) -> None:
    assert site.cli(SCRIPT, "--enable").rc == 0
    assert marker.is_file()
    assert "Status: enabled" in site.cli(SCRIPT).out
    answer = web.get("/")
    assert (answer.status, answer.headers["retry-after"]) == (503, "300")
    assert answer.body == marker.read_text()
    assert site.cli(SCRIPT, "--disable").rc == 0
    assert not marker.exists()
    assert web.get("/").status == 200


def test_marker_file_alone_closes_the_site(marker: Path, web: PhpServer) -> None:
    marker.write_text("back soon")
    assert (web.get("/").status, web.get("/").body) == (503, "back soon")


def test_enabling_twice_and_disabling_twice_succeed(site: Site, marker: Path) -> None:
    assert [site.cli(SCRIPT, word).rc for word in ("--enable", "--enable", "--disable", "--disable")] == [0, 0, 0, 0]
    assert not marker.exists()


def test_enablelater_on_a_closed_site_does_nothing_and_still_exits_0(site: Site, marker: Path) -> None:
    site.cli(SCRIPT, "--enable").must_succeed()
    assert site.cli(SCRIPT, "--enablelater=5").rc == 0
    assert site.config("maintenance_later") is None


def test_enablelater_is_only_a_time_in_the_database(site: Site, marker: Path) -> None:
    assert site.cli(SCRIPT, "--enablelater=5").rc == 0
    assert not marker.exists()
    assert int(site.config("maintenance_later") or 0) > 0


def test_enableold_leaves_no_marker_file(site: Site, marker: Path) -> None:
    assert site.cli(SCRIPT, "--enableold").rc == 0
    assert not marker.exists()
    assert site.config("maintenance_enabled") == "1"
    assert "Status: enabled" in site.cli(SCRIPT).out


def test_closed_site_still_runs_most_scripts_but_neither_cron_nor_deletions(site: Site, marker: Path) -> None:
    site.cli(SCRIPT, "--enable").must_succeed()
    assert site.cli("admin/cli/purge_caches.php").rc == 0
    assert site.cli("admin/cli/cron.php").rc == 1
    assert site.cli("admin/cli/delete_course.php", "--courseid=2", "--non-interactive").rc == 1
