# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the code says of itself, read without running a site."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support.moodle import Site
from support.platforms import Platform
from support.process import run

_PRINT_CORE = """
define('MOODLE_INTERNAL', true);
foreach (['ALPHA' => 50, 'BETA' => 100, 'RC' => 150, 'STABLE' => 200] as $name => $level) { define("MATURITY_$name", $level); }
define('ANY_VERSION', 'any');
$plugin = new stdClass();
require $argv[1];
echo json_encode(isset($version) ? [sprintf('%.2f', $version), $release, $branch, $maturity] : $plugin);
"""


def _as_php_reads_it(file: Path) -> object:
    return json.loads(run(["php", "-r", _PRINT_CORE, str(file)]).must_succeed().out)


def test_core_version_file_has_one_plain_assignment_for_each_fact(site: Site) -> None:
    text = (site.code / "version.php").read_text()
    facts = [
        re.search(r"^\$version\s*=\s*(\d{10}\.\d{2});", text, re.MULTILINE),
        re.search(r"^\$release\s*=\s*'(\d+\.\d+(?:\.\d+)?\+? \(Build: \d{8}\))';", text, re.MULTILINE),
        re.search(r"^\$branch\s*=\s*'(\d{2,3})';", text, re.MULTILINE),
        re.search(r"^\$maturity\s*=\s*MATURITY_(\w+);", text, re.MULTILINE),
    ]
    assert all(facts)
    read = [fact[1] for fact in facts if fact]
    assert _as_php_reads_it(site.code / "version.php") == [*read[:3], 200]
    assert read[3] == "STABLE"


def test_version_file_says_nothing_outside_moodle(site: Site) -> None:
    assert run(["php", str(site.code / "version.php")]).text == ""


def test_component_map_names_the_folder_of_each_plugin_type(site: Site) -> None:
    components = json.loads((site.code / "lib/components.json").read_text())
    expected = {
        "mod": "mod",
        "tool": "admin/tool",
        "block": "blocks",
        "theme": "theme",
        "local": "local",
        "format": "course/format",
        "availability": "availability/condition",
        "qtype": "question/type",
        "cachestore": "cache/stores",
    }
    assert expected.items() <= components["plugintypes"].items()
    assert "core" not in components["plugintypes"]
    assert components["subsystems"]["course"] == "course"


@pytest.mark.parametrize("kind", ["mod", "theme", "auth"])
def test_each_bundled_plugin_lies_where_the_map_says_and_names_itself(site: Site, kind: str) -> None:
    folder = site.code / json.loads((site.code / "lib/components.json").read_text())["plugintypes"][kind]
    files = sorted(folder.glob("*/version.php"))
    assert files
    for file in files:
        plugin = _as_php_reads_it(file)
        assert isinstance(plugin, dict)
        assert plugin["component"] == f"{kind}_{file.parent.name}"
        assert plugin["version"]


def test_sub_plugins_are_declared_by_their_parent_with_paths_from_the_root(site: Site) -> None:
    types = json.loads((site.code / "mod/assign/db/subplugins.json").read_text())["plugintypes"]
    assert types["assignsubmission"] == "mod/assign/submission"
    assert (site.code / types["assignsubmission"] / "file/version.php").is_file()


def test_virtual_nodes_plugin_brings_a_type_of_its_own(site: Site) -> None:
    types = json.loads((site.code / "local/vmoodle/db/subplugins.json").read_text())["plugintypes"]
    assert types == {"vmoodleadminset": "local/vmoodle/plugins"}


def test_repository_has_moodles_names_for_tags_and_branches(platform: Platform) -> None:
    names = {line.split("\t")[1] for line in run(["git", "ls-remote", platform.moodle]).must_succeed().out.splitlines()}
    assert {"refs/tags/v4.1.0", "refs/tags/v4.2.0", "refs/tags/v4.3.0", "refs/heads/main"} <= names
    assert {f"refs/heads/MOODLE_40{minor}_STABLE" for minor in (1, 2, 3)} <= names
