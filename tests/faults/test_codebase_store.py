# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Full disks, dead lines, servers that lie, builds at once of which some are killed: one clear sentence, and the store stays whole."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from support.codebase_bench import CodebaseBench
from support.loopback import Answer, Loopback, breaks_off, replies, says_nothing
from support.repositories import Source, git, module_command, module_environment, module_input, write
from support.workbench import plugin_files

from ansible_collections.lms.moodle.plugins.module_utils.codebase.git import gitrepo

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk: a full disk was not tried")


@pytest.fixture
def bench(tmp_path: Path) -> CodebaseBench:
    """Built once; then the branch of its pinned plugin goes on."""
    bench = CodebaseBench(tmp_path)
    bench.done()
    bench.move_branch(2)
    return bench


def refused_and_whole(bench: CodebaseBench, **more: Any) -> str:
    """What the module says, after which everything is as it was."""
    before, edition = bench.tree(), (bench.store / "lms.store").read_text()
    result = bench.run_module(update=["mod_board"], lint=False, **more)
    assert result.get("failed"), result
    message: str = result["msg"]
    assert "\n" not in message
    assert bench.tree() == before
    bench.assert_whole()
    assert (bench.store / "lms.store").read_text() == edition, "the store is not at fault"
    return message


def then_goes_on(bench: CodebaseBench) -> None:
    result = bench.done(update=["mod_board"])
    assert result["changed"]
    assert result["warnings"] == []
    bench.assert_in_step()
    bench.assert_whole()


# Full disks


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """What lies in a folder, on a disk of its own that has little room left."""
    kept = place.with_name("kept")
    place.rename(kept)
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here: a full disk was not tried")
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", str(place)], check=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@needs_root
@pytest.mark.parametrize("where", ["store", "repository"])
def test_what_does_not_fit_is_refused_until_there_is_room(bench: CodebaseBench, where: str) -> None:
    bench.board.commit({**plugin_files("mod_board", 2), "lib.php": "board\n", "big.bin": os.urandom(6_000_000)}, branch="stable")
    place: Path = getattr(bench, where)
    with small_disk(place):
        for _turn in range(2):
            message = refused_and_whole(bench)
            assert "No space left" in message, message
            assert str(place) in message, message
        assert not list((bench.store / "incoming").iterdir()), "what did not fit makes room again"
        subprocess.run(["mount", "-o", "remount,size=64m", str(place)], check=True)
        then_goes_on(bench)


@needs_root
@pytest.mark.parametrize("where", ["store", "repository", "locks"])
def test_a_disk_without_a_free_byte(bench: CodebaseBench, where: str) -> None:
    locks = bench.folder / "locks"
    locks.mkdir()
    bench.lock = bench.lock.rename(locks / bench.lock.name)
    bench.arguments["lock_file"] = str(bench.lock)
    place = locks if where == "locks" else getattr(bench, where)
    before, locked = bench.tree(), bench.lock.read_text()
    with small_disk(place):
        filler = place / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        result = bench.run_module(update=["mod_board"], lint=False)
        assert result.get("failed"), result
        assert "No space left" in result["msg"], result["msg"]
        assert "\n" not in result["msg"]
        assert bench.lock.read_text() == locked
        if where != "locks":
            assert bench.tree() == before
        filler.unlink()
        bench.assert_whole()
        bench.done(update=["mod_board"])
        bench.assert_in_step()
        bench.assert_whole()


# Dead lines

FAST = {"GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "1"}


def test_nobody_listens_any_more(bench: CodebaseBench) -> None:
    """What is locked is built from the store; what shall be new is refused, with the names of the plugin and of its source."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/board.git"
    bench.definition["plugins"]["mod_board"]["source"] = url
    message = refused_and_whole(bench)
    assert "mod_board" in message
    assert url in message
    bench.definition["plugins"]["mod_board"]["source"] = str(bench.board.path)
    then_goes_on(bench)


def half_a_head(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 O")


@pytest.mark.parametrize("answer", [says_nothing(30), half_a_head, replies(b"gone", 503), breaks_off(b"001e# service=git-upload-pack\n")])
def test_a_line_that_dies_while_it_speaks(bench: CodebaseBench, answer: Answer) -> None:
    with Loopback(answer) as server:
        bench.definition["plugins"]["mod_board"]["source"] = f"{server.url}/board.git"
        began = time.monotonic()
        message = refused_and_whole(bench, environment=FAST)
        assert time.monotonic() - began < 25, "it waited for the server"
        assert server.url in message
        assert server.asked


def test_a_source_by_gits_own_protocol_that_says_nothing(bench: CodebaseBench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gitrepo, "LONGEST", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        bench.definition["plugins"]["mod_board"]["source"] = f"git://127.0.0.1:{server.getsockname()[1]}/board.git"
        message = bench.refused(update=["mod_board"])
    assert "it came to no end in 1 s" in message
    bench.assert_whole()


# Servers that lie

# What becomes of the pack that a server sends ("$@" makes the honest one).
LIES = {
    "half of it": '"$@" | head -c 90',
    "nothing": "exit 0",
    "another byte": "\"$@\" | python3 -c 'import sys; b = bytearray(sys.stdin.buffer.read()); b[40] ^= 255; sys.stdout.buffer.write(b)'",
    "whole, but without the objects": "git pack-objects --stdout -q </dev/null",
    "no pack": "echo '<html>Please log in</html>'",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_pack_that_is_not_what_was_asked_for(bench: CodebaseBench, lie: str) -> None:
    write(bench.folder, {"hook*": f"#!/bin/sh\n{LIES[lie]}\n", "gitconfig": f"[uploadpack]\n\tpackObjectsHook = {bench.folder}/hook\n"})
    message = refused_and_whole(bench, environment={"GIT_CONFIG_GLOBAL": str(bench.folder / "gitconfig")})
    assert "mod_board" in message
    assert str(bench.board.path) in message
    then_goes_on(bench)


def as_plain_files(source: Source) -> Path:
    """A bare copy as a web server without Git gives it away."""
    bare = source.path.with_name("plain.git")
    git(source.path, "clone", "--quiet", "--bare", ".", str(bare))
    git(bare, "update-server-info")
    return bare


def gives_files(folder: Path, alter: Callable[[str, bytes], bytes | None]) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0].lstrip("/")
        file = folder / path
        body = alter(path, file.read_bytes()) if file.is_file() else None
        (replies(status=404) if body is None else replies(body))(handler)

    return answer


def test_a_web_server_without_git_is_a_source_too(bench: CodebaseBench) -> None:
    plain = as_plain_files(bench.board)
    with Loopback(gives_files(plain.parent, lambda _path, body: body)) as server:
        bench.definition["plugins"]["mod_board"]["source"] = f"{server.url}/{plain.name}"
        then_goes_on(bench)
        bench.definition["plugins"]["mod_board"] = {"source": f"{server.url}/{plain.name}", "commit": bench.board.head()}
        bench.done()


def spoiled(path: str, body: bytes) -> bytes:
    return body[:-1] + bytes([body[-1] ^ 1]) if "/objects/" in path and "info" not in path else body


ALTERED: dict[str, Callable[[str, bytes], bytes | None]] = {
    "the objects are spoiled": spoiled,
    "the objects are cut off": lambda path, body: body[:-3] if "/objects/" in path and "info" not in path else body,
    "there are no objects": lambda path, body: None if "/objects/" in path else body,
    "a login page for everything": lambda _path, _body: b"<html>Please log in</html>",
    "a ref names what is not there": lambda path, body: re.sub(rb"[0-9a-f]{40}", b"1" * 40, body) if path.endswith("info/refs") else body,
}


@pytest.mark.parametrize("lie", ALTERED)
def test_files_that_are_not_what_they_were(bench: CodebaseBench, lie: str) -> None:
    plain = as_plain_files(bench.board)
    with Loopback(gives_files(plain.parent, ALTERED[lie])) as server:
        bench.definition["plugins"]["mod_board"]["source"] = f"{server.url}/{plain.name}"
        message = refused_and_whole(bench)
        assert "mod_board" in message
        assert server.url in message


def test_a_ref_that_names_no_commit_is_refused(bench: CodebaseBench) -> None:
    blob = git(bench.board.path, "hash-object", "-w", "--stdin", stdin=b"no commit")
    git(bench.board.path, "tag", "v9", blob)
    bench.definition["plugins"]["mod_board"] = {"source": str(bench.board.path), "tag": "v9"}
    message = refused_and_whole(bench)
    assert "mod_board" in message
    assert "v9" in message


# Several builds at once


def test_builds_at_once_of_which_some_are_killed(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """One store, a project each; whoever is not killed comes to the tree that it comes to alone."""
    chance, killed = random.Random(7), 0
    bench = CodebaseBench(tmp_path)
    names = ["campus", "school", "kiosk", "mirror"]
    wanted = {}
    for number, name in enumerate(names):
        definition = {**bench.definition, "project": name, "overlays": bench.definition["overlays"][: number % 2]}
        wanted[name] = {**bench.arguments, "definition": definition, "lock_file": str(tmp_path / f"{name}.yml"), "lint": False}
    began = time.monotonic()
    trees = {name: alone(arguments, tmp_path / f"alone-{name}") for name, arguments in wanted.items()}
    length = (time.monotonic() - began) / len(names)
    for _turn in range(8):
        for place in (bench.store, bench.repository):
            shutil.rmtree(place, ignore_errors=True)
        for name in names:
            (tmp_path / f"{name}.yml").unlink(missing_ok=True)
        running = {name: started(arguments) for name, arguments in wanted.items()}
        victims = chance.sample(names, 2)
        for name in victims:
            time.sleep(chance.uniform(0, 1.5 * length))  # four at once take longer than one
            if running[name].poll() is None:
                os.killpg(running[name].pid, signal.SIGKILL)
        ended = {name: process.wait() for name, process in running.items()}
        killed += sum(code == -signal.SIGKILL for code in ended.values())
        assert {code for name, code in ended.items() if name not in victims} == {0}, ended
        bench.assert_whole()
        for name in names:
            if ended[name] == 0:
                assert git(bench.repository, "rev-parse", f"{name}^{{tree}}") == trees[name]
        again = [started(wanted[name]) for name in names]
        assert [process.wait() for process in again] == [0] * len(names)
        assert {name: git(bench.repository, "rev-parse", f"{name}^{{tree}}") for name in names} == trees
        bench.assert_whole()
    assert killed
    record_property("killed", killed)


def started(arguments: dict[str, Any]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        module_command("moodle_codebase"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=module_environment(),
        start_new_session=True,
    )
    assert process.stdin
    process.stdin.write(module_input(arguments))
    process.stdin.close()
    return process


def alone(arguments: dict[str, Any], folder: Path) -> str:
    folder.mkdir()
    places = {name: str(folder / name) for name in ("store", "repository", "lock_file")}
    assert started({**arguments, **places}).wait() == 0
    return git(folder / "repository", "rev-parse", f"{arguments['definition']['project']}^{{tree}}")
