# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a delivery relies on where plugins leave: whom Moodle uninstalls, what is gone then, and what leaving.php tells of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from support.mariadb import MariaDB
from support.moodle import Site, installed_site
from support.platforms import Platform
from support.sources import Source

LEAVING = Path(__file__).resolve().parents[2] / "roles" / "delivery" / "files" / "leaving.php"
SCRIPT = "admin/cli/uninstall_plugins.php"
# An activity from elsewhere, with tables: its path, and where it comes from.
ACTIVITY = {"real": ("mod/attendance", "MOODLE_402_STABLE"), "standin": ("mod/board", "MOODLE_402_STABLE")}
START = "<?php\ndefined('MOODLE_INTERNAL') || die();\n"
TABLE = (
    '<?xml version="1.0" encoding="UTF-8" ?>\n<XMLDB PATH="local/contract/db" VERSION="20230101" COMMENT="One table"><TABLES>'
    '<TABLE NAME="local_contract" COMMENT="One"><FIELDS><FIELD NAME="id" TYPE="int" LENGTH="10" NOTNULL="true" SEQUENCE="true"/></FIELDS>'
    '<KEYS><KEY NAME="primary" TYPE="primary" FIELDS="id"/></KEYS></TABLE></TABLES></XMLDB>\n'
)
# Whether the plugin's own end was reached shows beside the data.
END = START + "function xmldb_local_contract_uninstall() {\n    global $CFG;\n    return touch($CFG->dataroot . '/ended');\n}\n"


def plugin(code: Path, path: str, component: str, more: str = "") -> None:
    folder = code / path
    (folder / "lang/en").mkdir(parents=True)
    (folder / "version.php").write_text(
        f"{START}$plugin->component = '{component}';\n$plugin->version = 2023010100;\n$plugin->requires = 2022112800;\n{more}"
    )
    (folder / f"lang/en/{component}.php").write_text(f"{START}$string['pluginname'] = '{component}';\n")


@pytest.fixture(scope="module")
def site(platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with an activity from elsewhere, a plugin that brings a part of its own, and one that needs it."""
    path, ref = ACTIVITY[platform.name]
    plugins = {path: Source(platform.plugins[path.replace("/", "_")], ref)}
    site = installed_site(platform, tmp_path_factory.mktemp("uninstalling"), database_server, virtual=False, plugins=plugins)
    plugin(site.code, "local/contract", "local_contract")
    (site.code / "local/contract/db").mkdir()
    (site.code / "local/contract/db/install.xml").write_text(TABLE)
    (site.code / "local/contract/db/uninstall.php").write_text(END)
    (site.code / "local/contract/db/subplugins.json").write_text('{"plugintypes": {"contractpart": "local/contract/part"}}')
    plugin(site.code, "local/contract/part/one", "contractpart_one", "$plugin->dependencies = ['local_contract' => 2023010100];\n")
    plugin(site.code, "local/needy", "local_needy", "$plugin->dependencies = ['local_contract' => ANY_VERSION];\n")
    site.cli("admin/cli/upgrade.php", "--non-interactive", timeout=900).must_succeed()
    return site


def told(site: Site, *components: str) -> dict[str, Any]:
    command = [*site.php_command(), "--", str(site.code), *components]
    done = subprocess.run(command, input=LEAVING.read_text(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def facts(site: Site, component: str) -> dict[str, Any]:
    found: dict[str, Any] = told(site, component)["plugins"][component]
    return found


def uninstall(site: Site, *components: str) -> list[str]:
    """What the script says of each, and nothing else of what it says."""
    done = site.cli(SCRIPT, f"--plugins={','.join(components)}", "--run", timeout=900)
    assert done.rc == 0, done.text
    return [line.partition("\t")[0] for line in done.out.splitlines() if line.startswith(("Uninstalling", "Can not", "Unknown"))]


def known(site: Site, component: str) -> bool:
    return bool(site.query(f"SELECT id FROM mdl_config_plugins WHERE plugin = '{component}' AND name = 'version'"))  # noqa: S608


def files(site: Site) -> list[tuple[Path, int]]:
    return sorted((path, path.stat().st_mtime_ns) for path in site.dataroot.rglob("*") if path.is_file())


def test_the_code_tells_what_it_knows_and_changes_nothing(site: Site) -> None:
    # What the first of all scripts leaves in the caches is there.
    site.cli("admin/cli/cfg.php", "--name=version").must_succeed()
    before = files(site)
    answer = told(site, "local_contract", "contractpart_one", "local_nosuch", "theme_boost")
    assert files(site) == before
    assert (answer["closed"], answer["nodes"]) == (False, 0)
    assert answer["database"].startswith(f"{site.database} on ")
    assert answer["plugins"]["local_contract"] == {
        "database": "2023010100",
        "disk": 2023010100,
        "owner": "",
        "parts": ["contractpart_one"],
        "needed_by": ["local_needy"],
        "willing": False,
        "left": ["the version of local_contract", "the table local_contract", "the version of contractpart_one"],
        "kept": [site.code.name],
    }
    nothing = {"database": None, "disk": None, "owner": "", "parts": [], "needed_by": [], "willing": False, "left": [], "kept": []}
    assert answer["plugins"]["local_nosuch"] == nothing
    assert (answer["plugins"]["contractpart_one"]["owner"], answer["plugins"]["theme_boost"]["willing"]) == ("local_contract", False)


def test_a_closed_site_is_known(site: Site) -> None:
    site.cli("admin/cli/maintenance.php", "--enable").must_succeed()
    try:
        assert told(site)["closed"] is True
    finally:
        site.cli("admin/cli/maintenance.php", "--disable").must_succeed()


def test_who_is_needed_by_another_is_refused_even_when_that_one_goes_first(site: Site) -> None:
    """The other's folder is what counts: no order of names helps, only code without it."""
    assert uninstall(site, "local_nosuch", "local_needy", "local_contract") == [
        "Unknown plugin: local_nosuch",
        "Uninstalling: local_needy",
        "Can not be uninstalled: local_contract",
    ]
    assert (known(site, "local_needy"), known(site, "local_contract")) == (False, True)
    assert facts(site, "local_contract")["needed_by"] == ["local_needy"]
    assert site.cli("admin/cli/upgrade.php", "--is-pending").rc == 2, "for the code holds what the database does not"


def test_what_broke_off_half_way_is_known_and_uninstalled_when_its_version_is_back(site: Site) -> None:
    (site.code / "local/needy").rename(site.code.parent / "needy.away")
    site.query("DELETE FROM mdl_config_plugins WHERE plugin = 'local_contract'")
    half = facts(site, "local_contract")
    assert (half["database"], half["willing"]) == (None, False)
    assert half["left"] == ["the table local_contract", "the version of contractpart_one"]
    assert uninstall(site, "local_contract") == ["Can not be uninstalled: local_contract"]
    site.cli("admin/cli/cfg.php", "--component=local_contract", "--name=version", f"--set={half['disk']}").must_succeed()
    site.cli("admin/cli/purge_caches.php").must_succeed()
    assert facts(site, "local_contract")["willing"] is True


def test_parts_go_with_their_plugin_and_are_refused_then(site: Site) -> None:
    assert uninstall(site, "local_contract", "contractpart_one") == [
        "Uninstalling: local_contract",
        "Can not be uninstalled: contractpart_one",
    ]
    assert [known(site, one) for one in ("local_contract", "contractpart_one")] == [False, False]
    assert (site.dataroot / "ended").exists(), "its own uninstall.php was run"
    assert not site.query("SHOW TABLES LIKE 'mdl_local_contract'")
    gone = facts(site, "local_contract")
    assert (gone["database"], gone["disk"], gone["left"]) == (None, 2023010100, [])


def test_an_activity_leaves_nothing_behind(site: Site) -> None:
    path, _ref = ACTIVITY[site.platform.name]
    component = path.replace("/", "_")
    before = facts(site, component)
    tables = [left.removeprefix("the table ") for left in before["left"] if left.startswith("the table ")]
    assert before["willing"]
    assert tables
    assert uninstall(site, component) == [f"Uninstalling: {component}"]
    assert facts(site, component)["left"] == []
    assert not [table for table in tables if site.query(f"SHOW TABLES LIKE 'mdl\\_{table}'")]
    assert not site.query(f"SELECT id FROM mdl_modules WHERE name = '{path.split('/')[1]}'")  # noqa: S608


def test_code_that_lacks_a_plugin_finds_it_in_another_release(site: Site) -> None:
    path, _ref = ACTIVITY[site.platform.name]
    other = site.code.with_name("20261121T060500Z")
    (other / path).mkdir(parents=True)
    (site.code / path / "version.php").rename(other / path / "version.php")
    moved = site.code.with_name("moved")
    (site.code / path).rename(moved)
    try:
        lacking = facts(site, path.replace("/", "_"))
    finally:
        moved.rename(site.code / path)
    assert (lacking["disk"], lacking["kept"]) == (None, [other.name])
