# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions of a delivery: opened, continued, closed, noted; on real directories."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.delivery_root import Root
from support.kills import killed_at
from support.repositories import call_module, listing

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.files import locked
from ansible_collections.lms.moodle.plugins.module_utils.delivery.layout import Layout
from ansible_collections.lms.moodle.plugins.module_utils.delivery.sessions import open_session, plain
from ansible_collections.lms.moodle.plugins.module_utils.delivery.survey import survey
from ansible_collections.lms.moodle.plugins.modules.moodle_delivery_session import SessionModule

NOTHING: dict[str, Any] = {
    **dict.fromkeys(("state", "session", "title", "description", "impact", "followup")),
    "entries": [],
    "holder": "ann from 192.0.2.7",
    "wait": 0,
}


class Site:
    """A delivery root that nothing was delivered to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.layout = Layout(path)

    def call(self, state: str | None = None, *, check: bool = False, **more: Any) -> dict[str, Any]:
        params = {**NOTHING, "path": str(self.path), "state": state, **more}
        return SessionModule(SimpleNamespace(params=params, check_mode=check)).run()  # type: ignore[arg-type]

    def refused(self, state: str | None = None, **more: Any) -> str:
        with pytest.raises(MoodleError) as refused:
            self.call(state, **more)
        assert "\n" not in refused.value.message
        return refused.value.message

    def journal(self) -> list[dict[str, Any]]:
        text = self.layout.journal.read_text() if self.layout.journal.exists() else ""
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


# Check, run, check, run


@pytest.mark.parametrize("state", ["open", "closed"])
def test_check_run_check_run(site: Site, state: str) -> None:
    if state == "closed":
        site.call("open", title="Upgrade")
    before = listing(site.path)
    predicted = site.call(state, check=True, title="Upgrade", followup="rest")
    assert listing(site.path) == before
    result = site.call(state, title="Upgrade", followup="rest")
    assert predicted["changed"] is result["changed"] is True
    assert predicted["session"]["state"] == result["session"]["state"] == state
    assert "followup: rest\n" in predicted["diff"]["after"]
    before = listing(site.path)
    for check in (True, False):
        again = site.call(state, check=check, title="Upgrade", followup="rest")
        assert not again["changed"]
        assert again["diff"]["before"] == again["diff"]["after"]
        assert again["session"] == result["session"]
    assert listing(site.path) == before


def test_a_session_says_what_for_who_and_from_where(site: Site) -> None:
    session = site.call("open", title="Mise à jour", description="two\nlines", impact="closed for 5 min")["session"]
    assert {key: session[key] for key in ("state", "title", "description", "impact", "followup", "closed", "by")} == {
        "state": "open",
        "title": "Mise à jour",
        "description": "two\nlines",
        "impact": "closed for 5 min",
        "followup": "",
        "closed": None,
        "by": "ann from 192.0.2.7",
    }
    assert [(line["event"], line["session"], line["by"]) for line in session["log"]] == [("opened", session["id"], "ann from 192.0.2.7")]


def test_what_is_kept_is_for_its_owner_alone(site: Site) -> None:
    session = site.call("open", title="Upgrade")["session"]
    assert stat.S_IMODE(site.layout.sessions.stat().st_mode) == 0o700
    assert stat.S_IMODE((site.layout.sessions / f"{session['id']}.json").stat().st_mode) == 0o600


def test_opening_again_continues_and_changes_what_is_new(site: Site) -> None:
    first = site.call("open", title="Upgrade", description="why")["session"]
    assert not site.call("open", title="", description="")["changed"], "an empty text says nothing new"
    second = site.call("open", title="Upgrade to 4.5", holder="bob")
    assert second["changed"]
    assert second["session"]["id"] == first["id"]
    assert (second["session"]["title"], second["session"]["description"]) == ("Upgrade to 4.5", "why")
    assert second["session"]["by"] == "ann from 192.0.2.7", "who opened it"
    assert [(line["event"], line["by"]) for line in second["session"]["log"]] == [("opened", "ann from 192.0.2.7"), ("continued", "bob")]


def test_only_one_is_open_and_a_name_opens_another(site: Site) -> None:
    first = site.call("open", title="One")["session"]["id"]
    second = site.call("open", session="two", title="Two")["session"]
    assert open_session(site.layout) == second["id"] == "two"
    assert [json.loads(path.read_text())["closed"] is None for path in sorted(site.layout.sessions.iterdir())] == [False, True]
    assert [(line["event"], line["session"]) for line in site.journal()] == [("opened", first), ("closed", first), ("opened", "two")]
    again = site.call("open", session=first)
    assert again["session"]["closed"] is None, "the name of a session that was closed opens it again"
    assert again["session"]["title"] == "One"
    assert open_session(site.layout) == first


def test_a_session_without_a_title_is_called_by_its_name(site: Site) -> None:
    session = site.call("open")["session"]
    assert session["title"] == f"Session {session['id']}"
    site.call("closed")
    other = site.call("open")["session"]
    assert other["id"] != session["id"], "opened in the same second"


def test_closing_where_none_is_open_changes_nothing(site: Site) -> None:
    for check in (True, False):
        result = site.call("closed", check=check)
        assert (result["changed"], result["session"]) == (False, None)
    assert not site.path.exists()
    closed = site.call("open")["session"]["id"]
    assert site.call("closed")["changed"]
    again = site.call("closed")
    assert not again["changed"]
    assert again["session"]["id"] == closed, "it speaks of the one that was closed"


def test_what_is_left_to_do_can_be_said_when_it_is_closed(site: Site) -> None:
    site.call("open")
    site.call("closed", followup="call the help desk")
    changed = site.call("closed", followup="done")
    assert changed["changed"]
    assert (changed["session"]["state"], changed["session"]["followup"]) == ("closed", "done")
    assert [line["event"] for line in changed["session"]["log"]] == ["opened", "closed", "changed"]


# The journal


def test_each_line_of_a_delivery_carries_the_session_that_is_open(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.good("old")
    site = Site(root.path)
    session = site.call("open", title="Upgrade")["session"]["id"]
    assert survey(site.layout, drift=False, last=0)["session"]["id"] == session
    result = root.done("live", "new")
    assert {line["session"] for line in result["journal"]} == {session}
    closed = site.call("closed")["session"]
    assert [line["step"] for line in closed["log"] if line["event"] == "done"] == ["secure", "open", "update", "switch"]
    assert survey(site.layout, drift=False, last=0)["session"] is None
    assert not any("session" in line for line in root.done("rolled_back")["journal"]), "the journal goes on without one"
    assert len(site.journal()) > len(closed["log"]) + 4


def test_what_a_play_did_is_noted_with_a_session_and_without(site: Site) -> None:
    entry = {"step": "upgrade", "command": "php upgrade.php", "rc": 0, "seconds": 2.5, "output": "fine\n", "files": {"added": ["a.php"]}}
    site.call(entries=[entry])
    site.call("open", session="one", entries=[entry])
    site.call(entries=[entry])
    site.call("closed", entries=[entry])
    site.call(entries=[entry])
    site.call("closed", entries=[entry])
    site.call(session="one", entries=[entry])
    notes = [line for line in site.journal() if line["event"] == "note"]
    assert [line.get("session") for line in notes] == [None, "one", "one", "one", None, None, "one"]
    assert notes[0] | {"time": ""} == {
        **entry,
        "time": "",
        "event": "note",
        "by": "ann from 192.0.2.7",
        "output": "fine",
        "counts": {"added": 1},
    }
    assert len(site.call("closed")["session"]["log"]) == 6


def test_noting_is_predicted_and_changes(site: Site) -> None:
    site.call("open")
    before = listing(site.path)
    assert site.call(entries=[{"step": "warm up"}], check=True)["changed"]
    assert listing(site.path) == before
    assert site.call(entries=[{"step": "warm up"}])["diff"]["after"].endswith("+ warm up\n")


def test_an_entry_may_say_when_it_began(site: Site) -> None:
    site.call("open", entries=[{"step": "a", "time": "2026-11-21T06:05:00.123+01:00"}, {"step": "b", "time": "2026-11-21T05:05:00Z"}])
    assert [line["time"] for line in site.journal() if line["event"] == "note"] == ["2026-11-21T05:05:00+00:00"] * 2
    assert "time is expected as" in site.refused(entries=[{"step": "a", "time": "noon"}])


def test_output_is_cut_to_its_end(site: Site) -> None:
    site.call("open", entries=[{"step": "upgrade", "output": "x" * 90000 + "the end"}])
    output = site.journal()[-1]["output"]
    assert output.endswith("the end")
    assert output.startswith("[74007 characters before this were left out]\n")
    assert len(output) < 16100


def test_output_can_lie_in_a_file_on_the_host(site: Site, tmp_path: Path) -> None:
    (tmp_path / "fix.patch").write_bytes(b"+https://ann:hunter2@git.example.org/ caf\xe9\n")
    for name, kept in (
        ("fix.patch", "found\n+https://***@git.example.org/ caf\ufffd"),
        ("gone.patch", "found\n{} cannot be read: No such file"),
    ):
        path = tmp_path / name
        site.call("open", entries=[{"step": "hot_fix", "output": "found\n", "output_file": str(path)}])
        assert site.journal()[-1]["output"].startswith(kept.format(path))


def test_many_files_are_counted_and_the_first_are_named(site: Site) -> None:
    site.call("open", entries=[{"step": "update", "files": {"added": [f"{number:06}.php" for number in range(9000)], "removed": []}}])
    line = site.journal()[-1]
    assert line["counts"] == {"added": 9000}
    assert len(line["files"]["added"]) == 5000


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("fetched https://ann:hunter2@git.example.org/x.git", "fetched https://***@git.example.org/x.git"),
        ("php install.php --adminpass=hunter2 --lang=en", "php install.php --adminpass=*** --lang=en"),
        ("--db-password='hunter 2' -x", "--db-password=*** -x"),
        ("\x1b[31mred\x1b[0m\r\nbell\x07 nul\x00", "red\nbell nul"),
        ("caf\udce9", "caf?"),
    ],
)
def test_secrets_and_what_no_page_can_show_are_never_kept(site: Site, said: str, kept: str) -> None:
    site.call("open", title="Upgrade", description=said, entries=[{"step": "s", "command": said, "output": said}])
    line = site.journal()[-1]
    assert (line["command"], line["output"]) == (kept, kept)
    assert site.call("open")["session"]["description"] == kept


def test_a_secret_at_the_cut_is_no_secret_any_more(site: Site) -> None:
    site.call("open", entries=[{"step": "s", "output": "https://ann:hunter2@git.example.org/" + "y" * 15980}])
    assert "hunter2" not in site.layout.journal.read_text()


def test_half_a_line_and_lines_of_others_are_no_part_of_a_log(site: Site) -> None:
    site.call("open", session="one")
    with site.layout.journal.open("a") as journal:
        journal.write('{"session": "one", "ev\n{"event": "done", "session": "two", "comment": "one"}\n["one"]\n')
    assert [line["event"] for line in site.call("open")["session"]["log"]] == ["opened"]


# What cannot be right


@pytest.mark.parametrize("name", ["../evil", "/etc/x", "a/b", ".hidden", "-rf", "", "a..b", "a\nb", "é", "x" * 101, "a\0b"])
def test_a_hostile_name_is_refused(site: Site, name: str) -> None:
    if name:
        assert "cannot be the name of a session" in site.refused("open", session=name)
    else:
        assert site.call("open", session=name, check=True)["session"]["id"], "an empty name is none"
    assert not site.path.exists()


@pytest.mark.parametrize("title", ["two\nlines", "a\r\nBcc: eve@example.org", "a\u2028b", "a\0b", "a\x1b[31mb"])
def test_a_title_is_one_line(site: Site, title: str) -> None:
    assert "title: one line is expected" in site.refused("open", title=title)
    assert not site.path.exists()


def test_french_typography_is_a_line_like_any_other(site: Site) -> None:
    assert site.call("open", title="Mise à jour\u202f: œuvre\u00a0»")["session"]["title"] == "Mise à jour\u202f: œuvre\u00a0»"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"state": "closed", "session": "nobody"}, "has no session nobody"),
        ({"session": "nobody", "entries": [{"step": "s"}]}, "has no session nobody"),
        ({"state": "open", "title": "x" * 201}, "title: at most 200 characters are expected, 201 were found"),
        ({"state": "open", "impact": "x" * 20001}, "impact: at most 20000 characters"),
        ({"entries": [{"step": " \n"}]}, "entries[0]: the step has no name"),
        ({"entries": [{"step": "s", "files": {"changed": []}}]}, "entries[0]: files holds lists called added, modified, removed"),
        ({"entries": [{"step": "s", "files": {"added": "a.php"}}]}, "entries[0]: files holds lists"),
        ({"title": "new", "entries": [{"step": "s"}]}, "title: only with state=open or state=closed"),
        ({}, "state: open or closed is expected, or something to note"),
        ({"state": "open", "path": "relative"}, "an absolute path is expected"),
    ],
)
def test_bad_input_is_refused_in_one_sentence_and_nothing_is_made(site: Site, parameters: dict[str, Any], message: str) -> None:
    assert message in site.refused(**parameters)
    assert not (site.path / ".delivery" / "sessions").exists()


def test_it_waits_for_a_delivery_that_works_and_then_says_so(site: Site) -> None:
    site.call("open")
    with locked(site.layout.lock, 0, "it"):
        assert "Another run is working on the delivery" in site.refused("closed")
        assert site.call("closed", check=True)["changed"], "check mode needs no lock"


def test_a_damaged_session_does_not_stop_a_delivery(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.done("live", "old")
    site = Site(root.path)
    site.call("open", session="one")
    (site.layout.sessions / "one.json").write_text("{")
    (site.layout.sessions / "two.json").mkdir()
    assert root.done("live", "new")["swapped"]
    assert "one.json is damaged" in site.refused("open", session="one")


@pytest.mark.parametrize("state", ["open", "closed"])
def test_killed_at_any_point_and_called_again_it_ends_the_same(site: Site, tmp_path: Path, state: str) -> None:
    site.call("open", session="old", title="Old")
    wish = {"session": "new", "title": "New", "entries": [{"step": "warm up"}]} if state == "open" else {"followup": "rest"}
    saved = tmp_path / "saved"
    subprocess.run(["cp", "-a", site.path, saved], check=True)
    point = 0
    while killed_at(point := point + 1, lambda: site.call(state, **wish)):
        assert open_session(site.layout) in ("old", "new", None)
        result = site.call(state, **wish)
        assert result["session"]["state"] == state
        assert open_session(site.layout) == ("new" if state == "open" else None)
        assert not site.call(state, **{**wish, "entries": []})["changed"]
        shutil.rmtree(site.path)
        subprocess.run(["cp", "-a", saved, site.path], check=True)
    assert point > 3


def test_the_module_itself(tmp_path: Path) -> None:
    result = call_module("moodle_delivery_session", {"path": str(tmp_path / "site"), "state": "open", "title": "Mise à jour"})
    assert result["changed"]
    assert result["session"]["by"]
    told = call_module("moodle_delivery_info", {"path": str(tmp_path / "site")})["session"]
    assert told == {key: value for key, value in result["session"].items() if key != "log"}
    elsewhere = call_module("moodle_delivery_session", {"path": "/proc/nowhere", "state": "open"})
    assert elsewhere["failed"]
    assert "/proc" in elsewhere["msg"]


def test_plain_text_keeps_what_people_write() -> None:
    assert plain("a\tb\nc é 漢 \U0001f600\r\n") == "a\tb\nc é 漢 \U0001f600\n"
