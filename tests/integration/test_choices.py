# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole builds in which something is left to choose, is patched, lies in a zip, is looked up or is checked; with real repositories."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from support.repositories import Source, call_module, git, write
from support.workbench import Workbench, core_files

needs_php = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed: no PHP file was checked")


def plugin(component: str, version: object, **more: object) -> dict[str, str]:
    """The files of a plugin; `more` are further properties, as PHP."""
    lines = [
        f"$plugin->component = '{component}';",
        f"$plugin->version = {version};",
        *(f"$plugin->{key} = {php};" for key, php in more.items()),
    ]
    return {"version.php": "<?php\n" + "\n".join(lines) + "\n", "lib.php": "<?php\n\n// one\n// two\n// three\n"}


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """Moodle 4.4 and 4.5, and a plugin that has a branch for each and one that is nobody's release."""
    bench = Workbench(tmp_path)
    bench.core.commit(core_files("2024042200", "4.4", "404"), tag="v4.4.3")
    bench.core.commit(core_files("2024100700", "4.5", "405"), tag="v4.5.0", branch="MOODLE_405_STABLE")
    board = bench.board = Source(tmp_path / "boards")
    board.commit(plugin("mod_board", 2025010100, requires=2024042200), branch="MOODLE_405_WORKING")
    for branch, version in (("404", 2024050100), ("405", 2024110100)):
        board.commit(plugin("mod_board", version, requires=2024042200, supported=f"[{branch}, {branch}]"), branch=f"MOODLE_{branch}_STABLE")
    bench.definition["plugins"] = {"mod_board": {"source": str(board.path)}}
    return bench


def chosen(result: dict[str, Any], component: str = "mod_board") -> dict[str, Any]:
    assert "components" in result, result
    found: dict[str, Any] = next(part for part in result["components"] if part["component"] == component)
    return found


def test_the_newest_that_fits_is_taken_and_the_reasons_are_told(bench: Workbench) -> None:
    taken = chosen(bench.build())
    assert taken["ref"] == "MOODLE_404_STABLE"
    assert "newest compatible with Moodle 4.4" in taken["reason"]
    assert [left["ref"] for left in taken["rejected"]] == ["branch MOODLE_405_WORKING", "branch MOODLE_405_STABLE", "branch main"]
    assert all(left["reason"] for left in taken["rejected"])


def test_a_choice_holds_until_the_core_changes_its_branch_or_update_names_it(bench: Workbench) -> None:
    bench.build()
    bench.board.commit(plugin("mod_board", 2024050200, requires=2024042200, supported="[404, 404]"), branch="MOODLE_404_STABLE")
    assert not bench.build()["changed"]
    assert chosen(bench.build(update=["mod_board"]))["version"] == 2024050200
    bench.definition["moodle"]["version"] = "4.5"
    assert chosen(bench.build())["ref"] == "MOODLE_405_STABLE"


def test_what_vanished_upstream_is_no_candidate_any_more(bench: Workbench) -> None:
    bench.build()
    git(bench.board.path, "branch", "-D", "MOODLE_404_STABLE")
    assert not bench.build()["changed"]
    assert "no version fits Moodle 4.4" in bench.refused(update=["all"])


def test_a_version_can_be_asked_for(bench: Workbench) -> None:
    bench.definition["plugins"]["mod_board"]["version"] = "2024050100"
    assert chosen(bench.build())["ref"] == "MOODLE_404_STABLE"
    bench.definition["plugins"]["mod_board"]["version"] = "2024050101"
    assert "2024050101" in bench.refused()


def test_a_pinned_ref_that_does_not_fit_needs_force(bench: Workbench) -> None:
    bench.definition["plugins"]["mod_board"]["branch"] = "MOODLE_405_STABLE"
    assert "supports 405, not 404" in bench.refused()
    bench.definition["plugins"]["mod_board"]["force"] = True
    result = bench.build()
    assert chosen(result)["ref"] == "MOODLE_405_STABLE"
    assert "'force' takes" in result["warnings"][0]


def test_a_source_that_is_down_stops_nothing_that_is_here_and_update_says_so(bench: Workbench) -> None:
    bench.build()
    (bench.folder / "lock.yml").unlink()
    shutil.rmtree(bench.folder / "built.git")
    bench.board.path.rename(bench.folder / "away")
    result = bench.build()
    assert result["changed"]
    assert "What the store knows of it is taken" in result["warnings"][0]
    assert "Could not read mod_board" in bench.refused(update=["mod_board"])


def needed_by_board(bench: Workbench) -> Source:
    """A plugin that the board needs, and that nobody declares."""
    needed = Source(bench.folder / "tools")
    needed.commit(plugin("local_tools", 7), tag="v1")
    more = {"requires": 2024042200, "supported": "[404, 404]", "dependencies": "['local_tools' => 7]"}
    bench.board.commit(plugin("mod_board", 2024050300, **more), branch="MOODLE_404_STABLE")
    return needed


def test_what_others_need_is_named_and_added_when_asked(bench: Workbench) -> None:
    needed = needed_by_board(bench)
    message = bench.refused()
    assert "local_tools" in message
    assert "mod_board" in message
    entry = {"vcssystem": "git", "vcsrepositoryurl": f"file://{needed.path}", "version": "7", "timecreated": 1}
    plugins = [{"id": 1, "name": "Tools", "component": "local_tools", "source": None, "versions": [entry]}]
    listed = bench.folder / "list.json"
    listed.write_text(json.dumps({"timestamp": 1, "plugins": plugins}))
    result = bench.build(plugin_list=str(listed), resolve_dependencies=True)
    assert chosen(result, "local_tools")["ref"] == "v1"
    listed.unlink()  # the lock knows it now
    assert not bench.build(plugin_list=str(listed), resolve_dependencies=True)["changed"]


def test_a_plugin_without_a_source_is_looked_up(bench: Workbench) -> None:
    bench.definition["plugins"] = {"mod_board": None}
    assert "mod_board" in bench.refused()
    entry = {"vcssystem": "git", "vcsrepositoryurl": f"file://{bench.board.path}", "version": "1", "timecreated": 1}
    (bench.folder / "list.json").write_text(
        json.dumps({"timestamp": 1, "plugins": [{"id": 1, "component": "mod_board", "versions": [entry]}]})
    )
    assert chosen(bench.build(plugin_list=str(bench.folder / "list.json")))["ref"] == "MOODLE_404_STABLE"


PATCH = "--- a/lib.php\n+++ b/lib.php\n@@ -1,4 +1,4 @@\n <?php\n \n-// one\n+// mended\n // two\n"


def test_a_patch_is_applied_and_its_change_is_a_change(bench: Workbench) -> None:
    patch = bench.folder / "mend.patch"
    patch.write_text(PATCH)
    bench.definition["plugins"]["mod_board"]["patches"] = [str(patch)]
    first = bench.build()
    assert "// mended" in bench.built("show", "campus:mod/board/lib.php")
    assert not bench.build()["changed"]
    patch.write_text(PATCH.replace("mended", "mended again"))
    second = bench.build()
    assert second["updated"] == ["mod_board"]
    assert first["diff"]["after"] != second["diff"]["after"]
    patch.write_text(PATCH.replace("// one", "// elsewhere"))
    assert f"the patch {patch} does not apply: " in bench.refused()
    patch.unlink()
    assert f"the patch {patch} cannot be read" in bench.refused()


@pytest.mark.parametrize("path", ["../escaped.php", ".git/hooks/x", "/etc/x"])
def test_a_patch_cannot_write_elsewhere(bench: Workbench, path: str) -> None:
    patch = bench.folder / "evil.patch"
    patch.write_text(f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n")
    bench.definition["plugins"]["mod_board"]["patches"] = [str(patch)]
    assert "mod_board: " in bench.refused()
    assert not (bench.folder / "built.git").exists()


def test_own_files_lie_over_core_and_plugins(bench: Workbench) -> None:
    own = bench.folder / "own"
    write(own, {"mod/board/lib.php": "<?php // ours\n", "robots.txt": "r", "bin/run*": "#!x", "bin/link@": "run"})
    bench.definition["overlays"] = [{"path": str(own)}, {"path": str(own / "bin"), "to": "local/tools"}]
    result = bench.build()
    assert bench.built("show", "campus:mod/board/lib.php") == "<?php // ours"
    listed = bench.built("ls-tree", "-r", "campus")
    assert "100755 blob" in next(line for line in listed.splitlines() if line.endswith("\tlocal/tools/run"))
    assert "120000 blob" in next(line for line in listed.splitlines() if line.endswith("\tbin/link"))
    assert "own files over local/tools" in bench.built("log", "-1", "--format=%B", "campus")
    write(own, {"robots.txt": "other"})
    again = bench.build()
    assert again["changed"]
    assert again["tree"] != result["tree"]


def test_own_files_cannot_lead_out_or_take_the_place_of_a_directory(bench: Workbench) -> None:
    own = bench.folder / "own"
    bench.definition["overlays"] = [{"path": str(own)}]
    assert f"{own} is not a directory" in bench.refused()
    write(own, {"out@": "/etc/passwd"})
    assert "leads out" in bench.refused()
    (own / "out").unlink()
    write(own, {"mod": "a file"})
    assert "overlays: mod is a file, and a directory in the code base" in bench.refused()


def zipped(path: Path, files: dict[str, str]) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"moodle-mod_zipped-1.0/{name}", content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_zip_is_a_source_known_by_its_checksum(bench: Workbench) -> None:
    place = bench.folder / "zipped.zip"
    checksum = zipped(place, plugin("mod_zipped", 3))
    bench.definition["plugins"]["mod_zipped"] = {"zip": str(place), "sha256": checksum}
    result = bench.build()
    assert chosen(result, "mod_zipped")["path"] == "mod/zipped"
    assert str(bench.folder) not in "".join(line for line in (bench.folder / "lock.yml").read_text().splitlines() if "zipped.zip" in line)
    place.unlink()  # what is here is not asked for again
    assert not bench.build(offline=True)["changed"]
    bench.definition["plugins"]["mod_zipped"]["sha256"] = "0" * 64
    zipped(place, plugin("mod_zipped", 4))
    assert "SHA-256" in bench.refused()


@needs_php
def test_a_syntax_error_stops_before_the_commit_and_names_file_and_line(bench: Workbench) -> None:
    bench.build(lint=True)
    more = {"requires": 2024042200, "supported": "[404, 404]"}
    broken = {**plugin("mod_board", 2024050200, **more), "classes/a.php": "<?php\nclass {\n", "tests/fixtures/b.php": "<?php {"}
    bench.board.commit(broken, branch="MOODLE_404_STABLE")
    before = bench.built("for-each-ref")
    message = bench.refused(update=["all"], lint=True, lint_exclude=["*/tests/fixtures/*"])
    assert "mod/board/classes/a.php" in message
    assert "line 2" in message
    assert "fixtures" not in message
    assert bench.built("for-each-ref") == before
    assert bench.build(update=["all"], lint=True, lint_exclude=["*/classes/*", "*/fixtures/*"])["linted"] == 1


def test_no_php_is_a_warning(bench: Workbench) -> None:
    assert "'/no/php' was not found: no PHP file was checked" in bench.build(lint=True, php="/no/php")["warnings"][0]


def test_two_projects_share_one_store(bench: Workbench) -> None:
    bench.build()
    bench.arguments.update(repository=str(bench.folder / "other.git"), lock_file=str(bench.folder / "other.yml"))
    bench.definition["project"] = "other"
    assert bench.build(offline=True)["changed"]


def info(bench: Workbench, **more: Any) -> dict[str, Any]:
    result = call_module("moodle_codebase_info", {"definition": bench.definition, **bench.arguments, **more})
    assert not result["changed"]
    return result


def test_desired_locked_built_and_available_side_by_side(bench: Workbench) -> None:
    before = info(bench)
    assert not before["in_sync"]
    assert before["built"] == {"components": []}
    built = bench.build()
    synced = info(bench)
    assert synced["in_sync"]
    assert synced["outdated"] == []
    assert synced["built"]["commit"] == built["commit"]
    bench.board.commit(plugin("mod_board", 2024050200, requires=2024042200, supported="[404, 404]"), branch="MOODLE_404_STABLE")
    newer = info(bench, revisions=[built["commit"], "0" * 40])
    assert newer["in_sync"]
    assert [(row["component"], row["available"]) for row in newer["outdated"]] == [("mod_board", "2024050200 (MOODLE_404_STABLE)")]
    assert [(row["component"], row["same"]) for row in newer["deployed"][built["commit"]]] == [("moodle", True), ("mod_board", True)]
    assert newer["deployed"]["0" * 40] == []
    bench.build(update=["all"])
    after = info(bench, revisions=[built["commit"]])
    assert [(row["component"], row["same"]) for row in after["deployed"][built["commit"]]] == [("moodle", True), ("mod_board", False)]
    bench.definition["moodle"]["version"] = "4.5"
    assert not info(bench)["in_sync"]
    assert desired(info(bench)) == {"moodle": "version 4.5", "mod_board": "newest compatible"}


def desired(result: dict[str, Any]) -> dict[str, str]:
    return {row["component"]: row["wanted"] for row in result["desired"]}


def test_a_typo_is_told_with_what_the_list_knows(bench: Workbench) -> None:
    entry = {"vcssystem": "git", "vcsrepositoryurl": f"file://{bench.board.path}", "version": "1", "timecreated": 1}
    listed = {"timestamp": 1, "plugins": [{"id": 1, "component": "mod_board", "versions": [entry]}]}
    (bench.folder / "list.json").write_text(json.dumps(listed))
    bench.definition["plugins"] = {"mod_bord": None}
    assert "it knows mod_board" in bench.refused(plugin_list=str(bench.folder / "list.json"))
