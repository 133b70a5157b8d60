# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module moodle_mail, and a real SMTP server that it hands mails to."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.mail import PASSWORD, USER, SmtpServer, certificate_for_this_machine
from support.repositories import call_module
from support.web import free_port


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer().running() as server:
        yield server


def mail(
    server: SmtpServer | None = None, *, check: bool = False, environment: dict[str, str] | None = None, **more: t.Any
) -> dict[str, t.Any]:
    given = {"to": ["ann@example.org"], "sender": "moodle@example.org", "subject": "Hello", "body": "Text", "host": "127.0.0.1"}
    return call_module("moodle_mail", {**given, "port": server.port if server else free_port(), **more}, check=check, **(environment or {}))


def test_a_mail_arrives_as_it_was_written(server: SmtpServer) -> None:
    body = "Mise à jour\u00a0: terminée.\n\n.une ligne qui commence par un point\n" + "très " * 400 + "\n漢字 \U0001f600\n"
    subject = "Moodle\u202f: clôture de la session «\u00a0Été\u00a0», " + "très " * 40 + "longue"
    attached = {"name": "été.html", "content": "<p>é</p>"}
    result = mail(server, to=["Zoë, D. <zoe@example.org>", "bob@example.org"], subject=subject, body=body, attachments=[attached])
    assert (result["changed"], result["sent"], result["refused"]) == (True, True, {})
    received = server.one()
    assert received.recipients == ["zoe@example.org", "bob@example.org"]
    assert received.sender == "moodle@example.org"
    assert received.subject == subject
    assert received.text == body
    assert received.attachments == {"été.html": ("text/html", "<p>é</p>")}
    assert str(received.message["To"]) == '"Zoë, D." <zoe@example.org>, bob@example.org'
    assert received.message["Auto-Submitted"] == "auto-generated"
    assert str(received.message["Message-ID"]).endswith("@example.org>")


def test_check_mode_sends_nothing(server: SmtpServer) -> None:
    result = mail(server, check=True)
    assert (result["changed"], result["sent"]) == (True, False)
    assert not server.mails


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"subject": "Hello\r\nBcc: eve@example.org"}, "subject: one line of text is expected"),
        ({"subject": "Hello\u2028Bcc: eve@example.org"}, "subject: one line of text is expected"),
        ({"subject": " "}, "subject: one line of text is expected"),
        ({"sender": "a@example.org\nBcc: eve@example.org"}, "sender: one line of text is expected"),
        ({"to": ["a@example.org\nBcc: eve@example.org"]}, "to: one line of text is expected"),
        ({"to": ["a@example.org> <eve@example.org"]}, "to: an address such as ann@example.org is expected"),
        ({"to": ["ann"]}, "to: an address such as ann@example.org is expected"),
        ({"to": ["-oQ/tmp@example.org"]}, "to: an address such as ann@example.org is expected"),
        ({"to": []}, "to: at least one address is expected"),
        ({"attachments": [{"name": "a\nX: b", "content": ""}]}, "attachments: one line of text is expected"),
        ({"host": "smtp.example.org", "user": "u", "password": "hunter2"}, "a password would cross the network to smtp.example.org"),
    ],
)
def test_what_could_begin_another_header_is_refused(server: SmtpServer, parameters: dict[str, t.Any], message: str) -> None:
    result = mail(server, **parameters)
    assert result["failed"]
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert not server.mails


def test_recipients_that_are_refused_are_told_and_the_others_get_the_mail(server: SmtpServer) -> None:
    result = mail(server, to=["nobody@example.org", "ann@example.org"])
    assert result["sent"]
    assert result["refused"] == {"nobody@example.org": "550 no such user"}
    assert "did not take the mail for nobody@example.org (550 no such user)" in str(result["warnings"])
    assert server.one().recipients == ["ann@example.org"]


def test_a_mail_that_nobody_may_get_fails(server: SmtpServer) -> None:
    assert "took the mail for nobody: nobody@example.org (550 no such user)" in mail(server, to=["nobody@example.org"])["msg"]


def test_a_server_that_is_down_is_a_failure_or_a_warning() -> None:
    failed = mail()
    assert failed["failed"]
    assert "(Connection refused): check host, port, secure, user and password." in failed["msg"]
    warned = mail(required=False)
    assert (warned.get("failed"), warned["changed"], warned["sent"]) == (None, False, False)
    assert "Connection refused" in str(warned["warnings"])


def test_a_user_and_encryption(tmp_path: Path) -> None:
    certificate = certificate_for_this_machine(tmp_path)
    trusting = {"SSL_CERT_FILE": str(certificate)}
    access = {"secure": "starttls", "user": USER, "password": PASSWORD}
    with SmtpServer(certificate).running() as server:
        result = mail(server, environment=trusting, **access)
        assert result["sent"], result
        assert server.one().encrypted
        assert PASSWORD not in str(result)
        assert "(535 " in mail(server, environment=trusting, **{**access, "password": "wrong"})["msg"]
        assert "certificate verify failed" in mail(server, **access)["msg"]
        assert "(530 " in mail(server)["msg"], "it insists on encryption"
        assert "could not be handed to" in mail(server, environment=trusting, **{**access, "secure": "always"})["msg"]
        assert not server.mails
