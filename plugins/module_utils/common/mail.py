# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mails: composed from what is given and nothing else, handed to one SMTP server."""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import typing as t
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

from .errors import BadInput, MoodleError

ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\-][^\s@<>,;:\"()\[\]\\]*@[^\s@<>,;:\"()\[\]\\]+")
NAMED = re.compile(r"\s*(?P<name>[^<>\"]*?)\s*<(?P<address>[^<>]*)>\s*")
HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Server:
    """Where mails are handed in."""

    host: str = "localhost"
    port: int = 25
    secure: str = "never"
    """never, starttls, or always: encrypted from the first byte."""
    user: str = ""
    password: str = ""
    timeout: float = 20

    def __post_init__(self) -> None:
        if self.user and self.secure == "never" and self.host not in HERE:
            raise BadInput(f"secure: a password would cross the network to {self.host} as plain text; starttls or always is expected.")


def compose(sender: str, to: Sequence[str], subject: str, body: str, attachments: Sequence[tuple[str, str, bytes]] = ()) -> EmailMessage:
    """A mail; attachments are given by name, type (text/html) and content."""
    if not to:
        raise BadInput("to: at least one address is expected.")
    message = EmailMessage(policy=SMTP)
    message["Subject"] = _one_line("subject", subject)
    message["From"] = origin = address_of("sender", sender)
    message["To"] = [address_of("to", recipient) for recipient in to]
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=origin.domain)
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office notes, please
    message.set_content(body.encode(errors="replace").decode(), charset="utf-8", cte="quoted-printable")
    for name, kind, content in attachments:
        main, _slash, sub = kind.partition("/")
        message.add_attachment(content, maintype=main, subtype=sub, filename=_one_line("attachments", name))
    return message


def address_of(what: str, text: str) -> Address:
    """An address, alone or as ``Name <address>``. It becomes part of a header: nothing in it may begin another one."""
    line = _one_line(what, text)
    named = NAMED.fullmatch(line)
    name, address = (named["name"], named["address"]) if named else ("", line)
    if not ADDRESS.fullmatch(address):
        raise BadInput(f"{what}: an address such as ann@example.org is expected, '{line[:100]}' was found.")
    user, _at, domain = address.partition("@")
    return Address(name, user, domain)


def send(message: EmailMessage, server: Server) -> dict[str, str]:
    """Hand the mail in; the addresses that were refused, and why. At least one was taken."""
    where = f"{server.host}:{server.port}"
    try:
        with _connected(server) as session:
            if server.user:
                session.login(server.user, server.password)
            refused = session.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        raise MoodleError(f"{where} took the mail for nobody: {_listed(_reasons(error.recipients))}.") from None
    except (OSError, smtplib.SMTPException, UnicodeError) as error:
        raise MoodleError(
            f"The mail could not be handed to {where} ({_why(error)}): check host, port, secure, user and password."
        ) from None
    return _reasons(refused)


@contextlib.contextmanager
def _connected(server: Server) -> t.Iterator[smtplib.SMTP]:
    if server.secure == "always":
        context = ssl.create_default_context()
        with smtplib.SMTP_SSL(server.host, server.port, timeout=server.timeout, context=context) as session:
            yield session
        return
    with smtplib.SMTP(server.host, server.port, timeout=server.timeout) as session:
        if server.secure == "starttls":
            session.starttls(context=ssl.create_default_context())
        yield session


def default_sender() -> str:
    return f"lms.moodle@{socket.gethostname()}"


def _one_line(what: str, text: str) -> str:
    line = text.strip()
    if not line or any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in line):
        raise BadInput(f"{what}: one line of text is expected, '{line.encode('unicode_escape').decode()[:100]}' was found.")
    return line


def _reasons(refused: Mapping[str, tuple[int, bytes]]) -> dict[str, str]:
    return {address: f"{code} {said.decode(errors='replace')}" for address, (code, said) in refused.items()}


def _listed(refused: Mapping[str, str]) -> str:
    return ", ".join(f"{address} ({said})" for address, said in refused.items())


def _why(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = f"{error.smtp_code} {said.decode(errors='replace') if isinstance(said, bytes) else said}"
    else:
        text = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return " ".join(text.split())
