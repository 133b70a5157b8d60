# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A web server on this host that answers as it is told, badly too."""

from __future__ import annotations

import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Asked:
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""


class Loopback:
    """For the length of a `with`: gives ``answers`` one after the other, the last one again and again."""

    def __init__(self, *answers: Answer, certificate: Path | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[Asked] = []
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                loopback.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}))
                answer = loopback.answers.pop(0) if len(loopback.answers) > 1 else loopback.answers[0]
                self.close_connection = True
                answer(self)

            do_POST = do_GET  # noqa: N815 - http.server calls it so

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_arguments: None  # type: ignore[method-assign]
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02), daemon=True)

    def __enter__(self) -> Loopback:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def replies(body: bytes = b"", status: int = 200, **headers: str) -> Answer:
    """A whole answer; ``Retry_After="1"`` stands for a header of that name."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        _head(handler, status, {"Content_Length": str(len(body)), **headers})
        handler.wfile.write(body)

    return answer


def breaks_off(body: bytes, **headers: str) -> Answer:
    """Promises one byte more than it gives."""
    return replies(body, 200, Content_Length=str(len(body) + 1), **headers)


def breaks_off_in_a_chunk(body: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        _head(handler, 200, {"Transfer-Encoding": "chunked"})
        handler.wfile.write(b"%x\r\n" % (len(body) + 1) + body)

    return answer


def in_chunks(body: bytes, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        _head(handler, 200, {"Transfer-Encoding": "chunked", **headers})
        for start in range(0, len(body), 1000):
            part = body[start : start + 1000]
            handler.wfile.write(b"%x\r\n" % len(part) + part + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")

    return answer


def drips(seconds: float) -> Answer:
    """A byte now and then, for longer than anybody should wait."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        _head(handler, 200, {"Content-Length": "1000000"})
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            handler.wfile.write(b"x")
            time.sleep(0.05)

    return answer


def says_nothing(seconds: float) -> Answer:
    return lambda _handler: time.sleep(seconds)


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 in one file."""
    path = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "2"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(folder / "cert")]
    subprocess.run(command, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (folder / "cert").read_bytes())
    return path


def _head(handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str]) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
