# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes are made and found under their names, by nginx and by Apache, over HTTP and TLS; nothing that they refuse stays."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.campus import make_campus
from support.delivered_site import Played, Site
from support.mariadb import MariaDB
from support.process import SupportError, program, run
from support.web import free_port
from support.web_servers import command, program_of_fpm, serving

OWN = "/lib/ajax/service-nologin.php"
SECURE = ("law", "med")
ASKED = json.dumps([{"index": 0, "methodname": "tool_mobile_get_public_config", "args": {}}])


class Vmoodle(Site):
    """The site is the master of nodes that its web server is to answer to."""

    web: Path
    kind: str
    plain, secure = 0, 0

    def declare(self, version: str) -> None:
        self.campus.declare(version, local_vmoodle="")

    def command(self, playbook: str, *, check: bool = False, **more: t.Any) -> list[str]:
        settings = [f"mysqli.default_socket={self.server.socket}"]
        return [*super().command(playbook, moodle_php_options=settings, **more), *(["--check"] if check else [])]

    def address(self, node: str) -> str:
        scheme, port = ("https", self.secure) if node in SECURE else ("http", self.plain)
        return f"{scheme}://{node}.campus.test:{port}"

    def nodes(self, *names: str, **more: t.Any) -> Played:
        """Play the list of these nodes."""
        access = {"dbhost": self.server.host, "dbuser": self.server.user, "dbpass": self.server.password}
        wish = [
            {"wwwroot": self.address(name), "dbname": f"{self.name}_{name}", "datapath": str(self.campus.folder / f"data-{name}"), **access}
            for name in names
        ]
        file = self.campus.folder / "nodes.json"
        file.write_text(json.dumps(wish))
        tests, tells = {"nginx": (["-t"], ["-s", "reload"]), "apache": (["-t"], ["-k", "graceful"])}[self.kind]
        web = {
            "moodle_nodes_web": True,
            "moodle_site_web_server": self.kind,
            "moodle_nodes_certificate": str(self.campus.folder / "{name}.pem"),
            "moodle_nodes_certificate_key": str(self.campus.folder / "key.pem"),
            "moodle_nodes_ca": str(self.campus.folder / "law.campus.test.pem"),
            "site_names_config": str(self.names),
            "site_php_socket": str(self.web / "php.sock"),
            "site_web_test": [*command(self.web, self.kind), *tests],
            "site_web_reload": [*command(self.web, self.kind), *tells],
            "ansible_become": False,
        }
        return self.play("fleet_nodes", moodle_nodes_file=str(file), **{**web, **more})

    def absent(self, *names: str, **more: t.Any) -> Played:
        return self.nodes(*names, moodle_nodes_state="absent", moodle_nodes_confirm="nodes.json", moodle_snapshot_first=False, **more)

    @property
    def names(self) -> Path:
        return self.web / "names" / {"nginx": "moodle_nodes", "apache": "moodle_nodes.conf"}[self.kind]

    @property
    def kept(self) -> Path:
        """What was there before, while the web server is told of the new."""
        return self.web / f"{self.names.name}.before"

    def tell(self) -> None:
        """Let the web server read its configuration anew, after a test."""
        for words in {"nginx": (["-t"], ["-s", "reload"]), "apache": (["-t"], ["-k", "graceful"])}[self.kind]:
            run([*command(self.web, self.kind), *words], cwd=self.web).must_succeed()

    def is_registered(self, node: str) -> bool:
        return bool(self.server.execute(f"SELECT id FROM mdl_local_vmoodle WHERE vhostname = '{self.address(node)}'", self.name))  # noqa: S608

    def asked(self, node: str) -> str:
        """The address that the site which answers to the node's name says is its own."""
        port = self.secure if node in SECURE else self.plain
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        if node in SECURE:
            trusted = ssl.create_default_context(cafile=str(self.campus.folder / "law.campus.test.pem"))
            connection.sock = trusted.wrap_socket(socket.create_connection(("127.0.0.1", port), 30), server_hostname="law.campus.test")
        connection.request("POST", OWN, ASKED, {"Host": f"{node}.campus.test:{port}"})
        said = connection.getresponse().read().decode()
        try:
            return str(json.loads(said)[0]["data"]["wwwroot"])
        except ValueError:
            return said


def certificate(folder: Path, name: str) -> None:
    """Signed by itself."""
    asked = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    key = folder / "key.pem"
    given = ["-key", str(key)] if key.exists() else ["-keyout", str(key)]
    asked = [word for word in asked if not (key.exists() and word in ("-newkey", "rsa:2048"))]
    run([program("openssl", "openssl"), *asked, *given, "-out", folder / f"{name}.pem"], cwd=folder).must_succeed()


@pytest.fixture(scope="module", params=["nginx", "apache", "oldest"])
def site(request: pytest.FixtureRequest, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vmoodle]:
    """Delivered and served; once with the oldest ansible-core that is allowed."""
    programs = request.getfixturevalue("oldest") if request.param == "oldest" else Path(sys.executable).parent
    kind = "nginx" if request.param == "oldest" else request.param
    try:
        program(*{"nginx": ("nginx", "nginx"), "apache": ("apache2", "apache2-bin")}[kind])
        program_of_fpm()
    except SupportError as missing:
        pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("names")
    site = Vmoodle(make_campus(folder / "campus"), database_server, f"names_{request.param}", programs)
    site.web, site.kind, site.plain, site.secure = folder / "web", kind, free_port(), free_port()
    certificate(site.campus.folder, "law.campus.test")
    site.declare("4.2.0")
    first = site.play("deliver", moodle_site_vmoodle=True)
    assert first.code == 0, first.said[-3000:]
    php = {"mysqli.default_socket": str(site.server.socket)}
    with serving(site.web, site.campus.site, kind, php=php, more=(site.plain, site.secure)):
        yield site


def test_nodes_answer_under_their_names_over_http_and_tls(site: Vmoodle) -> None:
    preview = site.nodes("art", "law", check=True)
    assert preview.code == 0, preview.said[-3000:]
    assert "art.campus.test" in preview.said.split("+++ after")[-1]
    assert not site.names.exists()

    made = site.nodes("art", "law")
    assert made.code == 0, made.said[-3000:]
    assert [site.asked(node) for node in ("art", "law")] == [site.address("art"), site.address("law")]

    again = site.nodes("art", "law")
    assert (again.code, "changed=0" in again.said) == (0, True), again.said[-3000:]


def test_what_the_web_server_does_not_accept_is_taken_back_and_the_nodes_stay(site: Vmoodle) -> None:
    before = site.names.read_text()
    foreign = site.names.with_name(f"zz_{site.names.name}")
    foreign.write_text("Nonsense on\n")
    failed = site.nodes("art", "law", "bio")
    foreign.unlink()
    assert failed.code != 0
    assert "the web server does not accept the names of the virtual nodes, and goes on with what it had" in failed.said
    assert str(foreign) in failed.said
    without = site.nodes("art", "law", "med")
    assert "med.campus.test.pem" in without.said.split("goes on with what it had")[1]
    assert (site.names.read_text(), site.kept.exists()) == (before, False)
    site.tell()
    assert [site.asked(node) for node in ("art", "law")] == [site.address("art"), site.address("law")]
    assert site.is_registered("bio")
    assert site.is_registered("med")

    certificate(site.campus.folder, "med.campus.test")
    done = site.nodes("bio")
    assert done.code == 0, done.said[-3000:]
    assert site.asked("bio") == site.address("bio")


def test_a_run_that_was_killed_before_the_web_server_was_told_is_ended_by_the_next_one(site: Vmoodle) -> None:
    new = site.names.read_text()
    site.names.write_text("")
    site.tell()
    site.names.write_text(new)
    site.kept.write_text("")
    done = site.nodes("art", "law")
    assert done.code == 0, done.said[-3000:]
    assert not site.kept.exists()
    assert [site.asked(node) for node in ("art", "law")] == [site.address("art"), site.address("law")]


def test_a_node_to_whose_name_nobody_answers_is_told_in_words_and_stays(site: Vmoodle) -> None:
    listening, site.plain = site.plain, free_port()
    failed = site.nodes("odd", site_web_reload=["true"])
    address = site.address("odd")
    assert failed.code != 0
    said = " ".join(failed.said.split())
    assert f"1 of 1 nodes are there, but do not answer under their names. {address}: failed: 127.0.0.1:" in said
    assert "Connection refused" in said
    assert site.is_registered("odd")
    gone = site.absent("odd", site_web_reload=["true"])
    assert gone.code == 0, gone.said[-3000:]
    site.plain = listening


def test_nodes_that_are_removed_have_no_name_any_more_and_the_others_have(site: Vmoodle) -> None:
    gone = site.absent("bio", "med")
    assert gone.code == 0, gone.said[-3000:]
    assert ("bio" in site.names.read_text(), "med" in site.names.read_text()) == (False, False)
    assert [site.asked(node) for node in ("art", "law")] == [site.address("art"), site.address("law")]
    assert site.asked("bio") != site.address("bio")
    again = site.absent("bio", "med")
    assert (again.code, "changed=0" in again.said) == (0, True), again.said[-3000:]
