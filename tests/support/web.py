# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""PHP's own web server in front of a site, for the few things that only HTTP shows."""

from __future__ import annotations

import http.client
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from .process import SupportError


def free_port() -> int:
    """A port that was free just now; Moodle wants to know its address before it is served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, server: str) -> None:
    """Until somebody listens there."""
    for _try in range(200):
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"{server} does not answer")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: str


class PhpServer:
    """`php -S` over a folder for the length of a `with`."""

    def __init__(self, root: Path, port: int, *, php: Sequence[str] = ("php",)) -> None:
        self._argv = [*php, "-S", f"127.0.0.1:{port}", "-t", str(root)]
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PhpServer:
        self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 10
        while time.monotonic() < limit and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        self.__exit__(None, None, None)
        raise SupportError(f"no web server on port {self._port}: {' '.join(self._argv)}")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        process, self._process = self._process, None
        if process:
            process.terminate()
            process.wait(10)

    def get(self, path: str = "/", *, host: str | None = None, timeout: float = 120) -> Answer:
        """One request, redirects not followed; `host` asks for a virtual node by its name."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{self._port}"})
            reply = connection.getresponse()
            headers = {name.lower(): value for name, value in reply.getheaders()}
            return Answer(reply.status, headers, reply.read().decode("utf-8", "replace"))
        finally:
            connection.close()
