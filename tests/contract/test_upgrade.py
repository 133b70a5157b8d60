# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From 4.2 to 4.3: what is pending, what is refused, what is done. The tests follow one another, as an upgrade does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.mariadb import MariaDB
from support.moodle import Site, installed_site
from support.nodes import Node
from support.platforms import Platform
from support.process import Result

CORE, NODE = "admin/cli/upgrade.php", "local/vmoodle/cli/upgrade.php"
NOTHING_TO_DO = "No upgrade needed for the installed version"


@dataclass(frozen=True)
class Way:
    """One site on its old code and on its new one, with two nodes."""

    old: Site
    new: Site
    node: Node
    other: Node

    def upgrade(self, *words: str, node: Node | None = None) -> Result:
        if node:
            return self.new.cli(NODE, f"--host={node.wwwroot}", *words, timeout=900)
        return self.new.cli(CORE, *words, timeout=900)


@pytest.fixture(scope="module")
def way(platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Way:
    folder = tmp_path_factory.mktemp("upgrade")
    old = installed_site(platform, folder, database_server)
    return Way(old, old.on(platform.new, folder / "new"), old.add_node("alpha"), old.add_node("beta"))


@pytest.fixture
def local_plugin(way: Way) -> Iterator[Path]:
    """The version.php of a plugin that is there for one test."""
    folder = way.new.code / "local/contract"
    folder.mkdir()
    file = folder / "version.php"
    yield file
    file.unlink()
    folder.rmdir()


def _contributed(condition: str) -> str:
    return (
        "<?php defined('MOODLE_INTERNAL') || die();\n"
        f"$plugin->component = 'local_contract';\n$plugin->version = 2023010100;\n$plugin->{condition};\n"
    )


def test_nothing_is_pending_on_the_old_code(way: Way) -> None:
    for words in ([], ["--is-pending"], ["--is-maintenance-required"], ["--non-interactive"]):
        result = way.old.cli(CORE, *words)
        assert result.rc == 0
        assert NOTHING_TO_DO in result.err


def test_new_code_makes_an_upgrade_pending_for_master_and_node(way: Way) -> None:
    for node in (None, way.node):
        result = way.upgrade("--is-pending", node=node)
        assert result.rc == 2
        assert "An upgrade is pending" in result.err
    assert way.upgrade("--is-maintenance-required").rc == 2


def test_while_it_is_pending_the_checks_say_so_and_cron_stops(way: Way) -> None:
    checks = way.new.cli("admin/cli/checks.php", "--filter=upgrade")
    assert (checks.rc, checks.out.splitlines()[0]) == (2, "CRITICAL: Upgrade (core_upgradecheck)")
    assert way.new.cli("admin/cli/cron.php").rc == 1
    assert way.new.cli("admin/cli/purge_caches.php").rc == 0


def test_environment_that_fails_stops_it_before_anything_is_written(way: Way) -> None:
    result = way.new.php("-d", "max_input_vars=1000", way.new.code / CORE, "--non-interactive")
    assert result.rc == 1
    assert "max_input_vars" in result.out
    assert way.new.config("release") == "4.2 (Build: 20230424)"


@pytest.mark.parametrize(
    "condition",
    ["requires = 2099010100", "dependencies = ['local_nosuchplugin' => ANY_VERSION]"],
    ids=["requires", "dependencies"],
)
def test_unmet_condition_of_a_plugin_stops_it(way: Way, local_plugin: Path, condition: str) -> None:
    local_plugin.write_text(_contributed(condition))
    result = way.upgrade("--non-interactive")
    assert result.rc == 1
    assert "Dependencies check failed for local_contract" in result.err
    assert way.new.config("release") == "4.2 (Build: 20230424)"


def test_nobody_there_to_say_yes_means_that_it_asks_for_ever(way: Way) -> None:
    assert way.new.cli(CORE, timeout=3).timed_out
    assert way.new.config("release") == "4.2 (Build: 20230424)"


def test_upgrade_of_the_master_leaves_the_node_as_it_was(way: Way) -> None:
    result = way.upgrade("--non-interactive")
    assert result.rc == 0
    assert "-->System\n" in result.out
    assert "-->tool_mfa\n" in result.out
    done = "Command line upgrade from 4.2 (Build: 20230424) (2023042400) to 4.3 (Build: 20231009) (2023100900) completed successfully."
    assert done in result.out
    assert way.new.config("release") == "4.3 (Build: 20231009)"
    assert way.new.config("release", way.node) == "4.2 (Build: 20230424)"
    assert way.upgrade("--is-pending", node=way.node).rc == 2


def test_upgrade_of_the_node(way: Way) -> None:
    result = way.upgrade("--non-interactive", node=way.node)
    assert result.rc == 0
    assert f"Config check : playing for {way.node.wwwroot}\n" in result.out
    assert "completed successfully." in result.out
    assert way.new.config("release", way.node) == "4.3 (Build: 20231009)"


def test_incompatible_plugin_stops_a_change_of_branch_in_the_middle_and_running_it_again_finishes(way: Way, local_plugin: Path) -> None:
    # The check beforehand looks at the branch of the database, which is the old one.
    local_plugin.write_text(_contributed("incompatible = 403"))
    result = way.upgrade("--non-interactive", node=way.other)
    assert result.rc == 1
    assert 'Plugin "local_contract" 2023010100 does not support this version of Moodle 403' in result.text
    assert way.new.config("release", way.other) == "4.3 (Build: 20231009)"
    assert way.upgrade("--is-pending", node=way.other).rc == 2
    # Now the database says 4.3, and the same plugin is found beforehand.
    again = way.upgrade("--non-interactive", node=way.other)
    assert again.rc == 1
    assert "Dependencies check failed for local_contract" in again.err
    local_plugin.write_text(_contributed("supported = [403, 403]"))
    assert way.upgrade("--non-interactive", node=way.other).rc == 0
    assert way.upgrade("--is-pending", node=way.other).rc == 0


def test_afterwards_nothing_is_pending(way: Way) -> None:
    for node in (None, way.node):
        assert way.upgrade("--is-pending", node=node).rc == 0
        again = way.upgrade("--non-interactive", node=node)
        assert again.rc == 0
        assert NOTHING_TO_DO in again.err
    assert way.new.cli("admin/cli/check_database_schema.php").rc == 0


def test_supported_is_advice_and_stops_nothing(way: Way, local_plugin: Path) -> None:
    local_plugin.write_text(_contributed("supported = [300, 301]"))
    assert way.upgrade("--is-pending").rc == 2
    assert way.upgrade("--non-interactive").rc == 0
    assert way.upgrade("--is-pending").rc == 0


def test_plugin_that_left_the_disk_makes_an_upgrade_pending(way: Way) -> None:
    assert way.upgrade("--is-pending").rc == 2
    missing = way.new.cli("admin/cli/uninstall_plugins.php", "--show-missing")
    assert (missing.rc, missing.out.split("\t")[0]) == (0, "local_contract")
    dry = way.new.cli("admin/cli/uninstall_plugins.php", "--purge-missing")
    assert (dry.rc, dry.out.startswith("Will be uninstalled: local_contract")) == (0, True)
    assert way.new.query("SELECT id FROM mdl_config_plugins WHERE plugin = 'local_contract'")
    assert way.new.cli("admin/cli/uninstall_plugins.php", "--purge-missing", "--run").rc == 0
    assert way.new.query("SELECT id FROM mdl_config_plugins WHERE plugin = 'local_contract'") == []


def test_plugins_are_uninstalled_by_name_and_what_is_refused_is_only_said(way: Way) -> None:
    asked = way.new.cli("admin/cli/uninstall_plugins.php", "--plugins=mod_page,theme_boost")
    said = {line.partition("\t")[0] for line in asked.out.splitlines()}
    assert (asked.rc, said) == (0, {"Will be uninstalled: mod_page", "Can not be uninstalled: theme_boost"})


def test_plugin_that_went_back_aborts_in_the_middle(way: Way) -> None:
    # The plugin before had made an upgrade pending; it must be out of the way first.
    assert way.upgrade("--non-interactive").rc == 0
    file = way.new.code / "mod/page/version.php"
    text = file.read_text()
    file.write_text(text.replace("2023100900", "2023042400"))
    try:
        assert way.upgrade("--is-pending").rc == 2
        result = way.upgrade("--non-interactive")
    finally:
        file.write_text(text)
    assert result.rc == 1
    assert "Cannot downgrade mod_page from 2023100900 to 2023042400." in result.text
    assert way.upgrade("--is-pending").rc == 0


def test_older_code_than_the_database_is_refused(way: Way) -> None:
    result = way.old.cli(CORE, "--non-interactive")
    assert result.rc == 1
    assert "ERROR!!!  The code you are using is OLDER" in result.err
    assert way.new.config("release") == "4.3 (Build: 20231009)"


def test_unstable_release_wants_to_be_allowed(way: Way, tmp_path: Path) -> None:
    unstable = way.new.on("main", tmp_path / "main")
    result = unstable.cli(CORE, "--non-interactive")
    assert result.rc == 1
    assert "--allow-unstable" in result.err
    assert way.new.config("release") == "4.3 (Build: 20231009)"
