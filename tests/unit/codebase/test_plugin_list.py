# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plugin directory's list: nothing in it is believed unchecked, it is fetched rarely, and who has an old one is not stopped."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.loopback import Answer, Loopback, breaks_off, breaks_off_in_a_chunk, certificate, drips, in_chunks, replies, says_nothing
from support.repositories import module_environment

from ansible_collections.lms.moodle.plugins.module_utils.codebase.listing.entries import Truncated
from ansible_collections.lms.moodle.plugins.module_utils.codebase.listing.plugin_list import (
    LARGEST,
    PluginList,
    fetch_plugin_list,
    parse_plugin_list,
)
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError

BOARD = "https://git.example.org/moodle-mod_board.git"


def version(url: object = BOARD, number: object = "2024050300", created: object = 1, system: object = "git") -> dict[str, object]:
    return {"version": number, "timecreated": created, "vcssystem": system, "vcsrepositoryurl": url, "vcsbranch": None, "vcstag": None}


def entry(component: object = "mod_board", *versions: object, source: object = None) -> dict[str, object]:
    return {"id": 1, "name": "Board", "component": component, "source": source, "versions": list(versions)}


def listing(*entries: object) -> bytes:
    return json.dumps({"timestamp": 1, "plugins": entries}).encode()


def parsed(*entries: object) -> PluginList:
    return parse_plugin_list(listing(*entries), "The list")


# What a list says


def test_the_repository_of_the_newest_version_in_git_is_taken() -> None:
    versions = [
        version("https://old.example.org/r", "2026010100", created=1),
        version("https://svn.example.org/r", "2026010100", created=9, system="svn"),
        version(None, "2026010100", created=9),
        version(" https://new.example.org/r ", "2024010100.02", created=2),
        version("https://same-day.example.org/r", "2024010100.01", created=2),
        version("https://odd.example.org/r", None, created="3"),
        None,
        17,
    ]
    assert parsed(entry("mod_board", *versions, source="https://web.example.org/")).repository("mod_board") == "https://new.example.org/r"


@pytest.mark.parametrize("versions", [[], None, {}, "x", [version(None)], [version("C:\\board")], [version(system=None)]])
def test_without_a_version_in_git_the_source_is_taken(versions: object) -> None:
    plugin = {"component": "mod_board", "versions": versions, "source": BOARD}
    assert parsed(plugin).repository("mod_board") == BOARD


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("--upload-pack=touch /tmp/x", "is no URL of a Git repository"),
        ("ext::sh -c id", "is no URL of a Git repository"),
        ("https://example.org/a b", "is no URL of a Git repository"),
        ("https://example.org/\nx", "is no URL of a Git repository"),
        ("x" * 10_000, "is no URL of a Git repository"),
        ("/etc", "is on this host"),
        ("File:///etc", "is no URL of a Git repository"),
        ("file:///etc", "is on this host"),
        ("", "it names no Git repository"),
        (["https://example.org/"], "it names no Git repository"),
    ],
)
def test_a_hostile_repository_is_left_out_and_the_others_stay(url: object, reason: str) -> None:
    found = parsed(entry("mod_board", version(url)), entry("mod_forum2", version()))
    assert found.repository("mod_board") is None
    assert found.repository("mod_forum2") == BOARD
    assert reason in found.left_out["mod_board"]
    assert len(found.left_out["mod_board"]) < 200
    assert found.why_none("mod_board").startswith("its entry in The list is of no use: ")


def test_a_list_of_the_users_own_may_name_repositories_on_this_host() -> None:
    data = listing(entry("mod_board", version("/srv/git/board")))
    assert parse_plugin_list(data, "The list", own=True).repository("mod_board") == "/srv/git/board"


def test_a_password_in_a_refused_url_is_not_shown() -> None:
    assert "hunter2" not in str(parsed(entry("mod_board", version("https://me:hunter2@example.org/a b"))).left_out)


def test_entries_that_are_no_plugins_are_passed_over() -> None:
    odd = (None, 7, "Board", "moodle-mod_x", "../x_y")
    found = parsed(*(entry(name, version()) for name in odd), None, "mod_board", [], entry("mod_a", version()))
    assert dict(found.repositories) == {"mod_a": BOARD}
    assert dict(found.left_out) == {}


def test_of_two_entries_with_one_name_the_first_counts() -> None:
    assert (
        parsed(entry("mod_a", version("https://1.org/a")), entry("mod_a", version("https://2.org/a"))).repository("mod_a")
        == "https://1.org/a"
    )


def test_a_name_that_is_mistyped_is_met_with_what_may_be_meant() -> None:
    found = parsed(*(entry(name, version()) for name in ("mod_board", "mod_boardx", "theme_boost", "tool_redis")))
    assert found.suggestions("mod_borad") == ["mod_board", "mod_boardx"]
    assert found.why_none("mod_borad") == "The list does not know it; it knows mod_board, mod_boardx"
    assert found.why_none("zzz_zzz") == "The list does not know it"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<!DOCTYPE html><html><body>Log in</body></html>", "is a web page"),
        (b"\xef\xbb\xbf \n<html>", "is a web page"),
        (b"Too many requests", "is not JSON"),
        (b'{"plugins": [nonsense]}', "is not JSON"),
        (b'{"plugins": [%s]}' % (b"9" * 5000), "names no plugin|is not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"plugins": ' + b"[" * 200_000, "nested too deeply"),
        (b'{"plugins": ["\xff"]}', "not UTF-8"),
        (b"PK\x03\x04\xff", "not UTF-8"),
        (b"[]", "without a list 'plugins'"),
        (b"null", "without a list 'plugins'"),
        (b'{"error": "x"}', "without a list 'plugins'"),
        (b'{"plugins": {}}', "without a list 'plugins'"),
        (b'{"plugins": []}', "names no plugin at all"),
        (b'{"plugins": [{"component": null}]}', "names no plugin at all"),
    ],
)
def test_what_is_no_list_is_called_what_it_is(data: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=f"^The list .*({reason})") as failure:
        parse_plugin_list(data, "The list")
    assert not isinstance(failure.value, Truncated)


WHOLE = json.dumps({"plugins": [entry("mod_board", version(), {"}": '}\\"é\n'}, [], {}, True, None, -1.5e-7)]}, ensure_ascii=False).encode()


def test_a_list_cut_off_anywhere_is_called_cut_off() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(Truncated, match=f"is cut off after {length} bytes" if length else "is empty"):
            parse_plugin_list(WHOLE[:length], "The list")


PIECES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.just(BOARD),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*entry(), *version(), "plugins"]), inner),
    max_leaves=20,
)


@given(PIECES)
def test_no_json_breaks_the_reader(content: Any) -> None:
    for data in (content, {"plugins": content}, {"plugins": [content]}, {"plugins": [entry("mod_board", content)]}):
        try:
            found = parse_plugin_list(json.dumps(data).encode(), "The list")
        except BadInput:
            continue
        assert set(found.repositories.values()) <= {BOARD}


# A file


def test_a_file_is_read_without_a_cache_and_offline_too(tmp_path: Path) -> None:
    path = tmp_path / "an odd name%41.json"
    path.write_bytes(listing(entry("mod_board", version("file:///srv/git/board"))))
    for where in (str(path), path.as_uri()):
        found, warnings = fetch_plugin_list(where, tmp_path / "cache", offline=True)
        assert (found.repository("mod_board"), warnings) == ("file:///srv/git/board", [])
    assert not (tmp_path / "cache").exists()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for where, reason in ((tmp_path / "none", "No such file"), (tmp_path, "directory"), ("a\0b", "null")):
        with pytest.raises(BadInput, match=f"cannot be read: .*{reason}"):
            fetch_plugin_list(str(where), tmp_path, offline=False)
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(BadInput, match="larger than 64 MB"):
        fetch_plugin_list(str(tmp_path / "huge"), tmp_path, offline=False)


# A URL


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "moodle_plugin_list_token"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


OLD = listing(entry("mod_board", version("https://old.example.org/r")))
NEW = listing(entry("mod_board", version("https://new.example.org/r")))


class Client:
    """Asks for the list of one server, with a cache of its own, and does not really wait."""

    def __init__(self, server: Loopback, cache: Path) -> None:
        self.url, self.cache, self.slept = f"{server.url}/api/pluglist.php", cache, list[float]()

    def get(self, *, offline: bool = False, max_age: float = 0.0, timeout: float = 5.0) -> tuple[str | None, list[str]]:
        found, warnings = fetch_plugin_list(self.url, self.cache, offline, max_age, timeout=timeout, sleep=self.slept.append)
        return found.repository("mod_board"), warnings

    def refused(self, **more: Any) -> str:
        with pytest.raises(MoodleError) as failure:
            self.get(**more)
        assert "\n" not in failure.value.message
        return failure.value.message

    def aged(self, seconds: float) -> None:
        """Let the kept list be older."""
        (path,) = self.cache.iterdir()
        head, _newline, data = path.read_bytes().partition(b"\n")
        facts = json.loads(head)
        path.write_bytes(json.dumps({**facts, "fetched": facts["fetched"] - seconds}).encode() + b"\n" + data)


@pytest.mark.parametrize("answer", [replies(NEW), in_chunks(NEW), in_chunks(gzip.compress(NEW), Content_Encoding="gzip")])
def test_a_list_is_fetched_once_a_day(answer: Answer, tmp_path: Path) -> None:
    with Loopback(answer) as server:
        client = Client(server, tmp_path / "store" / "cache")
        day = 86400.0
        for _turn in range(3):
            assert client.get(max_age=day) == ("https://new.example.org/r", [])
        assert len(server.asked) == 1
        client.aged(day + 1)
        assert client.get(max_age=day) == ("https://new.example.org/r", [])
        client.aged(-3600)  # from the future: a clock was set
        assert client.get(max_age=day) == ("https://new.example.org/r", [])
        assert len(server.asked) == 3
        assert len(list(client.cache.iterdir())) == 1


def test_a_list_that_did_not_change_is_not_sent_again(tmp_path: Path) -> None:
    with Loopback(replies(OLD, ETag='"1"', Last_Modified="Mon, 05 Jan 2026 10:00:00 GMT"), replies(b"", 304), replies(NEW)) as server:
        client = Client(server, tmp_path)
        client.get()
        client.aged(3600)
        assert client.get(max_age=60) == ("https://old.example.org/r", [])
        assert client.get(max_age=60) == ("https://old.example.org/r", [])  # and is new again
        assert client.get() == ("https://new.example.org/r", [])
    first, *others = (asked.headers for asked in server.asked)
    assert "if-none-match" not in first
    assert [(asked["if-none-match"], asked["if-modified-since"]) for asked in others] == [('"1"', "Mon, 05 Jan 2026 10:00:00 GMT")] * 2


@pytest.mark.parametrize(
    "answer",
    [
        replies(b"", 429, Retry_After="9"),
        replies(b"", 500),
        replies(b"", 503),
        breaks_off(NEW),
        breaks_off_in_a_chunk(NEW),
        replies(NEW[:-9]),
        replies(b""),
        lambda handler: None,
    ],
    ids=["429", "500", "503", "cut", "chunk cut", "cut and called whole", "empty", "hung up"],
)
def test_what_may_pass_is_tried_again(answer: Answer, tmp_path: Path) -> None:
    with Loopback(answer, answer, replies(NEW)) as server:
        client = Client(server, tmp_path)
        assert client.get() == ("https://new.example.org/r", [])
    assert client.slept in ([1.0, 4.0], [9.0, 9.0])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            replies(b"", 401),
            r"asks for a login or a token \(401\)\. Set MOODLE_PLUGIN_LIST_TOKEN in the environment .*, give 'plugin_list' a file, or",
        ),
        (
            replies(b"", 403),
            r"refuses this host or this login, or has been asked too often \(403\)\. Give 'plugin_list' a file, or declare",
        ),
        (replies(b"", 404), r"does not exist \(404\)"),
        (replies(b"", 304), "304"),
        (replies(b"<html>Log in</html>"), "is a web page, not the list"),
        (replies(b"", 429, Retry_After="3600"), r"asked too often \(429\), and it asks to come back in 3600 s"),
        (replies(b"", Content_Length=str(LARGEST + 1)), "larger than 64 MB"),
    ],
)
def test_what_will_not_pass_is_said_at_once_and_leaves_nothing(answer: Answer, reason: str, tmp_path: Path) -> None:
    with Loopback(answer) as server:
        client = Client(server, tmp_path / "cache")
        message = client.refused()
    assert message.startswith(f"The plugin list {client.url} ")
    assert re.search(reason, message)
    assert (len(server.asked), client.slept) == (1, [])
    assert not client.cache.exists()


@pytest.mark.parametrize(
    "answer", [replies(b"", 500), breaks_off(NEW), says_nothing(30), drips(30)], ids=["500", "cut", "silent", "dripping"]
)
def test_three_tries_are_enough(answer: Answer, tmp_path: Path) -> None:
    with Loopback(answer) as server:
        client = Client(server, tmp_path)
        assert "declare the sources" in client.refused(timeout=0.2)
        assert len(server.asked) == 3


@pytest.mark.parametrize("status", [0, 401, 403, 404, 429, 500])
def test_an_old_list_is_used_with_a_warning_when_no_new_one_can_be_had(status: int, tmp_path: Path) -> None:
    with Loopback(replies(OLD), replies(b"", status) if status else replies(NEW[:-1])) as server:
        client = Client(server, tmp_path)
        client.get()
        client.aged(86400 * 400)
        before = [path.read_bytes() for path in tmp_path.iterdir()]
        repository, (warning,) = client.get(max_age=86400)
    assert repository == "https://old.example.org/r"
    assert f"The list of {time.strftime('%Y-%m-%d', time.gmtime(time.time() - 86400 * 400))} was used." in warning
    assert str(status or "cut off") in warning
    assert [path.read_bytes() for path in tmp_path.iterdir()] == before


def test_offline_takes_what_is_kept_however_old_and_asks_nobody(tmp_path: Path) -> None:
    with Loopback(replies(OLD)) as server:
        client = Client(server, tmp_path)
        assert "is not in the cache, and 'offline' forbids to fetch it" in client.refused(offline=True)
        assert server.asked == []
        client.get()
        client.aged(86400 * 400)
        assert client.get(offline=True) == ("https://old.example.org/r", [])
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "harm",
    [lambda data: b"", lambda data: data[:-1], lambda data: data[3:], lambda data: data.partition(b"\n")[2], lambda data: b"{}\n" + OLD],
)
def test_a_damaged_cache_is_fetched_again(harm: Callable[[bytes], bytes], tmp_path: Path) -> None:
    with Loopback(replies(OLD, ETag='"1"')) as server:
        client = Client(server, tmp_path)
        client.get()
        (path,) = tmp_path.iterdir()
        path.write_bytes(harm(path.read_bytes()))
        assert client.get(max_age=60) == ("https://old.example.org/r", [])
        assert "if-none-match" not in server.asked[1].headers
        assert client.get(max_age=60) == ("https://old.example.org/r", [])
        assert len(server.asked) == 2


def test_each_url_has_a_cache_of_its_own_whatever_the_password(tmp_path: Path) -> None:
    with Loopback(replies(OLD), replies(NEW)) as server:
        for login, path in (("one", "/1"), ("one", "/2"), ("two", "/1")):
            fetch_plugin_list(server.url.replace("://", f"://me:{login}@") + path, tmp_path, offline=False)
    assert len(server.asked) == 2


def test_a_cache_that_cannot_be_written_costs_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Loopback(replies(NEW)) as server:
        repository, (warning,) = Client(server, tmp_path / "file").get()
    assert repository == "https://new.example.org/r"
    assert "could not be kept" in warning


KILLED = """
import os, signal, sys
from pathlib import Path
from ansible_collections.lms.moodle.plugins.module_utils.codebase.listing.plugin_list import fetch_plugin_list
os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL)  # the new content is on its way, the rename is not
fetch_plugin_list(sys.argv[1], Path(sys.argv[2]), False, 0.0)
"""


def test_killed_while_it_writes_the_old_list_stays(tmp_path: Path) -> None:
    with Loopback(replies(OLD), replies(NEW)) as server:
        client = Client(server, tmp_path)
        client.get()
        done = subprocess.run([sys.executable, "-c", KILLED, client.url, str(tmp_path)], env=module_environment(), check=False)
        assert done.returncode == -signal.SIGKILL
        assert len(server.asked) == 2
        assert client.get(offline=True) == ("https://old.example.org/r", [])


# Secrets


def test_passwords_and_tokens_are_never_shown(tmp_path: Path) -> None:
    with Loopback(replies(b"", 401), replies(OLD), replies(b"", 500)) as server:
        url = server.url.replace("://", "://me:hunter2@") + "/list?token=t0ken"
        with pytest.raises(MoodleError) as failure:
            fetch_plugin_list(url, tmp_path, offline=False)
        fetch_plugin_list(url, tmp_path, offline=False)
        _found, warnings = fetch_plugin_list(url, tmp_path, False, 0.0, sleep=lambda _seconds: None)
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir()).decode()
    said = f"{failure.value.message} {warnings} {kept} {os.listdir(tmp_path)}"  # noqa: PTH208 - names alone
    assert warnings
    assert "hunter2" not in said
    assert "t0ken" not in said


def test_a_token_from_the_environment_is_sent_over_https_and_its_refusal_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    monkeypatch.setenv("MOODLE_PLUGIN_LIST_TOKEN", "t0ken\n")
    with Loopback(replies(OLD), replies(b"", 401), certificate=made) as server, Loopback(replies(b"", 401)) as plain:
        fetch_plugin_list(server.url, tmp_path / "1", offline=False)
        with pytest.raises(MoodleError, match=r"\(401\)\. Correct MOODLE_PLUGIN_LIST_TOKEN, give") as refused:
            fetch_plugin_list(server.url, tmp_path / "2", offline=False)
        with pytest.raises(MoodleError, match=r"\(401\)\. Set MOODLE_PLUGIN_LIST_TOKEN in the environment \(it is sent over https only\)"):
            fetch_plugin_list(plain.url, tmp_path / "3", offline=False)
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer t0ken"] * 2
    assert "authorization" not in plain.asked[0].headers
    assert "t0ken" not in refused.value.message


def test_a_token_that_no_header_can_hold_is_not_shown_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made))
    with Loopback(replies(OLD), certificate=made) as server:
        for token in ("t0\nken", "t0ken\u20ac"):
            monkeypatch.setenv("MOODLE_PLUGIN_LIST_TOKEN", token)
            with pytest.raises(MoodleError) as failure:
                fetch_plugin_list(server.url, tmp_path, offline=False)
            assert "t0" not in failure.value.message
