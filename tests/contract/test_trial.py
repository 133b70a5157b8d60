# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is built is tried on a scratch database before it is committed: it installs, it upgrades, or nothing is committed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.mariadb import MariaDB
from support.moodle import Site
from support.platforms import Platform
from support.repositories import Source
from support.workbench import DEFAULTS

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.modules.moodle_codebase import CodebaseModule

SCRATCH = "scratch"


class Builder:
    """Builds code bases of one platform, and tries them on a scratch database."""

    def __init__(self, platform: Platform, server: MariaDB, folder: Path) -> None:
        self.platform, self.server, self.folder = platform, server, folder

    def build(self, mode: str, ref: str, plugins: dict[str, Any]) -> dict[str, Any]:
        server = self.server
        database = {"type": "mariadb", "host": server.host, "port": None, "socket": str(server.socket), "prefix": "mdl_"}
        trial = {"mode": mode, **database, "name": SCRATCH, "user": server.user, "password": server.password}
        places = {"store": str(self.folder / "store.git"), "repository": str(self.built), "lock_file": None}
        definition = {"project": "campus", "moodle": {"source": self.platform.moodle, "tag": ref}, "plugins": plugins}
        return CodebaseModule({**DEFAULTS, "definition": definition, **places, "trial": trial}, False, Background(None)).run()

    @property
    def built(self) -> Path:
        return self.folder / "built.git"

    def tables(self) -> int:
        return len(self.server.execute("SHOW TABLES", SCRATCH))


@pytest.fixture
def builder(platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    database_server.create(SCRATCH)
    yield Builder(platform, database_server, tmp_path_factory.mktemp(platform.name))
    database_server.drop(SCRATCH)


def test_what_installs_is_committed_and_leaves_the_database_empty(builder: Builder) -> None:
    assert builder.build("install", builder.platform.old, {})["changed"]
    assert builder.tables() == 0
    with pytest.raises(MoodleError, match="the database scratch is empty: to upgrade takes a copy of a site's"):
        builder.build("upgrade", builder.platform.new, {})


def test_what_does_not_install_is_not_committed(builder: Builder) -> None:
    ahead = Source(builder.folder / "ahead")
    files = {"version.php": "<?php $plugin->component = 'local_ahead'; $plugin->version = 2099010100; $plugin->requires = 2099010100;\n"}
    ahead.commit({**files, "lang/en/local_ahead.php": "<?php\n$string['pluginname'] = 'Ahead';\n"}, tag="v1")
    plugins = {"local_ahead": {"source": str(ahead.path), "tag": "v1", "force": True}}
    with pytest.raises(MoodleError, match=r"The built code does not install: .*Nothing was committed"):
        builder.build("install", builder.platform.old, plugins)
    assert not builder.built.exists()
    assert builder.tables() == 0


def test_a_copy_of_a_site_is_upgraded(builder: Builder, site: Site) -> None:
    platform, server = builder.platform, builder.server
    server.load(SCRATCH, server.dump(site.database, builder.folder / "site.sql"))
    plugins = {"local_vmoodle": {"source": platform.vmoodle, "branch": platform.vmoodle_ref}}
    with pytest.raises(MoodleError, match=r"the database scratch holds \d+ tables: to install takes an empty one"):
        builder.build("install", platform.new, plugins)
    result = builder.build("upgrade", platform.new, plugins)
    (row,) = server.execute("SELECT value FROM mdl_config WHERE name = 'version'", SCRATCH)
    assert float(row["value"] or 0) == float(result["moodle"]["version"])
