# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adding a plugin is one call: the ref that fits is found and written, and nothing else in the file moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.repositories import Source, call_module
from support.workbench import core_files

FILE = """# Our campus
project: campus

moodle:
  version: "4.4"   # until summer
  source: {core}
plugins:
  # the board
  mod_board:
    source: {board}
    tag: v1
"""


def plugin(component: str, version: int, supported: str) -> dict[str, str]:
    return {"version.php": f"<?php $plugin->component = '{component}'; $plugin->version = {version}; $plugin->supported = {supported};"}


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder, self.manifest = folder, folder / "codebase.yml"
        core, board = Source(folder / "core"), Source(folder / "board")
        core.commit(core_files("2024042200", "4.4", "404"), tag="v4.4.0")
        board.commit(plugin("mod_board", 1, "[404, 405]"), tag="v1")
        self.tools = Source(folder / "tools")
        self.tools.commit(plugin("local_tools", 1, "[404, 404]"), tag="v1")
        self.tools.commit(plugin("local_tools", 2, "[405, 405]"), tag="v2")
        self.manifest.write_text(FILE.format(core=core.path, board=board.path))
        self.manifest.chmod(0o640)

    def call(self, *, check: bool = False, **more: Any) -> dict[str, Any]:
        arguments = {"manifest": str(self.manifest), "name": "local_tools", "store": str(self.folder / "store.git"), **more}
        return call_module("moodle_plugin", arguments, check=check)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_check_run_check_run(bench: Bench) -> None:
    before = bench.manifest.read_text()
    wish: dict[str, Any] = {"source": str(bench.tools.path)}
    predicted = bench.call(check=True, **wish)
    assert predicted["changed"]
    assert bench.manifest.read_text() == before
    result = bench.call(**wish)
    assert result["diff"] == predicted["diff"]
    assert (result["chosen"]["kind"], result["chosen"]["ref"]) == ("tag", "v1")
    assert result["chosen"]["rejected"][0]["ref"] == "tag v2"
    assert bench.manifest.stat().st_mode & 0o777 == 0o640
    added = f"  local_tools:\n    source: {bench.tools.path}\n    tag: v1\n"
    assert added in bench.manifest.read_text()
    assert bench.manifest.read_text().replace(added, "") == before
    for check in (True, False):
        assert not bench.call(check=check, **wish)["changed"]
    assert bench.call(state="absent")["changed"]
    assert bench.manifest.read_text() == before
    assert not bench.call(state="absent")["changed"]


def test_a_named_ref_replaces_the_other_kind(bench: Bench) -> None:
    bench.call(source=str(bench.tools.path))
    assert bench.call(branch="main")["changed"]
    assert "    branch: main\n" in bench.manifest.read_text()
    assert "    tag: v1\n" in bench.manifest.read_text()  # the board's
    assert bench.manifest.read_text().count("tag:") == 1


def test_without_a_store_the_choice_is_left_to_each_build(bench: Bench) -> None:
    assert bench.call(source=str(bench.tools.path), store=None)["changed"]
    assert bench.manifest.read_text().endswith("    tag: v1\n") or "local_tools:\n    source:" in bench.manifest.read_text()
    assert bench.manifest.read_text().count("tag:") == 1


def test_a_password_of_another_plugin_is_not_in_the_diff(bench: Bench) -> None:
    text = bench.manifest.read_text()
    bench.manifest.write_text(text + "  mod_secret:\n    source: https://me:hunter2@example.org/x.git\n    tag: v1\n")
    result = bench.call(source=str(bench.tools.path), tag="v1")
    assert result["changed"]
    assert "hunter2" not in str(result)
    assert "hunter2" in bench.manifest.read_text()


def test_what_only_a_choice_needs_goes_with_the_choice(bench: Bench) -> None:
    bench.manifest.write_text(bench.manifest.read_text() + f"  local_tools:\n    source: {bench.tools.path}\n    maturity: beta\n")
    assert bench.call(tag="v1")["changed"]
    assert "maturity" not in bench.manifest.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "Local Tools"}, "a plugin is named 'moodle-type_name' or 'type_name'"),
        ({}, "local_tools: name its source, or a plugin_list"),
        ({"source": "/no/such/place"}, "Could not read local_tools at /no/such/place"),
        ({"manifest": "/no/such/file.yml"}, "The code base file /no/such/file.yml cannot be read"),
        ({"source": "not a url"}, "source: a Git URL or an absolute path is expected, 'not a url' was found"),
    ],
)
def test_bad_input_leaves_the_file_as_it_was(bench: Bench, arguments: dict[str, Any], message: str) -> None:
    before = bench.manifest.read_text()
    result = bench.call(**arguments)
    assert result["failed"]
    assert message in result["msg"]
    assert bench.manifest.read_text() == before


def test_what_fits_nothing_is_not_added(bench: Bench) -> None:
    lonely = Source(bench.folder / "lonely")
    lonely.commit(plugin("local_lonely", 1, "[405, 405]"), tag="v1")
    before = bench.manifest.read_text()
    result = bench.call(name="local_lonely", source=str(lonely.path))
    assert "local_lonely: no version fits Moodle 4.4" in result["msg"]
    assert bench.manifest.read_text() == before
