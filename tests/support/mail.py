# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An SMTP server on this machine that keeps what it is given, as it came over the wire."""

from __future__ import annotations

import ssl
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from .web import free_port

USER, PASSWORD = "moodle", "hunter2"


@dataclass(frozen=True)
class Received:
    """A mail: who it was handed over for, and what it says."""

    sender: str
    recipients: list[str]
    message: EmailMessage
    encrypted: bool

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")

    @property
    def attachments(self) -> dict[str, tuple[str, str]]:
        """Type and text by name."""
        return {
            str(part.get_filename()): (part.get_content_type(), (part.get_payload(decode=True) or b"").decode())  # type: ignore[union-attr]
            for part in self.message.iter_attachments()
        }


class SmtpServer:
    """Takes mail for everybody but those whose address begins with ``nobody``."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.mails: list[Received] = []
        more: dict[str, t.Any] = {}
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            more = {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": self._knows}
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port(), **more)

    @property
    def port(self) -> int:
        return int(self._controller.port)

    @contextmanager
    def running(self) -> Iterator[SmtpServer]:
        self._controller.start()
        try:
            yield self
        finally:
            self._controller.stop()

    def one(self) -> Received:
        """The only mail that came since the last one was taken."""
        (mail,) = self.mails
        self.mails.clear()
        return mail

    async def handle_RCPT(self, _server: object, _session: object, envelope: Envelope, address: str, _options: object) -> str:  # noqa: N802
        if address.startswith("nobody"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, session: t.Any, envelope: Envelope) -> str:  # noqa: N802
        message = message_from_bytes(t.cast(bytes, envelope.content), policy=policy.default)
        mail = Received(str(envelope.mail_from), list(envelope.rcpt_tos), t.cast(EmailMessage, message), session.ssl is not None)
        self.mails.append(mail)
        return "250 taken"

    @staticmethod
    def _knows(_server: object, _session: object, _envelope: object, _mechanism: object, data: t.Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


def certificate_for_this_machine(folder: Path) -> Path:
    """Key and certificate in one file. Who is told to trust it (SSL_CERT_FILE) finds it valid for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    file = folder / "certificate.pem"
    file.write_bytes(certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file
