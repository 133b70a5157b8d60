# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is built and what is served is compared file by file, and said of the component whose files differ."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from support.repositories import Source, call_module, git, listing, write
from support.workbench import Workbench, plugin_files


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    """A board, and a second plugin in the same directory of the core."""
    bench = Workbench(tmp_path)
    chat = Source(tmp_path / "chat")
    chat.commit(plugin_files("mod_chat", 7), tag="v7")
    bench.definition["plugins"]["mod_chat"] = {"source": str(chat.path), "tag": "v7"}
    return bench


def info(bench: Workbench, *revisions: str, **more: t.Any) -> dict[str, t.Any]:
    result = call_module("moodle_codebase_info", {"definition": bench.definition, **bench.arguments, "revisions": list(revisions), **more})
    assert "project" in result, result
    return result


def differing(rows: list[dict[str, t.Any]]) -> set[str]:
    return {row["component"] for row in rows if not row["same"]}


def own_files(bench: Workbench, name: str) -> None:
    write(bench.folder / "own", {name: "ours\n"})
    bench.definition["overlays"] = [{"path": str(bench.folder / "own")}]


def test_before_the_first_build_all_is_to_build(bench: Workbench) -> None:
    found = info(bench)
    assert found["built"] == {"components": []}
    assert not found["in_sync"]


def test_hosts_that_wait_for_what_was_built_are_behind(bench: Workbench) -> None:
    """The file and the build agree, but the hosts still serve the plugin that was taken out."""
    served = bench.build()["commit"]
    del bench.definition["plugins"]["mod_chat"]
    bench.build()
    found = info(bench, served)
    assert found["in_sync"], "a build would change nothing"
    assert found["deployed"][served] == [
        {"component": "moodle", "version": 2.0, "same": True},
        {"component": "mod_board", "version": 1, "same": True},
        {"component": "mod_chat", "version": "7", "same": False},
    ]


@pytest.mark.parametrize(("name", "component"), [("mod/board/own.txt", "mod_board"), ("lib/own.txt", "moodle"), ("own.txt", "moodle")])
def test_own_files_are_the_component_s_over_which_they_lie(bench: Workbench, name: str, component: str) -> None:
    served = bench.build()["commit"]
    own_files(bench, name)
    found = info(bench, served)
    assert not found["in_sync"]
    assert differing(found["built"]["components"]) == differing(found["deployed"][served]) == {component}


def test_the_diff_of_a_build_shows_own_files(bench: Workbench) -> None:
    own_files(bench, "own.txt")
    first = bench.build()["diff"]
    own_files(bench, "more.txt")
    second = bench.build(check=True)["diff"]
    assert second["before"] == first["after"]
    assert second["before"] != second["after"]
    assert second["after"].splitlines()[-1].startswith("own files over / ")


def test_a_patch_is_to_build_though_the_commit_is_the_same(bench: Workbench) -> None:
    bench.build()
    patch = bench.folder / "board.patch"
    patch.write_text("--- /dev/null\n+++ b/more.txt\n@@ -0,0 +1 @@\n+more\n")
    bench.definition["plugins"]["mod_board"]["patches"] = [str(patch)]
    assert differing(info(bench)["built"]["components"]) == {"mod_board"}


def test_a_component_added_changed_and_removed(bench: Workbench) -> None:
    served = bench.build()["commit"]
    bench.board.commit(plugin_files("mod_board", 2), tag="v2")
    bench.definition["plugins"]["mod_board"] = {"source": str(bench.board.path), "tag": "v2"}
    new = Source(bench.folder / "new")
    new.commit(plugin_files("local_new", 1), tag="v1")
    del bench.definition["plugins"]["mod_chat"]
    bench.definition["plugins"]["local_new"] = {"source": str(new.path), "tag": "v1"}
    found = info(bench, served)
    assert {row["component"]: (row["version"], row["same"]) for row in found["deployed"][served]} == {
        "moodle": (2.0, True),
        "mod_board": (1, False),
        "local_new": (None, False),
        "mod_chat": ("7", False),
    }
    assert differing(found["built"]["components"]) == {"mod_board", "mod_chat"}


def test_another_core_is_the_core_s_difference_alone(bench: Workbench) -> None:
    served = bench.build()["commit"]
    bench.definition["moodle"]["version"] = "4.4.1"
    assert differing(info(bench, served)["deployed"][served]) == {"moodle"}


def test_the_same_code_asked_for_in_other_words_is_in_sync_after_one_build(bench: Workbench) -> None:
    first = bench.build()
    bench.definition["plugins"]["mod_board"] = {"source": str(bench.board.path), "tag": "v1"}
    assert not info(bench)["in_sync"], "the lock still says: branch stable"
    again = bench.build()
    assert not again["changed"]
    assert (again["commit"], again["tag"]) == (first["commit"], first["tag"])
    assert info(bench)["in_sync"]


def test_a_lost_lock_file_is_made_good_by_the_words_that_were_built_last(bench: Workbench) -> None:
    """AWX throws the file away: without its new wish in the repository a branch would be followed, not held."""
    bench.definition["plugins"]["mod_board"] = {"source": str(bench.board.path), "tag": "v1"}
    bench.build()
    bench.definition["plugins"]["mod_board"] = {"source": str(bench.board.path), "branch": "stable"}
    bench.build()
    (bench.folder / "lock.yml").unlink()
    bench.board.commit(plugin_files("mod_board", 2), branch="stable")
    assert info(bench)["in_sync"]
    assert not bench.build()["changed"]


def test_plugins_in_another_order_are_the_same_code_base(bench: Workbench) -> None:
    bench.build()
    bench.definition["plugins"] = dict(reversed(bench.definition["plugins"].items()))
    assert info(bench)["in_sync"]


def test_nothing_but_the_store_is_touched(bench: Workbench) -> None:
    served = bench.build()["commit"]
    before = listing(bench.folder / "built.git"), (bench.folder / "lock.yml").read_bytes()
    bench.definition["moodle"]["version"] = "4.4.1"
    info(bench, served)
    assert (listing(bench.folder / "built.git"), (bench.folder / "lock.yml").read_bytes()) == before


def test_a_commit_of_somebody_else_s_is_compared_too(bench: Workbench) -> None:
    bench.build()
    tree = git(bench.folder / "built.git", "rev-parse", "campus^{tree}")
    own = git(bench.folder / "built.git", "commit-tree", "-m", "mine", tree)
    git(bench.folder / "built.git", "update-ref", "refs/heads/mine", own)
    assert differing(info(bench, own)["deployed"][own]) == set()


def test_a_commit_that_the_repository_lacks_is_not_known(bench: Workbench) -> None:
    bench.build()
    found = info(bench, "0" * 40)
    assert found["deployed"] == {"0" * 40: []}
    assert any("0" * 40 in str(warning) for warning in found["warnings"])
