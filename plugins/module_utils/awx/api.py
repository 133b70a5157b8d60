# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks AWX over its REST API, and turns each of its refusals into one sentence."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import typing as t
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit

from ansible.module_utils.urls import open_url

from ..common.errors import BadInput, MoodleError

TIMEOUT = 30.0
PAGE = 200  # AWX gives no more at once
HERE = ("localhost", "127.0.0.1", "::1")
# Under these names AWX says what concerns no single field.
UNNAMED = ("detail", "error", "msg", "__all__", "non_field_errors")


class Api:
    """The API of one AWX, as the user of a token sees it."""

    def __init__(self, host: str, token: str, base: str, *, verify: bool, ca_path: str | None = None, timeout: float = TIMEOUT) -> None:
        if not host:
            raise BadInput("host: no AWX is named. Give its address, or set CONTROLLER_HOST in the environment.")
        address = urlsplit(host if "://" in host else f"https://{host}")
        if address.scheme not in ("http", "https") or not address.hostname or address.username or address.query or address.fragment:
            raise BadInput("host: an address such as https://awx.example.org is expected.")
        if address.scheme == "http" and verify and address.hostname not in HERE:
            raise BadInput(f"host: the token would cross the network to {address.netloc} as plain text; https is expected.")
        self.host = address.netloc
        self.root = f"{address.scheme}://{address.netloc}"
        self.base = f"{address.path.rstrip('/')}/{base.strip('/')}/"
        self._token = token.strip()
        if not self._token:
            raise BadInput(
                "token: none is given. Make one in AWX (its user's Tokens, scope Write) and give it, or set CONTROLLER_OAUTH_TOKEN."
            )
        if not self._token.isascii() or not self._token.isprintable():
            raise BadInput("token: there are signs in it that no token has.")
        self._how = {"validate_certs": verify and address.scheme == "https", "ca_path": ca_path, "timeout": timeout}

    def who(self) -> str:
        """The name of the token's user; whatever stands in the way of asking AWX is found here."""
        answer = self.ask("GET", "me/", "tell who asks", missing=f"there is no API of AWX under {self.root}{self.base}: check host and api")
        try:
            return str(answer["results"][0]["username"])
        except (KeyError, IndexError, TypeError):
            raise MoodleError(f"{self.root}{self.base} is no API of AWX: check host and api.") from None

    def all(self, kind: str, **filters: t.Any) -> list[dict[str, t.Any]]:
        """All objects of a kind that the filters leave, page after page."""
        place, found = f"{kind}/?{urlencode({**filters, 'page_size': PAGE})}", []
        while place:
            answer = self.ask("GET", place, f"list its {kind}")
            found += answer["results"]
            place = answer.get("next") or ""
        return found

    def get(self, place: str) -> t.Any:
        """What lies at a place of the API."""
        return self.ask("GET", place, f"show {place}")

    def post(self, place: str, body: t.Mapping[str, t.Any], what: str) -> t.Any:
        """Make something; ``what`` says it in words, for a refusal."""
        return self.ask("POST", place, what, body)

    def patch(self, place: str, body: t.Mapping[str, t.Any], what: str) -> t.Any:
        """Change something; ``what`` says it in words, for a refusal."""
        return self.ask("PATCH", place, what, body)

    def ask(self, method: str, place: str, what: str, body: t.Mapping[str, t.Any] | None = None, missing: str = "") -> t.Any:
        """One request. A page's link to the next one begins at the root, any other place below the API."""
        url = f"{self.root}{place if place.startswith('/') else self.base + place}"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", "Accept": "application/json"}
        data = None if body is None else json.dumps(body)
        try:
            # A redirection would take the token along.
            with open_url(
                url, data, headers, method, use_netrc=False, follow_redirects="none", http_agent="lms.moodle", **self._how
            ) as answer:
                content = answer.read()
        except HTTPError as refusal:
            with refusal:
                raise MoodleError(_refused(self.host, refusal, what, missing)) from None
        except (OSError, http.client.HTTPException) as failure:
            raise MoodleError(f"{self.host} cannot be asked: {_why(failure)}. Run again when that is mended.") from None
        try:
            return json.loads(content) if content else None
        except ValueError:
            raise MoodleError(f"{url} is no API of AWX: it answers with something else than JSON. Check host and api.") from None


def _refused(host: str, refusal: HTTPError, what: str, missing: str) -> str:
    said = _said(refusal.read())
    because = f": {said}" if said else ""
    status = refusal.code
    if status == http.client.UNAUTHORIZED:
        return f"{host} does not know the token, or it has expired (401): make a new one in AWX (its user's Tokens, scope Write)."
    if status == http.client.FORBIDDEN:
        return f"{host} does not let the token's user {what} (403{because}): give the user the role for it, and the token the scope Write."
    if status == http.client.NOT_FOUND and missing:
        return f"{missing} (404)."
    if status == http.client.BAD_REQUEST:
        return f"{host} refuses to {what}{because or ' (400)'}"
    if refusal.headers.get("Location"):
        there = urlsplit(refusal.headers["Location"])
        return f"{host} leads to {there.scheme}://{there.netloc} ({status}): name that address as host, if it is AWX's."
    return f"{host} was asked to {what} and answers {status}{because}. Run again when that is mended."


def _said(content: bytes) -> str:
    """AWX's own words in one line; a page that somebody else answers with says nothing."""
    try:
        return _flat(json.loads(content))[:1000]
    except ValueError:
        return ""


def _flat(said: t.Any) -> str:
    if isinstance(said, dict):
        return "; ".join(_flat(words) if field in UNNAMED else f"{field}: {_flat(words)}" for field, words in said.items())
    if isinstance(said, list):
        return " ".join(map(_flat, said))
    return " ".join(str(said).split())


def _why(failure: OSError | http.client.HTTPException) -> str:
    cause = failure.reason if isinstance(failure, URLError) else failure
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted here ({cause.verify_message}); ca_path names the file of another authority"
    if isinstance(cause, socket.timeout):
        return "nothing came in time"
    if isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError):
        return f"the answer is no HTTP ({type(cause).__name__})"
    return " ".join((getattr(cause, "strerror", None) or str(cause) or type(cause).__name__).split())
