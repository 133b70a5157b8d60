# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nodes of a VMoodle are led to a new release in waves, behind nginx and PHP-FPM, while visitors go on asking for all of them."""

from __future__ import annotations

import http.client
import json
import re
import threading
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from support.campus import make_campus
from support.delivered_site import Played, Site
from support.mariadb import MariaDB
from support.process import SupportError, program
from support.web_servers import program_of_fpm, serving

# In the order in which they are upgraded.
NODES = ("art", "bio", "law")
CODE = re.compile(r'<dd id="code">.*/releases/([^<]+)</dd>')
OK, CLOSED, ERROR = 200, 503, 500


@dataclass
class Visitors:
    """One for each node, who asks for its front page again and again: what was answered, and by which release, in the order of all."""

    port: int
    seen: list[tuple[str, int, str]] = field(default_factory=list)

    def __enter__(self) -> Visitors:
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=[node], daemon=True) for node in NODES]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _visit(self, node: str) -> None:
        while not self._over.wait(0.02):
            self.seen.append((node, *self.ask(node)))

    def ask(self, node: str) -> tuple[int, str]:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            connection.request("GET", "/", headers={"Host": f"{node}.campus.test"})
            answer = connection.getresponse()
            found = CODE.search(answer.read().decode(errors="replace"))
            return answer.status, found[1] if found else ""
        except (OSError, http.client.HTTPException) as error:
            return 0, repr(error)

    def of(self, node: str) -> list[tuple[int, str]]:
        return [answer for who, *answer in ((who, status, code) for who, status, code in self.seen) if who == node]  # type: ignore[misc]

    def statuses(self, node: str) -> set[int]:
        return {status for who, status, _code in self.seen if who == node}

    def codes(self, node: str) -> list[str]:
        """The releases that answered, one after the other."""
        found = [code for who, status, code in self.seen if (who, status) == (node, OK)]
        return [code for number, code in enumerate(found) if number == 0 or code != found[number - 1]]


class Vmoodle(Site):
    """The site is the master of three nodes."""

    port = 0

    def declare(self, version: str) -> None:
        self.campus.declare(version, local_vmoodle="")

    def play(self, playbook: str, **more: t.Any) -> Played:
        return super().play(playbook, moodle_php_options=[f"mysqli.default_socket={self.server.socket}"], **more)

    def deliver(self, **more: t.Any) -> Played:
        """In waves of one."""
        asked: dict[str, t.Any] = {
            "moodle_site_vmoodle": True,
            "moodle_waves": True,
            "moodle_batch": 1,
            "moodle_upgrade_dir": str(self.campus.folder / "fleet"),
            "moodle_nodes_health_url": f"http://127.0.0.1:{self.port}/",
        }
        return self.play("deliver", **{**asked, **more})

    def branch(self, node: str) -> str:
        return str(self.server.execute("SELECT value FROM mdl_config WHERE name = 'branch'", f"waves_{node}")[0]["value"])

    def fault(self, node: str, **points: t.Any) -> None:
        (self.campus.folder / f"data-{node}" / "minimoodle.json").write_text(json.dumps(points))

    def is_closed(self, node: str) -> bool:
        return (self.campus.folder / f"data-{node}" / "climaintenance.html").exists()

    def link(self, node: str) -> str | None:
        link = self.campus.site / "nodes" / f"{node}.campus.test"
        return str(link.readlink()) if link.is_symlink() else None

    def report(self) -> list[str]:
        return max((self.campus.folder / "fleet").glob("report-*.txt")).read_text().splitlines()


@pytest.fixture(scope="module")
def site(database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vmoodle]:
    """On 4.2, with its nodes, and served."""
    try:
        program("nginx", "nginx")
        program_of_fpm()
    except SupportError as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("waves")
    site = Vmoodle(make_campus(folder / "campus"), database_server, "site_with_waves")
    site.declare("4.2.0")
    first = site.deliver()
    assert first.code == 0, first.said[-3000:]
    access = {"dbhost": site.server.host, "dbuser": site.server.user, "dbpass": site.server.password}
    nodes = [
        {"wwwroot": f"http://{name}.campus.test", "dbname": f"waves_{name}", "datapath": str(site.campus.folder / f"data-{name}"), **access}
        for name in NODES
    ]
    (site.campus.folder / "nodes.json").write_text(json.dumps(nodes))
    made = site.play("fleet_nodes", moodle_nodes_file=str(site.campus.folder / "nodes.json"))
    assert made.code == 0, made.said[-3000:]
    with serving(folder / "web", site.campus.site, php={"mysqli.default_socket": str(site.server.socket)}) as port:
        site.port = port
        yield site


def test_a_release_that_fails_with_the_canary_is_served_to_nobody_else_and_the_canary_is_as_before(site: Vmoodle) -> None:
    site.declare("4.3.0")
    before = site.campus.served()
    site.fault("art", upgrade="fail")
    with Visitors(site.port) as visitors:
        failed = site.deliver(moodle_snapshot="before")
    assert failed.code != 0
    assert (site.campus.served(), site.campus.version()) == (before, "4.2"), failed.said[-3000:]
    assert [site.branch(node) for node in NODES] == ["402"] * 3, failed.said[-3000:]
    assert [site.is_closed(node) for node in NODES] == [False] * 3, failed.said[-3000:]
    assert [site.link(node) for node in NODES] == [f"../releases/{before}", None, None]
    for node in ("bio", "law"):
        assert (visitors.statuses(node), visitors.codes(node)) == ({OK}, [before])
    assert (visitors.statuses("art"), visitors.codes("art")) == ({OK, CLOSED}, [before])
    lines = site.report()
    assert lines[0].startswith("0 of 3 nodes upgraded")
    assert any(line.startswith("http://art.campus.test: wave: failed: ") for line in lines)
    assert "http://bio.campus.test: wave: not begun: the canary failed" in lines
    assert not site.closed


def test_a_node_that_does_not_answer_in_the_new_release_is_led_back_too(site: Vmoodle) -> None:
    before = site.campus.served()
    site.fault("art", web={"do": "fail", "branch": "403"})
    failed = site.deliver(moodle_snapshot="before")
    assert failed.code != 0
    assert (site.branch("art"), site.is_closed("art"), site.link("art")) == ("402", False, f"../releases/{before}"), failed.said[-3000:]
    assert Visitors(site.port).ask("art") == (OK, before)

    # Without a snapshot its database stays new: it is closed, and led on as soon as it can answer.
    failed = site.deliver()
    assert (site.branch("art"), site.is_closed("art"), site.link("art")) == ("403", True, f"../releases/{before}"), failed.said[-3000:]


def test_each_node_is_closed_for_its_own_wave_and_all_others_are_served_what_they_were(site: Vmoodle) -> None:
    before = site.campus.served()
    site.fault("art")
    with Visitors(site.port) as visitors:
        done = site.deliver()
    assert done.code == 0, done.said[-3000:]
    after = site.campus.served()
    assert (site.campus.version(), [site.branch(node) for node in NODES]) == ("4.3", ["403"] * 3)
    assert [site.is_closed(node) for node in NODES] == [False] * 3
    assert [site.link(node) for node in NODES] == ["../current"] * 3
    for node in NODES:
        assert visitors.statuses(node) == {OK, CLOSED}
        assert visitors.codes(node) == ([after] if node == "art" else [before, after])
    # One after the other: the next is served the old release while the one before is served the new one.
    begun = {node: visitors.seen.index((node, OK, after)) for node in NODES}
    last = {node: max(at for at, seen in enumerate(visitors.seen) if seen == (node, OK, before)) for node in ("bio", "law")}
    assert begun["art"] < last["bio"] < begun["bio"] < last["law"] < begun["law"]
    site.nothing_is_open()

    again = site.deliver()
    assert again.code == 0, again.said[-3000:]
    assert "changed=0" in again.said


def test_a_node_that_may_fail_stays_behind_with_a_release_that_is_kept(site: Vmoodle) -> None:
    before = site.campus.served()
    site.declare("4.3.1")
    site.fault("law", upgrade="fail")
    done = site.deliver(moodle_snapshot="once-more", moodle_max_failures="1", moodle_keep_releases=1, moodle_grace=0)
    assert done.code == 0, done.said[-3000:]
    assert [site.link(node) for node in NODES] == ["../current", "../current", f"../releases/{before}"]
    assert "Virtual nodes that have a release of their own stay with it: law.campus.test" in done.said
    visitors = Visitors(site.port)
    assert visitors.ask("law") == (OK, before)
    assert visitors.ask("bio") == (OK, site.campus.served())

    site.fault("law")
    done = site.deliver(moodle_keep_releases=1, moodle_grace=0)
    assert done.code == 0, done.said[-3000:]
    assert site.link("law") == "../current"
    assert visitors.ask("law") == (OK, site.campus.served())
