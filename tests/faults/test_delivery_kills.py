# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A delivery that is killed at any point: what is served is whole at every instant, and the next call comes to the wanted state.

The kill comes just before each write in turn (files opened for writing, renames, links, directories, programs that are started),
so that every state that the disk passes through is looked at.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.delivery_root import NEW, OLD, Root
from support.kills import killed_at
from support.repositories import module_command, module_environment, module_input, write

FIX = {"version.php": "fixed"}
FIXED = OLD | FIX
PART = {path: content for path, content in OLD.items() if not path.startswith("lib/")} | {"lib/a.php": "a", "lib/new.php": "n"}
HAND = {"version.php": "hand", "lib/a.php": "a", "config.php": "secret"}
CALLS: dict[str, tuple[Callable[[Root], object], list[dict[str, str] | None], dict[str, str] | None]] = {
    # the call, what may be served after a kill, what must be served after the next call
    "first": (lambda root: root.done("live", "old"), [None, OLD], OLD),
    "live": (lambda root: root.done("live", "new"), [OLD, NEW], NEW),
    "live, named": (lambda root: root.done("live", "new", release_id="next"), [OLD, NEW], NEW),
    "secured": (lambda root: root.done("secured"), [OLD], OLD),
    "updated": (lambda root: root.done("updated", "new"), [OLD], OLD),
    "live from updated": (lambda root: root.done("live", "new"), [OLD, NEW], NEW),
    "rolled_back": (lambda root: root.done("rolled_back"), [NEW, OLD], OLD),
    "rolled_back to a damaged one": (lambda root: root.done("rolled_back"), [NEW, OLD], OLD),
    "rolled_back from the middle": (lambda root: root.done("rolled_back"), [NEW, OLD], OLD),
    "abandoned": (lambda root: root.done("abandoned"), [OLD], OLD),
    "live over hot fixes": (lambda root: root.done("live", "new"), [FIXED, NEW], NEW),
    "live, pruning": (lambda root: root.done("live", "new", keep_releases=1), [{"version.php": "0"}, NEW], NEW),
    "live with a rendered file": (
        lambda root: root.done("live", "new", shared_files=rendered(root)),
        [OLD, NEW | {"config.php": "c"}],
        NEW | {"config.php": "c"},
    ),
    "a part": (lambda root: root.done("live", "new", component="lib"), [OLD, PART], PART),
    "a part over hot fixes": (lambda root: root.done("live", "new", component="lib"), [FIXED, {**PART, **FIX}], {**PART, **FIX}),
    "adopted": (lambda root: root.done("secured", adopt=str(root.folder / "hand")), [None, HAND], HAND),
    "adopted, then live": (lambda root: root.done("live", "new", adopt=str(root.folder / "hand")), [None, HAND, NEW], NEW),
    "secured with a third copy": (lambda root: root.done("secured", supersafe=True), [OLD], OLD),
    "rolled_back to the third copy": (lambda root: root.done("rolled_back", supersafe=True), [NEW, OLD], OLD),
    "a node led ahead": (lambda root: root.done("live", nodes=[NODE]), [OLD], OLD),
    "a node led back": (lambda root: root.done("rolled_back", nodes=[NODE], release_id=root.linked()), [OLD], OLD),
    "all after a node": (lambda root: root.done("live", "new", release_id="x"), [OLD, NEW], NEW),
}
NODE = "law.example.org"
LED: dict[str, tuple[list[dict[str, str] | None], dict[str, str] | None]] = {
    # what a virtual node may be served after a kill, what it must be served after the next call
    "a node led ahead": ([OLD, NEW], NEW),
    "a node led back": ([OLD, NEW], OLD),
    "all after a node": ([NEW], NEW),
}


def rendered(root: Root) -> list[dict[str, str]]:
    (root.folder / "config").write_text("c")
    return [{"src": str(root.folder / "config"), "dest": "config.php", "mode": "0640"}]


def prepared(folder: Path, name: str) -> Root:
    root = Root(folder)
    if name.startswith("adopted"):
        write(folder / "hand", HAND)
    if name == "first" or name.startswith("adopted"):
        return root
    root.good("old")
    if name == "rolled_back to the third copy":
        root.done("live", "new", supersafe=True)
    if name.startswith("rolled_back") and root.linked("supersafe") is None:
        root.done("live", "new")
    if name == "rolled_back to a damaged one":
        root.file("version.php", "safe").write_text("damaged")
    if name == "rolled_back from the middle":
        root.source.commit({"version.php": "3"}, tag="third")
        root.done("updated", "third")
    if name in ("live from updated", "abandoned"):
        root.done("updated", "new")
    if name in LED:
        root.done("updated", "new", release_id="x")
    if name in ("a node led back", "all after a node"):
        root.done("live", nodes=[NODE])
    if name.endswith("over hot fixes"):
        root.file("version.php").write_text("fixed")
    if name == "live, pruning":
        for number in (2, 1, 0):
            root.source.commit({"version.php": str(number)}, tag=f"t{number}")
            root.done("live", f"t{number}")
    return root


def restored(root: Root, saved: Path) -> None:
    shutil.rmtree(root.path, ignore_errors=True)
    if saved.exists():
        subprocess.run(["cp", "-a", str(saved), str(root.path)], check=True)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_is_killed_at_any_point(tmp_path: Path, name: str, record_property: Callable[[str, object], None]) -> None:
    call, may_serve, must_serve = CALLS[name]
    root = prepared(tmp_path, name)
    saved = tmp_path / "saved"
    if root.path.exists():
        subprocess.run(["cp", "-a", str(root.path), str(saved)], check=True)
    point = 0
    while killed_at(point := point + 1, lambda: call(root)):
        assert root.served() in may_serve, f"killed at write {point}"
        if root.linked("safe"):
            assert root.served("safe") in (OLD, FIXED, OLD | {"version.php": "damaged"}, HAND), f"killed at write {point}"
        if root.linked("supersafe"):
            assert root.served("supersafe") == OLD, f"killed at write {point}"
        if name in LED:
            assert root.served_to(NODE) in LED[name][0], f"killed at write {point}"
        call(root)
        assert root.served() == must_serve, f"killed at write {point}, then called again"
        if name in LED:
            assert root.served_to(NODE) == LED[name][1], f"killed at write {point}, then called again"
        again = call(root)
        assert again["changed"] is False, f"killed at write {point}, called again, and once more"  # type: ignore[index]
        if "third copy" in name:
            assert root.served("supersafe") == OLD, f"killed at write {point}, then called again"
        if name != "updated":
            assert root.partials() == [], f"killed at write {point}"
        restored(root, saved)
    assert root.served() == must_serve
    assert point > 3
    record_property("points", point - 1)


SITE = """
import os, signal, sys
left = [int(os.environ["KILL_AT"])]
WRITES = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.symlink", "os.chown", "subprocess.Popen"}
def hook(event, arguments):
    write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if event in WRITES or write:
        left[0] -= 1
        if left[0] == 0:
            os.killpg(0, signal.SIGKILL)
sys.addaudithook(hook)
"""


@pytest.mark.parametrize("state", ["live", "rolled_back"])
def test_the_real_module_killed_with_all_its_programs(tmp_path: Path, state: str) -> None:
    """As when a host dies: Git is killed too, with its locks held. Every fifth point, in a process as Ansible starts it."""
    root = prepared(tmp_path, state)
    saved = tmp_path / "saved"
    subprocess.run(["cp", "-a", str(root.path), str(saved)], check=True)
    (tmp_path / "killer").mkdir()
    (tmp_path / "killer/sitecustomize.py").write_text(SITE)
    revision = "new" if state == "live" else None
    data = module_input({**{key: value for key, value in root.arguments(state, revision).items() if value is not None}, "holder": "tester"})
    environment = module_environment()
    environment["PYTHONPATH"] += os.pathsep + str(tmp_path / "killer")
    point, ended = 1, 1
    while ended:
        done = subprocess.run(
            module_command("moodle_delivery"),
            input=data,
            env={**environment, "KILL_AT": str(point)},
            capture_output=True,
            check=False,
            start_new_session=True,
        )
        ended = done.returncode
        assert ended in (0, -9), done.stderr
        assert root.served() in (OLD, NEW), f"killed at write {point}"
        root.done(state, revision)
        assert root.served() == (NEW if state == "live" else OLD), f"killed at write {point}, then called again"
        restored(root, saved)
        point += 5
    assert point > 6
