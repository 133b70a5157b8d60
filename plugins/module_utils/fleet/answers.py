# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks for nodes over HTTP, for each under its own name, at the web server that has to answer to that name."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ..common.errors import BadInput
from .nodes import ADDRESS

# What anybody may ask a Moodle that is open, and it says its own address: a page may come from any other site as well, and VMoodle
# answers 200 to names that it does not know.
_OWN = "/lib/ajax/service-nologin.php"
_QUESTION = json.dumps([{"index": 0, "methodname": "tool_mobile_get_public_config", "args": {}}])
_MOST = 1 << 18
_SHOWN = 160
_AT_ONCE = 8
_PAUSE = 1.0


@dataclass(frozen=True)
class Inquiry:
    """How nodes are asked."""

    tls: ssl.SSLContext
    connect: str = ""
    """Where the web server is; empty for what the node's name leads to."""
    plain: Collection[str] = ()
    """Those whose HTTPS ends before this web server."""
    url: str = ""
    """What is asked instead, and where."""
    status: Collection[int] = (200,)
    """What it is answered with."""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 30

    def __post_init__(self) -> None:
        parts = urlsplit(self.url or "http://localhost")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"'url' is '{self.url}': an address with http:// or https:// is needed.")

    def what_is_wrong(self, wwwroot: str) -> str:
        """Why this node does not answer as it should: part of a sentence, or nothing."""
        node = urlsplit(wwwroot)
        if not ADDRESS.fullmatch(wwwroot) or not node.hostname:
            return "its address is no plain http(s) address"
        place = urlsplit(self.url or (f"http://{node.hostname}" if wwwroot in self.plain else wwwroot))
        host = place.hostname if self.url else self.connect or node.hostname
        port = place.port or (443 if place.scheme == "https" else 80)
        connection = http.client.HTTPConnection(str(host), port, timeout=self.timeout)
        try:
            connection.connect()
            if place.scheme == "https":
                connection.sock = self.tls.wrap_socket(connection.sock, server_hostname=node.hostname)
            return self._ask(connection, wwwroot)
        except ssl.SSLCertVerificationError as error:
            return f"the certificate of {host}:{port} is not good for it: {error.verify_message}"
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            return f"{host}:{port} does not answer: {why}"
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, wwwroot: str) -> str:
        node = urlsplit(wwwroot)
        headers = {"Host": node.netloc, "Connection": "close", "User-Agent": "lms.moodle"}
        if wwwroot in self.plain:
            headers["X-Forwarded-Proto"] = "https"
        headers.update(self.headers)
        if self.url:
            asked = urlsplit(self.url)
            connection.request("GET", (asked.path or "/") + (f"?{asked.query}" if asked.query else ""), headers=headers)
        else:
            connection.request("POST", node.path + _OWN, _QUESTION, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        said = _read(answer, self.timeout)
        if answer.status not in self.status:
            where = answer.getheader("Location")
            return f"the answer is {answer.status} {answer.reason}{f' to {where}' if where else ''}{_shown(said)}"
        return "" if self.url or _site(said) == wwwroot.casefold() else f"the answer is not that node's{_shown(said)}"


def troubles(nodes: Sequence[str], inquiry: Inquiry, retries: int) -> dict[str, str]:
    """Those that do not answer as they should, and why; they are asked again, for a web server needs a moment after it was told."""
    found: dict[str, str] = {}
    left = list(nodes)
    for turn in range(retries + 1):
        if turn:
            time.sleep(_PAUSE)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            answers = zip(left, pool.map(inquiry.what_is_wrong, left))
        found = {node: why for node, why in answers if why}
        left = list(found)
        if not left:
            break
    return found


def _read(answer: http.client.HTTPResponse, seconds: float) -> str:
    """What fits and comes in time: there are servers that give a byte now and then."""
    end, said = time.monotonic() + seconds, b""
    while len(said) < _MOST and time.monotonic() < end and (block := answer.read1(_MOST)):
        said += block
    return said.decode("utf-8", "replace")


def _site(said: str) -> str:
    """The address that the answering site calls its own."""
    try:
        return str(json.loads(said)[0]["data"]["wwwroot"]).casefold()
    except (ValueError, LookupError, TypeError):
        return ""


def _shown(said: str) -> str:
    text = " ".join(re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", said, flags=re.DOTALL | re.IGNORECASE).split())
    return f": {text[:_SHOWN].rstrip('. ')}" if text else ""


def trusting(authorities: str | None) -> ssl.SSLContext:
    """TLS that checks certificates against this file, or else against what the host trusts."""
    try:
        return ssl.create_default_context(cafile=authorities)
    except OSError as error:
        raise BadInput(f"The certificates that are trusted, {authorities}, cannot be read: {error.strerror or error}.") from error
