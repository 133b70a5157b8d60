# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site with a database, delivered by the playbooks: installed, upgraded, gone back with. What goes wrong is in tests/stories."""

from __future__ import annotations

import pytest
from support.campus import make_campus
from support.delivered_site import Site
from support.mariadb import MariaDB


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
    second = site.play("deliver", moodle_dump=True)
    assert second.code == 0, second.said[-3000:]
    assert "4.3" in str(site.database_version()), "the pending upgrade was run"
    for task in ("Pause cron", "Close the site for the upgrade", "Dump the database", "Upgrade the database, once", "Switch cron on"):
        assert task in second.said
    assert [dump.stat().st_mode & 0o777 for dump in site.dumps()] == [0o600]
    site.nothing_is_open()


def test_what_stands_in_the_way_is_named_with_its_remedy_and_nothing_is_touched(site: Site) -> None:
    site.campus.declare("4.2.0")
    refused = site.play("deliver")
    assert refused.code != 0
    assert "core: the code is 2023042400" in refused.said
    assert "Remedy: deliver that version or a newer one" in refused.said
    assert site.campus.version() == "4.3"
    assert not site.closed


def test_the_way_back_with_a_dump_asks_whether_new_data_may_be_lost(site: Site) -> None:
    dump = str(site.dumps()[-1])
    refused = site.play("rollback", moodle_restore_dump=dump)
    assert refused.code != 0
    assert "would be lost" in refused.said
    assert site.setting("branch") == "403"
    done = site.play("rollback", moodle_restore_dump=dump, moodle_accept_data_loss=True, moodle_release_id=site.previous())
    assert done.code == 0, done.said[-3000:]
    assert (site.campus.version(), site.setting("branch")) == ("4.2", "402")
    site.nothing_is_open()
