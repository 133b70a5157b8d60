# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The oldest ansible-core that meta/runtime.yml allows. What a template makes of a number is text there, and conditions may be anything."""

from __future__ import annotations

from pathlib import Path

from support.campus import make_campus
from support.delivered_site import Site
from support.mariadb import MariaDB


def test_a_site_is_installed_upgraded_and_gone_back_with(oldest: Path, database_server: MariaDB, tmp_path: Path) -> None:
    site = Site(make_campus(tmp_path), database_server, "site_of_the_oldest", oldest)
    site.campus.declare("4.2.0", tool_steward="")
    first = site.play("deliver", moodle_session_title="First")
    assert first.code == 0, first.said[-3000:]
    again = site.play("deliver")
    assert again.code == 0, again.said[-3000:]
    assert "changed=0" in again.said

    site.campus.declare("4.3.0")
    second = site.play("deliver", moodle_dump=True, moodle_session_title="Upgrade", moodle_uninstall=["tool_steward"])
    assert second.code == 0, second.said[-3000:]
    assert not site.server.execute("SELECT id FROM mdl_config_plugins WHERE plugin = 'tool_steward'", site.name)
    assert "4.3" in str(site.database_version())
    site.nothing_is_open()

    dump = str(site.dumps()[-1])
    back = site.play("rollback", moodle_restore_dump=dump, moodle_accept_data_loss=True, moodle_release_id=site.previous())
    assert back.code == 0, back.said[-3000:]
    assert (site.campus.version(), site.setting("branch")) == ("4.2", "402")
    assert site.server.execute("SELECT id FROM mdl_config_plugins WHERE plugin = 'tool_steward'", site.name)
    site.nothing_is_open()
