# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role report: what its mails and its page say, and that nothing which goes wrong in it goes further."""

from __future__ import annotations

import json
import os
import sys
import typing as t
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.mail import SmtpServer
from support.process import Result, run
from support.web import free_port

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>alert('x')</script> & \"é\" {{ 7 * 7 }} {% raw %}"
LOG = [
    {"time": "2026-11-21T06:05:00+00:00", "event": "opened", "session": "one", "by": "ann", "comment": HOSTILE},
    {"time": "2026-11-21T06:05:01+00:00", "event": "begin", "step": "update", "release": "r2", "session": "one", "by": "deploy"},
    {"time": "2026-11-21T06:05:04+00:00", "event": "done", "step": "update", "release": "r2", "session": "one", "by": "deploy"},
    {
        "time": "2026-11-21T06:05:09+00:00",
        "event": "note",
        "step": "update",
        "files": {"added": ["é <b>.php"]},
        "counts": {"added": 9000},
        "session": "one",
    },
    {
        "time": "2026-11-21T06:05:07+00:00",
        "event": "note",
        "step": "upgrade",
        "command": f"php upgrade.php {HOSTILE}",
        "rc": 0,
        "output": f"{HOSTILE}\nsecond line",
        "session": "one",
    },
    {"time": "2026-11-21T06:05:09+00:00", "event": "note", "step": "maintenance", "seconds": 150, "session": "one"},
]


def account(**more: t.Any) -> dict[str, t.Any]:
    session = {
        "id": "one",
        "title": f"Été {HOSTILE}",
        "description": f"Pourquoi\n{HOSTILE}",
        "impact": "Fermé 5 min",
        "followup": "Prévenir l'accueil",
        "by": "ann from 192.0.2.7",
        "opened": "2026-11-21T06:05:00+00:00",
        "closed": "2026-11-21T06:07:11+00:00",
        "log": LOG,
    }
    return {"session": session, "before": "r1", "serves": "r2", "failure": "", "done": True, **more}


class Page(HTMLParser):
    """A page as a browser reads it: its elements and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for key, value in attrs if key in ("src", "href") or key.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


class Role:
    def __init__(self, folder: Path, server: SmtpServer) -> None:
        self.folder = folder
        self.server = server

    def play(self, *entries: str, accounts: t.Any = None, **variables: t.Any) -> Result:
        """Include the role, by its entry points, and then go on."""
        told = {"web1": account(), "web2": account()} if accounts is None else accounts
        given = {
            "report_accounts": told,
            "report_recipients": ["ann@example.org", "Bob <bob@example.org>"],
            "report_sender": "moodle@example.org",
            "report_smtp_host": "127.0.0.1",
            "report_smtp_port": self.server.port,
            **variables,
        }
        (self.folder / "accounts.json").write_text(json.dumps(given.pop("report_accounts")))
        # Read from a file, as what a module returned is: text in it is no template.
        given["report_accounts"] = "{{ lookup('file', '" + str(self.folder / "accounts.json") + "') | from_json }}"
        include = [{"name": entry, "ansible.builtin.include_role": {"name": "lms.moodle.report", "tasks_from": entry}} for entry in entries]
        play = {
            "hosts": "web1:web2",
            "connection": "local",
            "gather_facts": False,
            "vars": {**given, "ansible_python_interpreter": sys.executable},
            "tasks": [*include, {"name": "Go on", "ansible.builtin.debug": {"msg": "the delivery goes on"}}],
        }
        (self.folder / "playbook.json").write_text(json.dumps([play]))
        env = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "PATH": os.environ["PATH"], "ANSIBLE_NOCOLOR": "1"}
        command = [Path(sys.executable).with_name("ansible-playbook"), "--inventory", "web1,web2,", self.folder / "playbook.json"]
        ended = run(command, env=env, cwd=ROOT, timeout=300)
        assert ended.rc == 0, ended.text[-3000:]
        assert ended.text.count("the delivery goes on") == 2, ended.text[-3000:]
        return ended


@pytest.fixture
def role(tmp_path: Path) -> Iterator[Role]:
    with SmtpServer().running() as server:
        yield Role(tmp_path, server)


@pytest.mark.parametrize(
    ("language", "begins", "ends", "says"),
    [
        ("en", "Moodle: a delivery begins - ", "Moodle: a delivery has ended - ", "The site was closed for 2 min 30 s."),
        ("fr", "Moodle : début d'une livraison - ", "Moodle : fin d'une livraison - ", "Le site a été fermé pendant 2 min 30 s."),
    ],
)
def test_both_mails_in_both_languages_reach_all_recipients_once(role: Role, language: str, begins: str, ends: str, says: str) -> None:
    role.play("opening", "main", report_language=language)
    opening, closing = role.server.mails
    for mail, begin in ((opening, begins), (closing, ends)):
        assert mail.recipients == ["ann@example.org", "bob@example.org"]
        assert mail.sender == "moodle@example.org"
        assert mail.subject == f"{begin}Été {HOSTILE}", "accents arrive, and nothing in a title is a template"
        assert f"  Pourquoi\n  {HOSTILE}\n" in mail.text
        assert "ann from 192.0.2.7" in mail.text
        assert "web1" in mail.text
        assert "web2" in mail.text
    assert not opening.attachments
    assert says in closing.text
    assert "Prévenir l'accueil" in closing.text
    (kind, source) = closing.attachments["one.html"]
    assert kind == "text/html"
    page = Page(source)
    assert "script" not in page.tags
    assert not page.addresses, "it needs no network"
    assert f"Été {HOSTILE}" in page.text
    assert f"php upgrade.php {HOSTILE}" in page.text
    assert f"{HOSTILE}\nsecond line" in page.text
    assert "é <b>.php" in page.text
    assert "8999" in page.text, "files that are not named are counted"
    assert "2 min 30 s" in page.text
    assert f'<html lang="{language}">' in source
    assert "undefined" not in page.text.lower()
    assert page.tags.count("details") == 2


def test_a_failure_and_a_lost_host_are_told(role: Role) -> None:
    role.play("main", accounts={"web1": account(failure=f"disk full {HOSTILE}", serves="r1"), "web2": {}}, report_language="fr")
    mail = role.server.one()
    assert mail.subject.startswith("Moodle : ÉCHEC d'une livraison - ")
    assert f"\n\nCause de l'échec\n  disk full {HOSTILE}\n" in mail.text
    assert "web1 : en échec, sert r1 (avant : r1)" in mail.text
    assert "web2 : injoignable, sert inconnu (avant : rien)" in mail.text
    page = Page(mail.attachments["one.html"][1])
    assert "script" not in page.tags
    assert f"disk full {HOSTILE}" in page.text
    assert "injoignable" in page.text


def test_templates_can_be_replaced(role: Role, tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("Campus: {{ report_account.title }}\n\n{{ report_account.hosts | length }} serveurs à jour\n")
    (tmp_path / "own.html").write_text("<p>{{ report_account.title | e }}: {{ report_words.ok }}</p>")
    own = str(tmp_path / "own.txt")
    role.play("opening", "main", report_mail_opening=own, report_mail_closing=own, report_template=str(tmp_path / "own.html"))
    assert [mail.subject for mail in role.server.mails] == [f"Campus: Été {HOSTILE}"] * 2
    assert [mail.text for mail in role.server.mails] == ["2 serveurs à jour\n"] * 2
    assert "<script>" not in role.server.mails[1].attachments["one.html"][1]


def test_a_line_break_in_what_a_template_shows_begins_no_header(role: Role) -> None:
    evil = account()
    evil["session"] = {**evil["session"], "title": "Hello\r\nBcc: eve@example.org\n\nevil"}
    role.play("opening", accounts={"web1": evil})
    mail = role.server.one()
    assert mail.subject == "Moodle: a delivery begins - Hello"
    assert mail.message["Bcc"] is None
    assert mail.recipients == ["ann@example.org", "bob@example.org"]


def test_without_recipients_there_is_no_mail_and_the_report_is_kept(role: Role, tmp_path: Path) -> None:
    kept = tmp_path / "kept" / "here"
    ended = role.play("opening", "main", report_recipients=[], report_folder=str(kept))
    assert not role.server.mails
    assert "mail was handed" not in ended.text
    assert Page((kept / "one.html").read_text()).text.count("web2") == 1
    assert (kept / "one.html").stat().st_mode & 0o777 == 0o640
    assert not role.play("main", report_recipients=[]).text.count("fatal")


def test_the_report_can_stay_out_of_the_mail(role: Role) -> None:
    role.play("main", report_attach=False)
    mail = role.server.one()
    assert not mail.attachments
    assert "attached" not in mail.text


def test_a_server_that_is_down_is_said_and_spoils_nothing(role: Role) -> None:
    ended = role.play("opening", "main", report_smtp_port=free_port())
    assert "[WARNING]: The mail could not be handed to 127.0.0.1" in ended.text
    assert ended.text.count("fatal") == 0


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"report_recipients": ["ann"]}, "to: an address such as ann@example.org is expected"),
        ({"report_mail_closing": "no-such-template.j2"}, "no-such-template.j2"),
        ({"report_mail_closing": "undefined.txt"}, "nobody_defined_this"),
        ({"report_folder": "/proc/nowhere"}, "/proc/nowhere"),
    ],
)
def test_what_is_wrong_in_the_settings_is_said_and_spoils_nothing(
    role: Role, tmp_path: Path, variables: dict[str, t.Any], said: str
) -> None:
    (tmp_path / "undefined.txt").write_text("{{ nobody_defined_this }}\n\ntext\n")
    if variables.get("report_mail_closing") == "undefined.txt":
        variables = {"report_mail_closing": str(tmp_path / "undefined.txt")}
    assert said in role.play("main", **variables).text


def test_a_report_that_cannot_be_rendered_does_not_keep_the_mail_back(role: Role, tmp_path: Path) -> None:
    (tmp_path / "own.html").write_text("{{ nobody_defined_this }}")
    ended = role.play("main", report_template=str(tmp_path / "own.html"), report_folder=str(tmp_path / "kept"))
    assert "nobody_defined_this" in ended.text
    assert not role.server.one().attachments
    assert not (tmp_path / "kept").exists()
