# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a node answers: its own answer counts and nothing else, and what came instead is said."""

from __future__ import annotations

import json
import ssl
import typing as t
from pathlib import Path

import pytest
from support.loopback import Answer, Loopback, certificate, drips, replies, says_nothing
from support.web import free_port

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.fleet.answers import Inquiry, troubles, trusting

LIE = b"VMoodling (Mysql) : No configuration for this host : http://law.test. Identified root is http://campus.test May be faked.\n"


def own(address: str) -> Answer:
    return replies(json.dumps([{"error": False, "data": {"wwwroot": address, "sitename": "x"}}]).encode())


def ask(address: str, *, retries: int = 0, tls: ssl.SSLContext | None = None, **how: t.Any) -> str:
    """What is wrong with this node."""
    how = {"connect": "127.0.0.1", "timeout": 5, **how}
    return troubles([address], Inquiry(tls or trusting(None), **how), retries).get(address, "")


def on(server: Loopback, name: str = "law.test") -> str:
    return server.url.replace("127.0.0.1", name)


def test_a_node_is_asked_by_its_name_and_says_that_it_is_itself() -> None:
    with Loopback(replies()) as server:
        server.answers = [own(on(server).upper().replace("HTTP", "http"))]
        assert ask(on(server)) == ""
    assert server.asked[0].headers["host"] == on(server).removeprefix("http://")
    assert "x-forwarded-proto" not in server.asked[0].headers


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (own("http://art.test"), "the answer is not that node's: [{"),
        (replies(LIE), "the answer is not that node's: VMoodling (Mysql) : No configuration for this host : http://law.test."),
        (replies(b"<style>b {}</style><h1>Welcome\n to nginx!</h1>"), "the answer is not that node's: Welcome to nginx!"),
        (replies(b"[]"), "the answer is not that node's: []"),
        (replies(b"\xff" * 9), "the answer is not that node's: "),
        (replies(b"<h1>Not found</h1>", 404), "the answer is 404 Not Found: Not found"),
        (replies(b"", 301, Location="https://campus.test/"), "the answer is 301 Moved Permanently to https://campus.test/"),
    ],
)
def test_what_is_answered_instead_is_said(answer: Answer, said: str) -> None:
    with Loopback(answer) as server:
        assert ask(on(server)).startswith(said)


def test_nobody_listens() -> None:
    port = free_port()
    assert ask(f"http://law.test:{port}") == f"127.0.0.1:{port} does not answer: Connection refused"


@pytest.mark.parametrize("slow", [says_nothing(3), drips(3)])
def test_who_takes_too_long_is_not_waited_for(slow: Answer) -> None:
    with Loopback(slow) as server:
        assert ask(on(server), timeout=0.5)


def test_a_server_that_was_just_told_is_asked_again() -> None:
    with Loopback(replies(status=404)) as server:
        server.answers.append(own(on(server)))
        assert ask(on(server), retries=1) == ""
        assert len(server.asked) == 2


def test_the_certificate_has_to_be_good_for_the_name(tmp_path: Path) -> None:
    made = certificate(tmp_path)
    trusted = trusting(str(tmp_path / "cert"))
    with Loopback(replies(), certificate=made) as server:
        server.answers = [own(server.url)]
        assert ask(server.url, tls=trusted) == ""
        assert "is not good for it: Hostname mismatch" in ask(on(server), tls=trusted)
        assert "is not good for it: self-signed certificate" in ask(server.url)
        assert "does not answer" in ask(on(server).replace("https", "http"))
    with Loopback(replies()) as server:
        assert "does not answer" in ask(on(server).replace("http", "https"))


def test_where_https_ends_before_the_server_it_is_asked_as_the_proxy_does() -> None:
    with Loopback(replies()) as server:
        # What such a web server listens on is port 80, which a test has not.
        how = {"connect": "", "plain": ["https://law.test"], "url": server.url, "headers": {"X-Campus": "1"}}
        assert ask("https://law.test", **how) == ""
    headers = server.asked[0].headers
    assert (headers["host"], headers["x-forwarded-proto"], headers["x-campus"]) == ("law.test", "https", "1")


def test_a_place_to_ask_is_given_with_the_answers_that_are_good() -> None:
    with Loopback(replies(b"Closed", 503)) as server:
        url = f"{server.url}/login/index.php?x=1"
        assert ask("http://law.test", connect="", url=url) == "the answer is 503 Service Unavailable: Closed"
        assert ask("http://law.test", connect="", url=url, status=[200, 503]) == ""
    assert server.asked[0].path == "/login/index.php?x=1"
    with pytest.raises(BadInput, match="'url' is 'ftp://x'"):
        ask("http://law.test", url="ftp://x")


@pytest.mark.parametrize("address", ["http://law.test/\r\nX: y", "ftp://law.test", "http://law test", "http://:80"])
def test_what_is_no_address_is_not_asked(address: str) -> None:
    assert ask(address) == "its address is no plain http(s) address"


def test_certificates_to_trust_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"that are trusted, .*/none, cannot be read: No such file"):
        trusting(str(tmp_path / "none"))
