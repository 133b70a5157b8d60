# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The upgrade of a site's database that goes wrong, a run that is killed before it, and a site that somebody has closed."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from support.campus import make_campus
from support.delivered_site import Site
from support.mariadb import MariaDB


@pytest.fixture(scope="module")
def site(database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site on 4.2; each test goes on where the one before ended."""
    site = Site(make_campus(tmp_path_factory.mktemp("campus")), database_server)
    site.campus.declare("4.2.0")
    first = site.play("deliver")
    assert first.code == 0, first.said[-3000:]
    return site


def test_an_upgrade_that_crashes_is_undone_with_the_database_when_that_was_asked_for(site: Site) -> None:
    before = site.setting("version")
    site.campus.declare("4.3.0")
    site.goes_wrong(upgrade="crash")
    undone = site.play("deliver", moodle_dump=True, moodle_restore=True)
    site.goes_wrong()
    assert undone.code != 0
    assert "code and database are as they were before" in undone.said
    assert (site.campus.version(), site.setting("version")) == ("4.2", before)
    site.nothing_is_open()


def test_what_fails_in_the_rehearsal_touches_nothing(site: Site) -> None:
    site.server.create("rehearsal")
    site.campus.declare("4.3.0")
    site.server.execute("RENAME TABLE mdl_reportbuilder_stamp TO mdl_moved_away", site.name)
    rehearsal = {"moodle_rehearse": True, "moodle_rehearsal_database": "rehearsal", "moodle_dump": True}
    failed = site.play("deliver", **rehearsal)
    site.server.execute("RENAME TABLE mdl_moved_away TO mdl_reportbuilder_stamp", site.name)
    assert failed.code != 0
    assert "The upgrade failed in the rehearsal" in failed.said
    assert "Close the site" not in failed.said
    assert (site.campus.version(), site.setting("branch")) == ("4.2", "402")
    assert site.server.execute("SHOW TABLES", "rehearsal") == []

    done = site.play("deliver", **rehearsal)
    assert done.code == 0, done.said[-3000:]
    assert "The upgrade of a copy of the database took" in done.said
    assert (site.campus.version(), site.setting("branch")) == ("4.3", "403")
    assert site.server.execute("SHOW TABLES", "rehearsal") == []
    site.nothing_is_open()


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


def test_a_run_that_was_killed_when_all_was_staged_is_gone_on_with(
    database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = Site(make_campus(tmp_path_factory.mktemp("killed")), database_server, "site_of_a_killed_run")
    site.campus.declare("4.2.0")
    first = site.play("deliver")
    assert first.code == 0, first.said[-3000:]

    site.campus.declare("4.3.0")
    state = site.campus.site / ".delivery" / "state.json"
    with site.begin("deliver") as play:
        limit = time.monotonic() + 300
        while json.loads(state.read_text())["phase"] != "updated" and play.poll() is None:
            assert time.monotonic() < limit, "nothing was ever staged"
            time.sleep(0.05)
        os.killpg(play.pid, signal.SIGKILL)
    assert (site.campus.version(), site.setting("branch")) == ("4.2", "402")

    done = site.play("deliver")
    assert done.code == 0, done.said[-3000:]
    assert (site.campus.version(), site.setting("branch")) == ("4.3", "403")
    site.nothing_is_open()


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
    site.nothing_is_open()
