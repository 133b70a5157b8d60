# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Moodle on PostgreSQL: looked at, dumped, upgraded, and back again with its database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.moodle import Site, installed_site
from support.platforms import Platform
from support.postgresql import PostgreSQL
from support.process import Result

TOOLS = Path(__file__).resolve().parents[2] / "roles" / "delivery" / "files"
PHP = Path(__file__).resolve().parents[2] / "plugins" / "php"
SHARED = Path(__file__).resolve().parents[2] / "plugins" / "php"
TABLES = "SELECT count(*) AS tables FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture(scope="module")
def old(real_platform: Platform, postgresql_server: PostgreSQL, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return installed_site(real_platform, tmp_path_factory.mktemp("postgresql"), postgresql_server, virtual=False)


def tool(site: Site, *words: str | Path) -> Result:
    return site.php(SHARED / "database.php", site.code, *words, timeout=900)


def test_from_the_old_release_to_the_new_one_and_back(old: Site, tmp_path: Path) -> None:
    new = old.on(old.platform.new, tmp_path / "code")
    told = json.loads(new.php(TOOLS / "preflight.php", new.code).must_succeed().out.splitlines()[-1])
    assert (told["installed"], told["pending"]) == (True, True)
    assert [finding for finding in told["findings"] if finding["level"] == "blocking"] == []

    before = old.query(TABLES)
    course = old.make_course("dumped", size="S")
    dump = tmp_path / "dump.sql.gz"
    tool(old, "dump", dump).must_succeed()
    new.cli("admin/cli/upgrade.php", "--non-interactive", timeout=900).must_succeed()
    old.query("DELETE FROM mdl_course WHERE category <> 0")
    assert str(old.config("branch")) == "403"

    tool(old, "restore", dump).must_succeed()
    old.php(PHP / "caches.php", old.code).must_succeed()
    assert (old.config("branch"), old.query(TABLES)) == ("402", before)
    assert old.query("SELECT id FROM mdl_course WHERE shortname = 'dumped'") == [{"id": str(course)}]
    assert old.cli("admin/cli/check_database_schema.php").rc == 0
    assert old.make_course("after") > course
