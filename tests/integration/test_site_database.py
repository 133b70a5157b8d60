# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site with a database, delivered by the playbooks: installed once, upgraded once, and what happens when the upgrade fails."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from support.campus import Campus, make_campus
from support.mariadb import MariaDB

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "Adm1n; 'quoted' $ecret"  # noqa: S105 - of a site that lives as long as this test


class Played(t.NamedTuple):
    code: int
    said: str


class Site:
    """A campus whose config.php names a database of the private server."""

    def __init__(self, campus: Campus, server: MariaDB) -> None:
        self.campus = campus
        self.server = server
        self.name = "site_under_delivery"
        server.create(self.name)
        (campus.folder / "hosts.json").write_text(json.dumps({"all": {"children": campus.inventory()}}))

    def play(self, playbook: str) -> Played:
        database = {
            "type": "mariadb",
            "host": self.server.host,
            "socket": str(self.server.socket),
            "name": self.name,
            "user": self.server.user,
            "password": self.server.password,
        }
        variables = self.campus.variables(moodle_site_database=database, moodle_site_admin_password=PASSWORD)
        command = [str(Path(sys.executable).with_name("ansible-playbook")), f"lms.moodle.{playbook}", "-vv", "--diff"]
        command += ["-i", str(self.campus.folder / "hosts.json"), "-e", json.dumps(variables)]
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return Played(done.returncode, done.stdout.decode(errors="replace"))

    def database_version(self) -> str | None:
        return self.server.execute("SELECT value FROM mdl_config WHERE name = 'release'", self.name)[0]["value"]

    @property
    def closed(self) -> bool:
        return (self.campus.folder / "data" / "climaintenance.html").exists()


@pytest.fixture(scope="module")
def site(database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(make_campus(tmp_path_factory.mktemp("campus")), database_server)


def test_the_story_of_a_site(site: Site) -> None:
    """One story, since each delivery begins where the one before ended."""
    site.campus.declare("4.2.0")
    first = site.play("deliver")
    assert first.code == 0, first.said[-3000:]
    assert "4.2" in str(site.database_version()), "the first delivery installs the database"
    assert "Install the database, once" in first.said
    assert "secret" not in first.said, "the administrator's password shows nowhere"
    config = site.campus.site / "current" / "config.php"
    assert config.stat().st_mode & 0o777 == 0o440, "config.php can be read by the web server's group, and written by nobody"

    again = site.play("deliver")
    assert again.code == 0
    assert "changed=0" in again.said, "the same delivery once more changes nothing"

    site.campus.declare("4.3.0")
    second = site.play("deliver")
    assert second.code == 0, second.said[-3000:]
    assert "4.3" in str(site.database_version()), "the pending upgrade was run"
    assert not site.closed, "the site is open again"
    for task in ("Close the site for the upgrade", "Upgrade the database, once"):
        assert task in second.said


def test_an_upgrade_that_crashes_says_code_and_database_and_the_next_run_finishes(site: Site) -> None:
    site.campus.declare("4.3.1")
    fault = site.campus.folder / "data" / "minimoodle.json"
    fault.write_text(json.dumps({"upgrade": "crash"}))
    crashed = site.play("deliver")
    assert crashed.code != 0
    assert "needs the code AND the database" in crashed.said
    assert site.closed, "users stay out as long as code and database may not fit"
    assert site.campus.version() == "4.3.1"

    fault.unlink()
    finished = site.play("deliver")
    assert finished.code == 0, finished.said[-3000:]
    assert not site.closed
    assert "4.3.1" in str(site.database_version())
