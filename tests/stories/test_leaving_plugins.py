# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plugins that leave the code: told, refused, uninstalled with the code that still has them, and what goes wrong on the way."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import time

import pytest
from support.campus import make_campus, sessions_of
from support.delivered_site import ROOT, Played, Site
from support.mariadb import MariaDB

ALL = {"tool_steward": "", "mod_board": "", "block_notes": ""}
LEAVING = ["tool_steward"]


@pytest.fixture(scope="module")
def site(database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site on 4.2 with three plugins from elsewhere; each test goes on where the one before ended."""
    site = Site(make_campus(tmp_path_factory.mktemp("campus")), database_server, "site_of_leaving_plugins")
    deliver(site, **ALL)
    return site


def deliver(site: Site, **plugins: str) -> Played:
    site.campus.declare("4.2.0", **plugins)
    done = site.play("deliver")
    assert done.code == 0, done.said[-3000:]
    return done


def but(*components: str) -> dict[str, str]:
    return {name: tag for name, tag in ALL.items() if name not in components}


def known(site: Site, component: str) -> bool:
    return bool(site.server.execute(f"SELECT id FROM mdl_config_plugins WHERE plugin = '{component}' AND name = 'version'", site.name))  # noqa: S608


def boards(site: Site) -> list[str]:
    return [str(row["name"]) for row in site.server.execute("SELECT name FROM mdl_board", site.name)]


def ended(site: Site) -> dict[str, object]:
    """What the steward's own uninstall.php saw."""
    file = site.campus.folder / "data" / "steward-ended.json"
    found: dict[str, object] = json.loads(file.read_text()) if file.exists() else {}
    file.unlink(missing_ok=True)
    return found


def said(played: Played) -> str:
    return " ".join(played.said.split())


def test_what_cannot_be_uninstalled_is_refused_and_nothing_is_touched(site: Site) -> None:
    served = site.campus.served()
    site.campus.declare("4.2.0", **but("mod_board", "block_notes"))
    refused = site.play("deliver", moodle_uninstall=["block_notes", "mod_board", "local_nosuch", "tool_steward"])
    assert refused.code != 0
    for sentence in (
        "mod_board is needed by block_notes",
        "local_nosuch is known neither to the database nor to the code",
        "tool_steward does not leave, the new code holds it",
    ):
        assert sentence in said(refused)
    text = site.play("deliver", moodle_uninstall="block_notes")
    assert text.code != 0
    assert "is a list of plugins by their full names" in said(text)
    for played in (refused, text):
        assert "Pause cron" not in played.said
        assert "Close the site" not in played.said
    assert [known(site, one) for one in ALL] == [True, True, True]
    assert (site.campus.served(), site.closed) == (served, False)


def test_check_mode_says_what_it_would_do(site: Site) -> None:
    site.campus.declare("4.2.0", **but("tool_steward"))
    # Check mode commits no new code base: one that is built already is asked for.
    assert site.play("build").code == 0
    tags = ["git", "for-each-ref", "--sort=-creatordate", "--format=%(objectname)", "refs/tags"]
    revision = subprocess.run(tags, cwd=site.campus.folder / "campus.git", capture_output=True, text=True, check=True).stdout.split()[0]
    command = [*site.command("deliver", moodle_manifest=None, moodle_revision=revision, moodle_uninstall=LEAVING), "--check"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    told = " ".join(done.stdout.split())
    assert f"these would be uninstalled from the database {site.name} on" in told
    assert (known(site, "tool_steward"), site.closed) == (True, False)


def test_without_the_dump_that_was_asked_for_nothing_is_uninstalled(site: Site) -> None:
    site.campus.declare("4.2.0", **but("tool_steward"))
    site.server.execute("CREATE VIEW mdl_of_nothing AS SELECT id FROM mdl_board", site.name)
    site.server.execute("RENAME TABLE mdl_board TO mdl_board_away", site.name)
    failed = site.play("deliver", moodle_uninstall=LEAVING, moodle_dump=True)
    site.server.execute("RENAME TABLE mdl_board_away TO mdl_board", site.name)
    site.server.execute("DROP VIEW mdl_of_nothing", site.name)
    assert failed.code != 0
    assert "Dump the database" in failed.said
    assert "Uninstall the plugins" not in failed.said
    assert (known(site, "tool_steward"), ended(site)) == (True, {})
    site.nothing_is_open()


def test_it_is_uninstalled_in_the_closed_site_after_the_dump(site: Site) -> None:
    site.campus.declare("4.2.0", **but("tool_steward"))
    done = site.play("deliver", moodle_uninstall=LEAVING, moodle_dump=True, moodle_session_title="Goodbye")
    assert done.code == 0, done.said[-3000:]
    assert ended(site) == {"closed": True, "cron": "0"}
    assert not known(site, "tool_steward")
    assert "A dump brings back no files" in said(done)
    assert f"Uninstalled from the database {site.name} on" in said(done)
    [dump] = site.dumps()
    assert b"tool_steward" in gzip.decompress(dump.read_bytes()), "it was taken before"
    [session] = sessions_of(site.campus.site)
    journal = [json.loads(line) for line in (site.campus.site / ".delivery" / "journal.jsonl").read_text().splitlines()]
    [note] = [line for line in journal if line.get("step") == "uninstall"]
    assert note["session"] == session["id"]
    assert note["output"].startswith(f"{site.name} on ")
    assert ": tool_steward\n" in note["output"]
    site.nothing_is_open()
    again = site.play("deliver", moodle_uninstall=LEAVING, moodle_dump=True)
    assert again.code == 0, again.said[-3000:]
    assert "changed=0" in again.said, "what was uninstalled is no unknown name"
    dump.unlink()


def test_the_site_is_closed_although_no_upgrade_is_pending(site: Site) -> None:
    without = site.setting("allversionshash")
    deliver(site, **ALL)
    site.server.execute(f"UPDATE mdl_config SET value = '{without}' WHERE name = 'allversionshash'", site.name)  # noqa: S608
    site.campus.declare("4.2.0", **but("tool_steward"))
    done = site.play("deliver", moodle_uninstall=LEAVING)
    assert done.code == 0, done.said[-3000:]
    assert (ended(site), known(site, "tool_steward")) == ({"closed": True, "cron": "0"}, False)
    site.nothing_is_open()


def test_what_nobody_asked_to_uninstall_is_told_and_stays_in_the_database(site: Site) -> None:
    deliver(site, **ALL)
    had = site.campus.served()
    done = deliver(site, **but("tool_steward"))
    assert "tool_steward: the database knows it and the code does not hold it. Remedy: put it into the code base, or name it" in said(done)
    assert "Moodle empties its trash once a day" in said(done)
    assert (known(site, "tool_steward"), ended(site)) == (True, {})
    late = site.play("deliver", moodle_uninstall=LEAVING)
    assert late.code != 0
    assert "tool_steward has left the code that is served already" in said(late)
    assert f"the release {had} does" in said(late)
    assert known(site, "tool_steward")
    site.nothing_is_open()
    deliver(site, **ALL)


def test_an_upgrade_that_fails_afterwards_is_undone_with_the_data(site: Site) -> None:
    site.server.execute("INSERT INTO mdl_board (course, name, timemodified) VALUES (1, 'dear', 0)", site.name)
    site.goes_wrong(upgrade="crash")
    notes_left = {"moodle_uninstall": ["block_notes"], "moodle_dump": True, "moodle_restore": True}
    site.campus.declare("4.3.0", **but("block_notes"))
    undone = site.play("deliver", **notes_left)
    site.goes_wrong()
    assert undone.code != 0
    assert "code and database are as they were before" in said(undone)
    assert "data of these plugins are gone" not in said(undone)
    assert (known(site, "block_notes"), boards(site), site.campus.version()) == (True, ["dear"], "4.2")
    site.nothing_is_open()


def test_what_breaks_off_half_way_is_told_and_the_next_run_does_the_rest(site: Site) -> None:
    site.campus.declare("4.2.0", **but("block_notes"))
    assert site.play("deliver", moodle_uninstall=["block_notes"]).code == 0
    dumps = site.dumps()
    served = site.campus.served()
    asked = {"moodle_uninstall": ["mod_board", "tool_steward"], "moodle_dump": True}
    site.campus.declare("4.2.0")
    site.goes_wrong(uninstall="die")
    failed = site.play("deliver", **asked)
    assert failed.code != 0
    assert "The database still holds the table board" in said(failed)
    assert "needs the code AND the database: the site stays closed on the old code" in said(failed)
    assert f"are gone, wholly or in part, from the database {site.name} on" in said(failed)
    assert (site.closed, site.campus.served(), known(site, "mod_board"), known(site, "tool_steward")) == (True, served, False, True)
    [dump] = [dump for dump in site.dumps() if dump not in dumps]

    unnamed = site.play("deliver")
    assert unnamed.code != 0
    assert "mod_board was left half uninstalled by an earlier run" in said(unnamed)

    # What goes wrong now goes back to before all that.
    site.goes_wrong(uninstall="die")
    undone = site.play("deliver", moodle_restore=True, **asked)
    site.goes_wrong()
    assert undone.code != 0
    assert "Plugins were uninstalled: code and database are as they were before" in said(undone)
    assert str(dump) in said(undone)
    assert (known(site, "mod_board"), boards(site), site.campus.served()) == (True, ["dear"], served)
    site.nothing_is_open()

    site.goes_wrong(uninstall="die")
    assert site.play("deliver", **asked).code != 0
    site.goes_wrong()
    done = site.play("deliver", **asked)
    assert done.code == 0, done.said[-3000:]
    assert [known(site, one) for one in ALL] == [False, False, False]
    assert not site.server.execute("SHOW TABLES LIKE 'mdl_board'", site.name)
    site.nothing_is_open()


def test_a_run_that_is_killed_between_uninstalling_and_the_switch_is_gone_on_with(site: Site) -> None:
    deliver(site, **but("block_notes"))
    site.server.execute("INSERT INTO mdl_board (course, name, timemodified) VALUES (1, 'dear', 0)", site.name)
    asked = {"moodle_uninstall": ["mod_board"], "moodle_dump": True}
    site.campus.declare("4.2.0", tool_steward="")
    served = site.campus.served()
    with site.begin("deliver", **asked) as play:
        limit = time.monotonic() + 300
        while site.server.execute("SHOW TABLES LIKE 'mdl_board'", site.name) and play.poll() is None:
            assert time.monotonic() < limit, "nothing was ever uninstalled"
            time.sleep(0.02)
        os.killpg(play.pid, signal.SIGKILL)
    assert (site.closed, site.campus.served(), known(site, "mod_board")) == (True, served, False)
    dumps = site.dumps()

    site.goes_wrong(upgrade="crash")
    undone = site.play("deliver", moodle_restore=True, **asked)
    site.goes_wrong()
    assert undone.code != 0
    assert (boards(site), site.campus.served(), site.dumps()) == (["dear"], served, dumps), "back to the dump of the run that was killed"
    site.nothing_is_open()

    done = site.play("deliver", **asked)
    assert done.code == 0, done.said[-3000:]
    assert not known(site, "mod_board")
    site.nothing_is_open()
