# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file over HTTP: whole or not at all, its login seen by nobody else, and each failure by its own name."""

from __future__ import annotations

import base64
import gzip
import io
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from support.loopback import Answer, Loopback, breaks_off, breaks_off_in_a_chunk, certificate, drips, in_chunks, replies, says_nothing

from ansible_collections.lms.moodle.plugins.module_utils.common.download import (
    LONGEST_WAIT,
    Passing,
    Reply,
    Unavailable,
    get,
    patiently,
    shown,
)

BODY = bytes(range(256)) * 300


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def got(url: str, **more: object) -> bytes:
    sink = io.BytesIO()
    get(url, sink, "The file", **{"limit": 1 << 20, "timeout": 5.0, **more})  # type: ignore[arg-type]
    return sink.getvalue()


@pytest.mark.parametrize(
    "answer",
    [
        replies(BODY),
        in_chunks(BODY),
        replies(gzip.compress(BODY), Content_Encoding="gzip"),
        in_chunks(gzip.compress(BODY), Content_Encoding="gzip"),
    ],
    ids=["length", "chunks", "gzip", "gzip in chunks"],
)
def test_a_whole_answer_comes_as_it_was_sent(answer: Answer) -> None:
    with Loopback(answer) as server:
        assert got(server.url) == BODY


@pytest.mark.parametrize(
    "answer",
    [
        breaks_off(BODY),
        breaks_off_in_a_chunk(BODY),
        breaks_off(gzip.compress(BODY)[:-1], Content_Encoding="gzip"),
        replies(gzip.compress(BODY)[:-9], Content_Encoding="gzip"),
        replies(b"no gzip", Content_Encoding="gzip"),
        lambda handler: None,
        lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n"),
    ],
    ids=["length", "chunk", "gzip cut", "gzip short", "no gzip", "hung up", "no HTTP"],
)
def test_an_answer_that_is_not_whole_may_be_so_the_next_time(answer: Answer) -> None:
    with Loopback(answer) as server, pytest.raises(Passing, match=r"^The file cannot be had: [^\n]+\.$"):
        got(server.url)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_told_from(status: int) -> None:
    with Loopback(replies(b"", status)) as server, pytest.raises(Passing, match=str(status)) as failure:
        got(server.url)
    assert failure.value.status == status


@pytest.mark.parametrize("status", [204, 206, 302, 400, 401, 403, 404, 410, 418])
def test_what_another_try_cannot_mend(status: int) -> None:
    with Loopback(replies(b"", status)) as server, pytest.raises(Unavailable, match=str(status)) as failure:
        got(server.url)
    assert not isinstance(failure.value, Passing)
    assert failure.value.status == status


def test_a_login_that_is_missing_and_a_refusal_are_two_things() -> None:
    with Loopback(replies(b"", 401), replies(b"", 403)) as server:
        with pytest.raises(Unavailable, match=r"it asks for a login or a token \(401\)"):
            got(server.url)
        with pytest.raises(Unavailable, match=r"it refuses this host or this login, or has been asked too often \(403\)"):
            got(server.url)


def test_nobody_there() -> None:
    with Loopback(replies()) as server:
        url = server.url
    with pytest.raises(Passing, match="refused"):
        got(url)


@pytest.mark.parametrize("answer", [says_nothing(30), drips(30)], ids=["silent", "dripping"])
def test_a_server_that_sends_next_to_nothing_is_given_up(answer: Answer) -> None:
    began = time.monotonic()
    with Loopback(answer) as server, pytest.raises(Passing, match="came"):
        got(server.url, timeout=0.3)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(
    "answer",
    [
        replies(b"", Content_Length="200000"),
        replies(bytes(101_000)),
        in_chunks(bytes(101_000)),
        replies(gzip.compress(bytes(5_000_000)), Content_Encoding="gzip"),
    ],
    ids=["promised", "length", "chunks", "bomb"],
)
def test_what_is_larger_than_agreed_is_not_taken(answer: Answer) -> None:
    sink = io.BytesIO()
    with Loopback(answer) as server, pytest.raises(Unavailable, match=r"larger than 0\.0953674 MB"):
        get(server.url, sink, "The file", limit=100_000)
    assert len(sink.getvalue()) <= 100_000


def test_a_file_that_did_not_change_is_not_sent() -> None:
    with Loopback(replies(b"x", ETag='"1"', Last_Modified="yesterday"), replies(b"", 304)) as server:
        assert get(server.url, io.BytesIO(), "The file", limit=10) == Reply(True, '"1"', "yesterday")
        assert get(server.url, io.BytesIO(), "The file", limit=10, headers={"If-None-Match": '"1"'}) == Reply(False, "", "")
    assert server.asked[1].headers["if-none-match"] == '"1"'


# Logins


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("login", ["user:p@ss", "user:p%40ss", "user:p%40s%73"])
def test_user_and_password_of_the_url_are_sent_and_not_shown(login: str) -> None:
    with Loopback(replies(b"", 403)) as server, pytest.raises(Unavailable) as failure:
        url = server.url.replace("://", f"://{login}@")
        get(f"{url}/a?token=t0", io.BytesIO(), shown(f"{url}/a?token=t0"), limit=1)
    assert server.asked[0].headers["authorization"] == basic("user:p@ss")
    assert server.asked[0].path == "/a?token=t0"
    assert "p@ss" not in failure.value.message
    assert "p%40s" not in failure.value.message
    assert "t0" not in failure.value.message


def test_a_login_stays_with_its_host() -> None:
    with (
        Loopback(replies(b"here")) as other,
        Loopback(replies(b"", 302, Location="/next"), replies(b"", 307, Location=other.url)) as server,
    ):
        assert got(server.url.replace("://", "://user:secret@")) == b"here"
    assert [asked.headers.get("authorization") for asked in server.asked] == [basic("user:secret")] * 2
    assert "authorization" not in other.asked[0].headers


def test_a_token_goes_over_https_only_and_stays_with_its_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, token = certificate(tmp_path), "abc"
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    with (
        Loopback(replies(b"here"), certificate=made) as other,
        Loopback(replies(b"", 301, Location="/next"), replies(b"", 308, Location=other.url), certificate=made) as server,
        Loopback(replies(b"")) as plain,
    ):
        assert got(server.url, token=token) == b"here"
        got(plain.url, token=token)
    assert [asked.headers.get("authorization") for asked in server.asked] == ["Bearer abc"] * 2
    assert "authorization" not in other.asked[0].headers
    assert "authorization" not in plain.asked[0].headers


def test_https_never_becomes_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    with Loopback(replies()) as plain, Loopback(replies(b"", 302, Location=f"{plain.url}/x?s=1"), certificate=made) as server:
        with pytest.raises(Unavailable, match=r"leads from https to http://[0-9.:]+/x\?…, which is not encrypted"):
            got(server.url)
        assert plain.asked == []


def test_an_unknown_certificate_is_no_passing_trouble(tmp_path: Path) -> None:
    with Loopback(replies(), certificate=certificate(tmp_path)) as server, pytest.raises(Unavailable, match="not trusted") as failure:
        got(server.url)
    assert not isinstance(failure.value, Passing)


def test_the_netrc_of_the_user_is_heard(tmp_path: Path) -> None:
    with Loopback(replies()) as server:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n")
        (tmp_path / "netrc").chmod(0o600)
        got(server.url)
        (tmp_path / "netrc").write_text("nonsense\n")
        with pytest.raises(Unavailable, match=r"\.netrc"):
            got(server.url)
    assert server.asked[0].headers["authorization"] == basic("user:secret")


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://", "http://[::1", "http://h:x/", "//"])
def test_it_leads_nowhere_but_to_http(place: str) -> None:
    with Loopback(replies(b"", 302, Location=place)) as server, pytest.raises(Unavailable):
        got(server.url)


def test_a_circle_ends() -> None:
    with Loopback(replies(b"", 302, Location="/")) as server, pytest.raises(Unavailable, match="more than 5 times"):
        got(server.url)


@pytest.mark.parametrize("url", ["http://", "http://[", "http://127.0.0.1:x/", "ftp://127.0.0.1/", "http://a b/", "http://" + "ä" * 70])
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(Unavailable) as failure:
        got(url)
    assert not isinstance(failure.value, Passing)


def test_odd_characters_in_a_path_are_escaped() -> None:
    with Loopback(replies()) as server:
        got(f"{server.url}/ä b%20c/?q=ä b")
    assert server.asked[0].path == "/%C3%A4%20b%20c/?q=%C3%A4%20b"


# Patience


def failing(*failures: Passing | Unavailable | None) -> tuple[list[float], str]:
    left, slept = list(failures), list[float]()

    def attempt() -> str:
        failure = left.pop(0)
        if failure:
            raise failure
        return "done"

    try:
        return slept, patiently(attempt, slept.append)
    except Unavailable as last:
        return slept, last.message


def test_three_tries_with_growing_pauses() -> None:
    passing = Passing("It", "so")
    assert failing(passing, passing, None) == ([1.0, 4.0], "done")
    assert failing(passing, passing, passing, None) == ([1.0, 4.0], "It cannot be had: so.")


def test_the_other_side_says_how_long_to_wait_within_reason() -> None:
    assert failing(Passing("It", "so", 429, 17.0), Passing("It", "so", 503, 2.0), None) == ([17.0, 4.0], "done")
    assert failing(Passing("It", "so", 429, LONGEST_WAIT + 1)) == ([], "It cannot be had: so.")


def test_what_will_not_pass_is_not_tried_again() -> None:
    assert failing(Unavailable("It", "so", 403)) == ([], "It cannot be had: so.")


@pytest.mark.parametrize(("header", "wait"), [("7", 7), (formatdate(0), 0), ("soon", 0), ("-5", 0), ("9" * 400, 999_999_999)])
def test_the_wait_that_an_answer_asks_for(header: str, wait: float) -> None:
    with Loopback(replies(b"", 429, Retry_After=header)) as server, pytest.raises(Passing) as failure:
        got(server.url)
    assert failure.value.wait == wait
    assert ("come back" in failure.value.message) == (wait > LONGEST_WAIT)


def test_the_wait_may_be_a_date() -> None:
    with Loopback(replies(b"", 503, Retry_After=formatdate(time.time() + 3600, usegmt=True))) as server, pytest.raises(Passing) as failure:
        got(server.url)
    assert 3000 < failure.value.wait <= 3600
