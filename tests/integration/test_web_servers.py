# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nginx and Apache as the role site configures them: what is served while releases are switched, and from where."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest
from support.delivery_root import Root
from support.process import SupportError, program
from support.web_servers import Load, page, program_of_fpm, serving

SWAPS, USERS, ENOUGH = 10, 4, 400


@pytest.fixture(params=["nginx", "apache"])
def server(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    try:
        program(*{"nginx": ("nginx", "nginx"), "apache": ("apache2", "apache2-bin")}[kind])
        program_of_fpm()
    except SupportError as missing:
        pytest.skip(str(missing))
    return kind


def fetch(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def deliver(root: Root, mark: str, files: dict[str, str]) -> None:
    root.source.commit(files, tag=mark)
    root.done("live", mark, release_id=mark)


def test_every_answer_during_switches_is_of_one_release(server: str, tmp_path: Path) -> None:
    root = Root(tmp_path)
    for mark in "ab":
        deliver(root, mark, page(mark))
    with serving(tmp_path / "web", root.path, server) as port, Load(port, USERS) as load:
        swaps = 0
        while swaps < SWAPS or load.answers.total() < ENOUGH:
            mark = "ab"[swaps % 2]
            root.done("rolled_back", release_id=mark)
            # A request that begins after the switch gets the new release, without a reload.
            assert fetch(port, "/") == (200, f"{mark} {mark}")
            swaps += 1
    assert (load.answers["error"], load.answers["mixed"]) == (0, 0), load.answers
    assert load.answers["same"] >= ENOUGH


def test_a_node_is_served_the_release_that_its_own_link_names_and_nobody_else_is(server: str, tmp_path: Path) -> None:
    root = Root(tmp_path)
    deliver(root, "b", {f"public/{name}": text for name, text in {**page("b"), "lib/setup.php": "<?php"}.items()})
    deliver(root, "a", page("a"))
    with serving(tmp_path / "web", root.path, server) as port, Load(port, USERS) as load:
        # Who asks for 127.0.0.1 is a visitor of all other nodes.
        while load.answers.total() < ENOUGH:
            root.done("live", nodes=["law.example.test"], release_id="b")
            for name in ("law.example.test", "LAW.example.test:8080"):
                assert fetch(port, "/", name) == (200, "b b")
            assert fetch(port, "/lib/first.php", "art.example.test")[0] == 200
            assert fetch(port, "/", "art.example.test") == (200, "a a")
            root.done("rolled_back", nodes=["law.example.test"], release_id="a")
            assert fetch(port, "/", "law.example.test") == (200, "a a")
            root.done("live", nodes=["law.example.test"], release_id="a")
            assert fetch(port, "/", "law.example.test") == (200, "a a")
        for hostile in ("../releases/b", "..", ".", "law.example.test/..", "x/../law.example.test", "a..b"):
            status, text = fetch(port, "/", hostile)
            assert (status, text) == (200, "a a") or status >= 400, hostile
    assert load.answers == {"same": load.answers["same"]}, load.answers


def test_a_node_in_a_sub_directory_is_served_before_and_after_a_switch(server: str, tmp_path: Path) -> None:
    root = Root(tmp_path)
    link = [{"dest": "law", "link": "."}]
    asked = {**page("a"), "asked.php": "<?php echo is_link(__DIR__ . '/law') ? explode('/', $_SERVER['REQUEST_URI'])[1] : 'lost';"}
    for mark in "ab":
        root.source.commit({**asked, **page(mark)}, tag=mark)
    root.done("live", "a", shared_files=link)
    with serving(tmp_path / "web", root.path, server) as port:
        for mark in "abab":
            root.done("live", mark, shared_files=link)
            for path in ("/law/", "/law/index.php", "/"):
                assert fetch(port, path) == (200, f"{mark} {mark}")
            assert fetch(port, "/law/asked.php") == (200, "law")


def test_the_folder_public_is_served_alone_where_there_is_one(server: str, tmp_path: Path) -> None:
    root = Root(tmp_path)
    deliver(root, "a", {**page("a"), "lib/setup.php": "<?php", "info.php": "<?php echo $_SERVER['PATH_INFO'] ?? '';"})
    public = {f"public/{name}": text for name, text in {**page("b"), "lib/setup.php": "<?php", "pix/x.txt": "picture"}.items()}
    public["public/info.php"] = "<?php echo $_SERVER['PATH_INFO'] ?? '', ' ', $_GET['q'] ?? '';"
    deliver(root, "b", {**public, "secret.php": "<?php echo 'secret';", "public/.hidden": "secret", "public/.git.d/x": "secret"})
    with serving(tmp_path / "web", root.path, server) as port:
        assert fetch(port, "/") == (200, "b b")
        assert fetch(port, "/index.php") == (200, "b b")
        assert fetch(port, "/pix/x.txt") == (200, "picture")
        assert fetch(port, "/info.php/theme/1?q=2") == (200, "/theme/1 2")
        for hidden in ("/secret.php", "/public/index.php", "/.hidden", "/.git.d/x", "/lib/../../secret.php"):
            status, text = fetch(port, hidden)
            assert (status in (400, 403, 404), "secret" in text) == (True, False), hidden
        root.done("rolled_back", release_id="a")
        assert fetch(port, "/") == (200, "a a")
        assert fetch(port, "/info.php/theme/1") == (200, "/theme/1")
        root.done("rolled_back", release_id="b")
        assert fetch(port, "/") == (200, "b b")
