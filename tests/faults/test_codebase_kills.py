# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A build that is killed at any point: store and repository stay whole, and the next call comes to the tree that was asked for.

The kill comes just before each write in turn (files opened for writing, renames, directories, programs that are started).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.codebase_bench import CodebaseBench
from support.kills import killed_at
from support.repositories import module_command, module_environment, write

CALLS: dict[str, tuple[Callable[[CodebaseBench], dict[str, object]], int]] = {
    # the call, and which of its points are tried: every n-th, where they are many and one source is like the other
    "first": (lambda bench: bench.done(), 3),
    "moved branch": (lambda bench: bench.done(update=["mod_board"]), 2),
    "unchanged": (lambda bench: bench.done(), 1),
    "lock file lost": (lambda bench: bench.done(), 1),
    "all lost but the repository": (lambda bench: bench.done(), 4),
    "check mode": (lambda bench: bench.done(check=True, update=["mod_board"]), 3),
}


def prepared(folder: Path, name: str) -> CodebaseBench:
    bench = CodebaseBench(folder)
    if name == "first":
        return bench
    bench.done()
    if name != "unchanged":
        bench.move_branch(2)
    if name in ("lock file lost", "all lost but the repository"):
        bench.lock.unlink()
    if name == "all lost but the repository":
        bench.store.rename(folder / "lost")
    return bench


@pytest.mark.parametrize("name", CALLS)
def test_a_build_that_is_killed_at_any_point(tmp_path: Path, name: str, record_property: Callable[[str, object], None]) -> None:
    call, every = CALLS[name]
    bench = prepared(tmp_path, name)
    saved, before = bench.save(), bench.tree()
    wanted = call(bench)["tree"]
    bench.restore(saved)
    points = 0
    while killed_at(point := points * every + 1, lambda: call(bench)):
        points += 1
        where = f"killed at write {point}"
        bench.assert_whole()
        assert bench.tree() in (before, wanted), where
        result = call(bench)
        assert result["tree"] == wanted, f"{where}, then called again"
        if name == "check mode":
            assert bench.tree() == before, where
        else:
            assert bench.tree() == wanted, f"{where}, then called again"
            bench.assert_in_step()
            assert call(bench)["changed"] is False, f"{where}, called again, and once more"
        bench.assert_whole()
        bench.restore(saved)
    assert points > 5
    record_property("points", points)


# Git itself

GIT = """#!/bin/sh
echo >> "$KILL_COUNT"
[ "$(wc -l < "$KILL_COUNT")" -eq "$KILL_AT" ] && kill -9 $KILL_WHOM
exec {git} "$@"
"""


def in_its_own_process(bench: CodebaseBench, environment: dict[str, str], **more: object) -> tuple[int, str]:
    """The module as Ansible starts it: how it ended, and what it said."""
    done = subprocess.run(
        module_command("moodle_codebase"),
        input=bench.input(**more),
        env=module_environment(**environment),
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    assert "Traceback" not in done.stderr.decode(errors="replace"), done.stderr.decode(errors="replace")
    return done.returncode, done.stdout.decode(errors="replace")


def then_all_is_well(bench: CodebaseBench, before: str | None, wanted: object, where: str, **more: object) -> None:
    """What must hold after a kill, and after the next call."""
    bench.assert_whole()
    assert bench.tree() in (before, wanted), where
    assert bench.done(**more)["tree"] == bench.tree() == wanted, where
    bench.assert_in_step()
    bench.assert_whole()
    assert bench.done(**more)["changed"] is False, where


@pytest.mark.parametrize("victim", ["git", "all"])
def test_git_killed_at_every_call(tmp_path: Path, victim: str, record_property: Callable[[str, object], None]) -> None:
    """Git alone, which the module has to explain, and Git with the module and all its programs, as when a host dies."""
    bench = prepared(tmp_path, "moved branch")
    saved, before = bench.save(), bench.tree()
    wanted = bench.done(update=["mod_board"])["tree"]
    bench.restore(saved)
    write(tmp_path, {"bin/git*": GIT.format(git=shutil.which("git"))})
    count = tmp_path / "count"
    environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "KILL_COUNT": str(count), "KILL_WHOM": "$$" if victim == "git" else "0"}
    ended, points = True, 0
    while ended:
        # One half of the calls for the one, the other half for the other.
        point = 2 * points + (1 if victim == "git" else 2)
        points += 1
        count.unlink(missing_ok=True)
        code, said = in_its_own_process(bench, {**environment, "KILL_AT": str(point)}, update=["mod_board"])
        ended = len(count.read_text()) >= point
        if ended and victim == "git" and code:
            assert "git was killed (signal 9)" in said, said
        assert (bench.store / "lms.store").read_text() == (saved / "store.git/lms.store").read_text(), "a kill is no damage"
        then_all_is_well(bench, before, wanted, f"killed at call {point}", update=["mod_board"])
        bench.restore(saved)
    assert points > 8
    record_property("points", points - 1)


# Where the kill comes in the middle of what Git does: {moment: (the hook that Git calls then, when it is meant)}.
INCOMING = 'expr "$PWD" : ".*/incoming/" >/dev/null'
LOCKED, MOVED = '[ "$1" = prepared ]', '[ "$1" = committed ]'
MOMENTS = {
    "half of a pack has come": ("source", "pack", '"$@" | head -c 90'),
    "a fetch has locked its refs": ("store", "reference-transaction", f"{LOCKED} && {INCOMING}"),
    "the store has locked its refs": ("store", "reference-transaction", f"{LOCKED} && ! {INCOMING}"),
    "the store has moved its refs": ("store", "reference-transaction", f"{MOVED} && ! {INCOMING}"),
    "a push has brought its objects": ("repository", "pre-receive", "true"),
    "the repository has locked its refs": ("repository", "reference-transaction", LOCKED),
    "the repository has moved its refs": ("repository", "reference-transaction", MOVED),
    "a push has arrived": ("repository", "post-receive", "true"),
}


@pytest.mark.parametrize("victim", ["$PPID", "0"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_git_killed_in_the_middle(tmp_path: Path, moment: str, victim: str) -> None:
    where, name, when = MOMENTS[moment]
    bench = prepared(tmp_path, "moved branch")
    saved, before = bench.save(), bench.tree()
    wanted = bench.done(update=["mod_board"])["tree"]
    bench.restore(saved)
    hook = tmp_path / "hooks" / name if where != "repository" else bench.repository / "hooks" / name
    write(hook.parent, {f"{name}*": f"#!/bin/sh\n{{ {when}; }} && touch {tmp_path}/killed && kill -9 {victim}\nexit 0\n"})
    write(tmp_path, {"gitconfig": f"[uploadpack]\n\tpackObjectsHook = {hook}\n" if where == "source" else ""})
    hooks = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": str(hook.parent)}
    environment = {"GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig"), **(hooks if where == "store" else {})}
    in_its_own_process(bench, environment, update=["mod_board"])
    assert (tmp_path / "killed").exists()
    hook.unlink()
    then_all_is_well(bench, before, wanted, moment, update=["mod_board"])


@pytest.mark.parametrize("lost", [("refs/moodle/campus", "tag"), ("tag",)])
def test_refs_are_moved_one_by_one_and_a_kill_in_between_is_mended(tmp_path: Path, lost: tuple[str, ...]) -> None:
    """Git takes the branch first. Without the file beside the manifest, the old lock would take the build back."""
    bench = prepared(tmp_path, "moved branch")
    old = bench.built("rev-parse", "refs/moodle/campus")
    built = bench.done(update=["mod_board"])
    if "refs/moodle/campus" in lost:
        bench.built("update-ref", "refs/moodle/campus", old)
    bench.built("tag", "--delete", built["tag"])
    bench.lock.unlink()
    bench.move_branch(3)
    assert bench.done(check=True)["tree"] == built["tree"]
    assert bench.built("tag", "--points-at", "campus") == ""
    again = bench.done()
    assert (again["changed"], again["tree"], again["tag"]) == (False, built["tree"], built["tag"])
    assert "cut off while it was published" in again["warnings"][0]
    bench.assert_in_step()
    assert bench.done()["warnings"] == []


def test_what_killed_fetches_left_is_swept_away(tmp_path: Path) -> None:
    bench = CodebaseBench(tmp_path)
    bench.done()
    left = bench.store / "incoming" / "left"
    (left / "objects").mkdir(parents=True)
    bench.move_branch(2)
    bench.done(update=["mod_board"])
    assert left.exists(), "it may be held in the next moment"
    os.utime(left, (0, 0))
    bench.done(update=["mod_board"])
    assert not left.exists()


def test_a_lock_in_a_repository_elsewhere_is_named(tmp_path: Path) -> None:
    """Over a URL nothing can be removed: it is said what to do."""
    bench = prepared(tmp_path, "moved branch")
    write(bench.repository, {"refs/heads/campus.lock": ""})
    bench.arguments["repository"] = f"file://{bench.repository}"
    message = bench.refused(update=["mod_board"])
    assert "A lock of Git keeps campus out of" in message
    assert f"{bench.repository}/./refs/heads/campus.lock" in message or "campus.lock" in message
    (bench.repository / "refs/heads/campus.lock").unlink()
    assert bench.done(update=["mod_board"])["changed"]
