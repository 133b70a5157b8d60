# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whole builds by the module itself, with real repositories: what comes out, what stays, and what is said when it cannot be."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.repositories import git, listing, module_command, module_environment, module_input
from support.workbench import Workbench, plugin_files


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path)


def test_check_run_check_run(bench: Workbench) -> None:
    predicted = bench.build(check=True)
    assert predicted["changed"]
    assert not (bench.folder / "built.git").exists()
    assert not (bench.folder / "lock.yml").exists()
    result = bench.build()
    assert result["changed"]
    assert result["tree"] == predicted["tree"]
    assert result["diff"] == predicted["diff"]
    assert result["added"] == ["moodle", "mod_board"]
    assert result["moodle"]["ref"] == "v4.4.2"
    assert bench.built("rev-parse", "campus^{tree}") == result["tree"]
    assert bench.built("rev-parse", result["tag"]) == result["commit"] == bench.built("rev-parse", "campus")
    assert bench.built("show", "refs/moodle/campus") == (bench.folder / "lock.yml").read_text().rstrip("\n")
    assert bench.built("ls-tree", "-r", "--name-only", "campus").splitlines() == [
        "l", "lib/components.json", "mod/board/version.php", "mod/readme.txt", "run", "version.php",
    ]  # fmt: skip
    assert bench.run_module()["changed"] is False
    before = listing(bench.folder / "built.git")
    for check in (True, False):
        again = bench.build(check=check)
        assert not again["changed"]
        assert (again["commit"], again["tag"]) == (result["commit"], result["tag"])
    assert listing(bench.folder / "built.git") == before


def test_what_is_locked_stays_until_update_names_it(bench: Workbench) -> None:
    first = bench.build()
    bench.board.commit(plugin_files("mod_board", 2), branch="stable")
    assert not bench.build()["changed"]
    second = bench.build(update=["mod_board"])
    assert second["updated"] == ["mod_board"]
    assert bench.built("rev-parse", "campus^") == first["commit"]


def test_the_lock_in_the_repository_is_enough_where_the_file_is_lost(bench: Workbench) -> None:
    first = bench.build()
    (bench.folder / "lock.yml").unlink()
    shutil.rmtree(bench.folder / "store.git")
    bench.board.commit(plugin_files("mod_board", 2), branch="stable")
    again = bench.build()
    assert not again["changed"]
    assert again["tree"] == first["tree"]
    assert (bench.folder / "lock.yml").exists()


def test_a_changed_manifest_is_decided_afresh_where_it_changed(bench: Workbench) -> None:
    bench.build()
    bench.board.commit(plugin_files("mod_board", 2), branch="stable")
    bench.definition["moodle"]["version"] = "4.4.1"
    result = bench.build()
    assert result["updated"] == ["moodle"]
    del bench.definition["plugins"]["mod_board"]
    assert bench.build()["removed"] == ["mod_board"]


def test_two_builds_in_one_second_get_two_tags(bench: Workbench) -> None:
    tags = [bench.build()["tag"]]
    for version in ("4.4.1", "4.4.2", "4.4.1"):
        bench.definition["moodle"]["version"] = version
        tags.append(bench.build()["tag"])
    assert len(set(tags) - {None}) == 4


def test_offline_needs_no_source(bench: Workbench) -> None:
    first = bench.build()
    for source in (bench.core, bench.board):
        source.path.rename(source.path.with_suffix(".away"))
    assert bench.build(offline=True)["tree"] == first["tree"]
    # What is locked and here is not asked for, so that a source that is down stops nothing.
    assert bench.build()["tree"] == first["tree"]
    assert bench.build(offline=True, update=["all"])["tree"] == first["tree"]


def test_offline_says_what_is_missing(bench: Workbench) -> None:
    bench.definition["moodle"] = {"source": str(bench.core.path), "tag": "v4.4.1"}
    assert "'offline' forbids to fetch it" in bench.refused(offline=True)


def test_a_file_lock_older_than_the_last_build_of_a_killed_call_is_no_step_back(bench: Workbench) -> None:
    """The file is written before the push: killed between the two, the next call makes the very same build."""
    bench.build()
    bench.board.commit(plugin_files("mod_board", 2), branch="stable")
    hook = bench.folder / "built.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\ntouch $GIT_DIR/asked\nsleep 20\n")
    hook.chmod(0o755)
    process = subprocess.Popen(
        module_command("moodle_codebase"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=module_environment(),
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(module_input({"definition": bench.definition, **bench.arguments, "update": ["all"]}))
    process.stdin.close()
    deadline = time.monotonic() + 20
    while not (bench.folder / "built.git/asked").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (bench.folder / "built.git/asked").exists()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    hook.unlink()
    result = bench.build()
    assert result["updated"] == ["mod_board"]
    assert not bench.build()["changed"]


def test_a_push_that_is_refused_leaves_lock_and_repository_as_they_were(bench: Workbench) -> None:
    bench.build()
    bench.definition["moodle"]["version"] = "4.4.1"
    hook = bench.folder / "built.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho no entry today >&2\nexit 1\n")
    hook.chmod(0o755)
    before, lock = bench.built("for-each-ref"), (bench.folder / "lock.yml").read_bytes()
    assert "Could not push" in (message := bench.refused())
    assert "no entry today" in message or "pre-receive hook declined" in message
    assert bench.built("for-each-ref") == before
    assert (bench.folder / "lock.yml").read_bytes() == lock


def test_two_at_once_make_one_build(bench: Workbench) -> None:
    data = module_input({"definition": bench.definition, **bench.arguments})
    calls = [
        subprocess.Popen(
            module_command("moodle_codebase"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=module_environment(),
        )
        for _turn in range(3)
    ]
    for call in calls:
        assert call.stdin is not None
        call.stdin.write(data)
        call.stdin.flush()
    answers = [call.communicate()[0].decode() for call in calls]
    assert any('"changed": true' in answer for answer in answers), answers
    for answer in answers:
        assert '"failed": true' not in answer or "reached" in answer, answer
    assert len(bench.built("rev-list", "campus").splitlines()) == 1
    assert not bench.build()["changed"]


def test_a_password_in_a_url_is_in_no_result_no_lock_and_no_ref(bench: Workbench) -> None:
    secret = "hunter2hunter2"  # noqa: S105
    rewrite = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{bench.board.path}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://me:{secret}@git.invalid/board",
    }
    bench.definition["plugins"]["mod_board"]["source"] = f"https://me:{secret}@git.invalid/board"
    result = bench.run_module(environment=rewrite)
    assert result["changed"]
    assert secret not in str(result)
    assert secret not in (bench.folder / "lock.yml").read_text()
    for path in bench.folder.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    assert secret not in bench.built("show", "refs/moodle/campus")
    bench.definition["plugins"]["mod_board"]["source"] = f"https://me:{secret}@127.0.0.1:9/board"
    assert secret not in str(bench.run_module())
    assert secret not in str(bench.run_module(repository=f"https://me:{secret}@127.0.0.1:9/built"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"moodle": {"source": "/no/such/place", "version": "4.4"}}, "Could not read moodle at /no/such/place: "),
        ({"moodle": {"version": "4.5", "source": "CORE"}}, "the source has no release of this series"),
        ({"moodle": {"tag": "v9", "source": "CORE"}}, "Could not fetch moodle, tag v9 of "),
        ({"moodle": {"commit": "0" * 40, "source": "CORE"}}, "moodle: .* has no commit 0000"),
        ({"moodle": {"source": "BOARD", "branch": "stable"}}, "has no lib/components.json: is it a Moodle"),
        ({"plugins": {"mod_other": {"source": "BOARD", "branch": "stable"}}}, "mod_other: .* calls itself mod_board"),
        ({"plugins": {"mod_board": {"source": "BOARD", "branch": "stabel"}}}, "Could not fetch mod_board, branch stabel of "),
        ({"plugins": {"local_board": {"source": "CORE", "tag": "v4.4.1"}}}, "local_board: .*neither \\$plugin nor \\$module"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_made(bench: Workbench, change: dict[str, Any], message: str) -> None:
    places = {"CORE": str(bench.core.path), "BOARD": str(bench.board.path)}
    parts = [change["moodle"]] if "moodle" in change else change["plugins"].values()
    for part in parts:
        part["source"] = places.get(part["source"], part["source"])
    bench.definition.update(change)
    assert re.search(message, bench.refused())
    assert not (bench.folder / "built.git").exists()
    assert not (bench.folder / "lock.yml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"repository": "built.git"}, "a Git URL or an absolute path is expected, 'built.git' was found"),
        ({"repository": "--upload-pack=evil"}, "a Git URL or an absolute path is expected"),
        ({"tag": "-x"}, "'-x' cannot be the name of a tag"),
        ({"tag": "a b"}, "'a b' cannot be the name of a tag"),
        ({"update": ["mod_bord"]}, "'update' names mod_bord, which the code base file does not have"),
        ({"store": "/dev/null"}, "Could not open /dev/null"),
        ({"definition": None, "manifest": "/no/such/file.yml"}, "The code base file /no/such/file.yml cannot be read: No such file"),
    ],
)
def test_a_wrong_argument_is_named(bench: Workbench, arguments: dict[str, Any], message: str) -> None:
    assert message in bench.refused(**arguments)
    assert not (bench.folder / "built.git").exists()


def test_a_lock_that_cannot_be_written_is_named(bench: Workbench) -> None:
    result = bench.run_module(lock_file="/no/such/place/lock.yml")
    assert result["failed"]
    assert "/no/such/place" in result["msg"]
    assert bench.build()["changed"]


def test_a_tag_that_is_there_never_moves(bench: Workbench) -> None:
    first = bench.build(tag="v1")
    bench.definition["moodle"]["version"] = "4.4.1"
    assert "The tag v1 is already in" in bench.refused(tag="v1")
    assert bench.built("rev-parse", "v1") == first["commit"]


def test_a_directory_that_is_no_repository_is_not_touched(bench: Workbench) -> None:
    (bench.folder / "built.git").mkdir()
    (bench.folder / "built.git/precious").write_text("mine")
    assert "does not appear to be a git repository" in bench.refused()
    assert [path.name for path in (bench.folder / "built.git").iterdir()] == ["precious"]


@pytest.mark.parametrize("left", [[], ["refs"], ["refs", "HEAD"], ["refs", "HEAD", "config", "objects"]])
@pytest.mark.parametrize("place", ["store.git", "built.git"])
def test_an_init_that_was_killed_is_finished(bench: Workbench, place: str, left: list[str]) -> None:
    (bench.folder / place).mkdir()
    for name in left:
        if name in ("HEAD", "config"):
            (bench.folder / place / name).write_text("ref: refs/heads/main\n" if name == "HEAD" else "[core]\n\tbare = true\n")
        else:
            (bench.folder / place / name).mkdir()
    assert bench.build()["changed"]


def damage_packs(store: Path) -> None:
    for path in (store / "objects").rglob("*.pack"):
        path.chmod(0o644)
        data = bytearray(path.read_bytes())
        data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
        path.write_bytes(data)


def lose_objects(store: Path) -> None:
    shutil.rmtree(store / "objects")
    (store / "objects").mkdir()


def damage_everything(store: Path) -> None:
    for path in store.rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"damaged")


@pytest.mark.parametrize("damage", [damage_packs, lose_objects, damage_everything])
def test_a_damaged_store_is_filled_again(bench: Workbench, damage: Callable[[Path], None]) -> None:
    first = bench.build()
    damage(bench.folder / "store.git")
    assert "damaged" in bench.refused(offline=True)
    again = bench.build()
    assert again["tree"] == first["tree"]
    assert not again["changed"]
    assert "damaged and has been filled again" in again["warnings"][0]
    assert bench.build(offline=True)["warnings"] == []


def test_a_damaged_source_is_no_reason_to_throw_the_store_away(bench: Workbench) -> None:
    bench.build()
    kept = bench.folder / "store.git" / "kept"
    kept.touch()
    bench.board.commit(plugin_files("mod_board", 2), branch="stable")
    oid = git(bench.board.path, "rev-parse", "stable:version.php")
    (bench.board.path / ".git/objects" / oid[:2] / oid[2:]).unlink()
    assert "mod_board" in bench.refused(update=["mod_board"])
    assert kept.exists()


def test_a_type_that_nothing_brings_is_named(bench: Workbench) -> None:
    bench.board.commit(plugin_files("nope_board", 1), branch="stable")
    bench.definition["plugins"] = {"nope_board": {"source": str(bench.board.path), "branch": "stable"}}
    assert "no plugin type 'nope'" in bench.refused()


def test_a_commit_is_found_behind_a_shallow_branch_where_the_server_gives_no_single_commit(bench: Workbench) -> None:
    old = bench.board.head()
    bench.board.commit(plugin_files("mod_board", 2), branch="stable")
    bench.build()
    bench.definition["plugins"]["mod_board"] = {"source": str(bench.board.path), "commit": old}
    old_protocol = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.version", "GIT_CONFIG_VALUE_0": "0"}
    assert bench.run_module(environment=old_protocol)["components"][1]["commit"] == old


def test_hundreds_of_plugins_fit_into_a_commit_message(bench: Workbench) -> None:
    files = {f"x/{number}": "" for number in range(3)}
    files["version.php"] = "<?php $plugin->version = 1; $plugin->release = '" + "r" * 150_000 + "';"
    bench.board.commit(files, branch="stable")
    assert bench.build()["changed"]


def test_names_that_are_not_utf8_and_modes_come_through(bench: Workbench) -> None:
    odd = b"od\xff\nd".decode(errors="surrogateescape")
    bench.board.commit({**plugin_files("mod_board", 3), odd: "x", "-dash": "y", "bin*": "z"}, branch="stable")
    assert bench.build()["changed"]
    assert bench.built("rev-parse", "campus:mod/board") == bench.board.tree()
