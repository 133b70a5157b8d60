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
from support.repositories import git

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "Adm1n; 'quoted' $ecret"  # noqa: S105 - of a site that lives as long as this test


class Played(t.NamedTuple):
    code: int
    said: str


class Site:
    """A campus whose config.php names a database of the private server."""

    def __init__(self, campus: Campus, server: MariaDB, name: str = "site_under_delivery") -> None:
        self.campus = campus
        self.server = server
        self.name = name
        server.create(self.name)
        (campus.folder / "hosts.json").write_text(json.dumps({"all": {"children": campus.inventory()}}))

    def play(self, playbook: str, **more: t.Any) -> Played:
        database = {
            "type": "mariadb",
            "host": self.server.host,
            "socket": str(self.server.socket),
            "name": self.name,
            "user": self.server.user,
            "password": self.server.password,
        }
        variables = self.campus.variables(moodle_site_database=database, moodle_site_admin_password=PASSWORD, **more)
        command = [str(Path(sys.executable).with_name("ansible-playbook")), f"lms.moodle.{playbook}", "-vv", "--diff"]
        command += ["-i", str(self.campus.folder / "hosts.json"), "-e", json.dumps(variables)]
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return Played(done.returncode, done.stdout.decode(errors="replace"))

    def database_version(self) -> str | None:
        return self.server.execute("SELECT value FROM mdl_config WHERE name = 'release'", self.name)[0]["value"]

    def setting(self, name: str) -> str | None:
        rows = self.server.execute("SELECT name, value FROM mdl_config", self.name)
        return {row["name"]: row["value"] for row in rows}.get(name)

    def dumps(self) -> list[Path]:
        return sorted(self.campus.site.with_name("site-dumps").glob("*.sql.gz"))

    def previous(self) -> str:
        """The release that was served before, which nobody asked over HTTP and so is not the safe one."""
        previous: str = json.loads((self.campus.site / ".delivery" / "state.json").read_text())["previous"]
        return previous

    def goes_wrong(self, **points: str) -> None:
        (self.campus.folder / "data" / "minimoodle.json").write_text(json.dumps(points))

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


def test_what_stands_in_the_way_is_named_with_its_remedy_and_nothing_is_touched(site: Site) -> None:
    site.campus.declare("4.2.0")
    refused = site.play("deliver")
    assert refused.code != 0
    assert "core: the code is 2023042400" in refused.said
    assert "Remedy: deliver that version or a newer one" in refused.said
    assert site.campus.version() == "4.3.1"
    assert not site.closed


@pytest.fixture(scope="module")
def window(database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Another site, on 4.1."""
    site = Site(make_campus(tmp_path_factory.mktemp("window")), database_server, "site_in_its_window")
    site.campus.declare("4.1.0")
    first = site.play("deliver")
    assert first.code == 0, first.said[-3000:]
    return site


def nothing_is_open(site: Site) -> None:
    assert not site.closed
    assert site.setting("cron_enabled") == "1"
    assert not [word for word in ("closed", "cron_paused") if (site.campus.site / ".delivery" / word).exists()]


def test_a_dump_is_made_and_cron_rests_while_the_database_is_upgraded(window: Site) -> None:
    window.campus.declare("4.2.0")
    done = window.play("deliver", moodle_dump=True)
    assert done.code == 0, done.said[-3000:]
    assert "4.2 " in str(window.database_version())
    for task in ("Pause cron", "Dump the database", "Switch cron on"):
        assert task in done.said
    assert [dump.stat().st_mode & 0o777 for dump in window.dumps()] == [0o600]
    nothing_is_open(window)


def test_an_upgrade_that_crashes_is_undone_with_the_database_when_that_was_asked_for(window: Site) -> None:
    before = window.setting("version")
    window.campus.declare("4.3.0")
    window.goes_wrong(upgrade="crash")
    undone = window.play("deliver", moodle_dump=True, moodle_restore=True)
    window.goes_wrong()
    assert undone.code != 0
    assert "code and database are as they were before" in undone.said
    assert (window.campus.version(), window.setting("version")) == ("4.2", before)
    nothing_is_open(window)


def test_what_fails_in_the_rehearsal_touches_nothing(window: Site) -> None:
    window.server.create("rehearsal")
    window.campus.declare("4.3.0")
    window.server.execute("RENAME TABLE mdl_reportbuilder_stamp TO mdl_moved_away", window.name)
    rehearsal = {"moodle_rehearse": True, "moodle_rehearsal_database": "rehearsal", "moodle_dump": True}
    failed = window.play("deliver", **rehearsal)
    window.server.execute("RENAME TABLE mdl_moved_away TO mdl_reportbuilder_stamp", window.name)
    assert failed.code != 0
    assert "The upgrade failed in the rehearsal" in failed.said
    assert "Close the site" not in failed.said
    assert (window.campus.version(), window.setting("branch")) == ("4.2", "402")
    assert window.server.execute("SHOW TABLES", "rehearsal") == []

    done = window.play("deliver", **rehearsal)
    assert done.code == 0, done.said[-3000:]
    assert "The upgrade of a copy of the database took" in done.said
    assert (window.campus.version(), window.setting("branch")) == ("4.3", "403")
    assert window.server.execute("SHOW TABLES", "rehearsal") == []
    nothing_is_open(window)


def test_the_way_back_with_a_dump_asks_whether_new_data_may_be_lost(window: Site) -> None:
    dump = str(window.dumps()[-1])
    refused = window.play("rollback", moodle_restore_dump=dump)
    assert refused.code != 0
    assert "would be lost" in refused.said
    assert window.setting("branch") == "403"
    done = window.play("rollback", moodle_restore_dump=dump, moodle_accept_data_loss=True, moodle_release_id=window.previous())
    assert done.code == 0, done.said[-3000:]
    assert (window.campus.version(), window.setting("branch")) == ("4.2", "402")
    nothing_is_open(window)


def test_from_code_that_is_served_whole_to_code_with_a_folder_public_and_back(
    database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As from Moodle 5.0 to 5.1: all that is served moves into the folder, config.php and the command lines stay."""
    site = Site(make_campus(tmp_path_factory.mktemp("public")), database_server, "site_with_public")
    code = site.campus.folder / "code"
    git(site.campus.folder, "clone", "--quiet", str(site.campus.sources["moodle"]), str(code))
    git(code, "checkout", "--quiet", "v4.3.0")
    (code / "public").mkdir()
    for path in git(code, "ls-tree", "--name-only", "HEAD").splitlines():
        git(code, "mv", path, "public")
    git(code, "mv", "public/admin/cli", "cli")
    (code / "admin").mkdir()
    git(code, "mv", "cli", "admin/cli")
    (code / "public" / "config.php").write_text("<?php require_once(__DIR__ . '/../config.php');\n")
    git(code, "add", "--all", "--force")
    git(code, "commit", "--quiet", "-m", "public")
    git(code, "tag", "public")
    plays: dict[str, t.Any] = {"moodle_repository": str(code), "moodle_manifest": None, "moodle_dump": True}

    first = site.play("deliver", moodle_revision="v4.2.0", **plays)
    assert first.code == 0, first.said[-3000:]
    second = site.play("deliver", moodle_revision="public", **plays)
    assert second.code == 0, second.said[-3000:]
    assert "Upgrade the database, once" in second.said
    assert (site.setting("branch"), (site.campus.site / "current/public/version.php").exists()) == ("403", True)
    nothing_is_open(site)

    back = {"moodle_restore_dump": str(site.dumps()[0]), "moodle_accept_data_loss": True, "moodle_release_id": site.previous()}
    gone_back = site.play("rollback", **back, **plays)
    assert gone_back.code == 0, gone_back.said[-3000:]
    assert (site.setting("branch"), site.campus.version()) == ("402", "4.2")
    nothing_is_open(site)


def test_what_somebody_closed_before_stays_closed(database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> None:
    site = Site(make_campus(tmp_path_factory.mktemp("closed")), database_server, "site_closed_before")
    # Nobody listens there: what is closed is not asked.
    unasked = {"moodle_health_url": "http://127.0.0.1:9/"}
    site.campus.declare("4.1.0")
    first = site.play("deliver")
    assert first.code == 0, first.said[-3000:]

    marker = site.campus.folder / "data" / "climaintenance.html"
    marker.write_text("We are moving house.")
    site.campus.declare("4.2.0")
    done = site.play("deliver", moodle_session_title="Summer", **unasked)
    assert done.code == 0, done.said[-3000:]
    assert "The site was closed before, and stays so." in done.said
    assert (marker.read_text(), site.setting("branch"), site.setting("cron_enabled")) == ("We are moving house.", "402", "1")
    [session] = (site.campus.site / ".delivery" / "sessions").iterdir()
    steps = [json.loads(line).get("step") for line in (site.campus.site / ".delivery" / "journal.jsonl").read_text().splitlines()]
    assert "left_closed" in steps, session
    assert "maintenance_off" not in steps

    marker.unlink()
    site.server.execute("UPDATE mdl_config SET value = '1' WHERE name = 'maintenance_enabled'", site.name)
    site.server.execute("INSERT IGNORE INTO mdl_config (name, value) VALUES ('maintenance_enabled', '1')", site.name)
    site.campus.declare("4.3.0")
    site.goes_wrong(upgrade="crash")
    crashed = site.play("deliver", **unasked)
    assert crashed.code != 0
    assert site.closed, "to administrators too, as long as code and database may not fit"
    site.goes_wrong()
    done = site.play("deliver", **unasked)
    assert done.code == 0, done.said[-3000:]
    assert "closed before to all but administrators, and stays so" in done.said
    assert (site.setting("maintenance_enabled"), site.setting("branch")) == ("1", "403")
    nothing_is_open(site)
