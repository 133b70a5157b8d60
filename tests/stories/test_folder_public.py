# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site whose code moves into the folder public, and back."""

from __future__ import annotations

import typing as t

import pytest
from support.campus import make_campus
from support.delivered_site import Site
from support.mariadb import MariaDB
from support.repositories import git


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
    site.nothing_is_open()

    back = {"moodle_restore_dump": str(site.dumps()[0]), "moodle_accept_data_loss": True, "moodle_release_id": site.previous()}
    gone_back = site.play("rollback", **back, **plays)
    assert gone_back.code == 0, gone_back.said[-3000:]
    assert (site.setting("branch"), site.campus.version()) == ("402", "4.2")
    site.nothing_is_open()
