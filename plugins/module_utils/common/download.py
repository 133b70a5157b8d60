# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gets a file over HTTP: whole, no larger than agreed, and with a reason when it cannot be had that tells what may help."""

from __future__ import annotations

import http.client
import netrc
import socket
import ssl
import time
import typing as t
import zlib
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from ansible.module_utils.urls import open_url

from .errors import MoodleError
from .process import without_secrets

TIMEOUT = 30.0
SLOWEST = 1000  # bytes a second; Git gives up on the same speed
WAITS = (1.0, 4.0)  # before the second and the third try
LONGEST_WAIT = 60.0
HOPS = 6
BLOCK = 1 << 16
MEGABYTE = 1 << 20
REDIRECTS = (301, 302, 303, 307, 308)
PASSING = (408, 425, 429)  # and all of 500 and above
WORDS = {
    401: "it asks for a login or a token",
    403: "it refuses this host or this login, or has been asked too often",
    404: "it does not exist",
    407: "the proxy asks for a login",
    410: "it exists no more",
    429: "it has been asked too often",
}
# What may stand in a path or a query as it is; an escape that is there already stays.
_SAFE = "%/:=&?~#+!$,;'@()*[]|"

T = t.TypeVar("T")


class Unavailable(MoodleError):
    """The file cannot be had. ``status`` is the answer's, 0 where there was none."""

    def __init__(self, name: str, reason: str, status: int = 0) -> None:
        super().__init__(f"{name} cannot be had: {reason}.")
        self.status = status


class Passing(Unavailable):
    """It may be had a moment later; ``wait`` is the time that the other side asks for."""

    def __init__(self, name: str, reason: str, status: int = 0, wait: float = 0.0) -> None:
        super().__init__(name, reason, status)
        self.wait = wait


class Reply(t.NamedTuple):
    """``modified`` is false where the file is still the one that was described in the request (304)."""

    modified: bool
    etag: str
    last_modified: str


class _Address(t.NamedTuple):
    url: str
    origin: tuple[str, str, int | None]
    user: str
    password: str


def shown(url: str) -> str:
    """A URL as it may be shown: tokens like to stand in the query too."""
    bare, question, _query = without_secrets(url).partition("?")
    return f"{bare}{question and '?…'}"


def patiently(attempt: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """What ``attempt`` returns; after a failure that may pass it is called again, three times in all."""
    for pause in WAITS:
        try:
            return attempt()
        except Passing as failure:
            if failure.wait > LONGEST_WAIT:
                raise
            sleep(max(pause, failure.wait))
    return attempt()


def get(
    url: str,
    sink: t.IO[bytes],
    name: str,
    *,
    limit: int,
    headers: Mapping[str, str] | None = None,
    token: str = "",
    timeout: float = TIMEOUT,
) -> Reply:
    """One try: the content of ``url`` goes to ``sink``, at most ``limit`` bytes of it; ``name`` is what messages call it.

    User and password from the URL, and the token, reach the host that the URL names and no other that it leads to.
    """
    try:
        answer = _open(url, name, dict(headers or {}), token, timeout)
    except (ValueError, http.client.InvalidURL):
        raise Unavailable(name, "this is no URL that can be asked") from None
    except netrc.NetrcParseError:
        raise Unavailable(name, "the file .netrc on this host cannot be read") from None
    except (OSError, http.client.HTTPException) as failure:
        raise _failed(name, failure, timeout) from None
    if answer is None:
        return Reply(False, "", "")
    with answer:
        for data in _content(answer, name, limit, timeout):
            sink.write(data)
        return Reply(True, answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", ""))


def _open(url: str, name: str, headers: dict[str, str], token: str, timeout: float) -> http.client.HTTPResponse | None:
    """The answer after all redirections, None for "not modified". They are followed here, as urllib would take the login along."""
    first = here = _address(url)
    for _hop in range(HOPS):
        ours = here.origin == first.origin
        login = first if ours and not here.user else here
        bearer = {"Authorization": f"Bearer {token}"} if token and ours and here.origin[0] == "https" else {}
        try:
            answer: http.client.HTTPResponse = open_url(
                here.url,
                method="GET",
                headers={**headers, **bearer},
                timeout=timeout,
                url_username=login.user,
                url_password=login.password,
                force_basic_auth=True,
                use_netrc=not bearer,
                follow_redirects="none",
                decompress=False,  # Ansible's own way cannot read chunks
                http_agent="lms.moodle",
            )
        except HTTPError as refusal:
            with refusal:
                location = refusal.headers.get("Location", "")
                if refusal.code == http.client.NOT_MODIFIED:
                    return None
                if refusal.code not in REDIRECTS or not location:
                    raise _refused(name, refusal) from None
            there = _address(urljoin(here.url, location))
            if (here.origin[0], there.origin[0]) == ("https", "http"):
                raise Unavailable(name, f"it leads from https to {shown(there.url)}, which is not encrypted") from None
            here = there
            continue
        if answer.status != http.client.OK:
            answer.close()
            raise Unavailable(name, f"the answer is {answer.status}", answer.status)
        return answer
    raise Unavailable(name, f"it leads to another place more than {HOPS - 1} times")


def _address(url: str) -> _Address:
    parts = urlsplit(url)
    login, _at, host = parts.netloc.rpartition("@")
    user, _colon, password = login.partition(":")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError
    bare = urlunsplit((parts.scheme, host, quote(parts.path or "/", safe=_SAFE), quote(parts.query, safe=_SAFE), ""))
    return _Address(bare, (parts.scheme, parts.hostname, parts.port), unquote(user), unquote(password))


def _refused(name: str, refusal: HTTPError) -> Unavailable:
    status = refusal.code
    reason = f"{WORDS[status]} ({status})" if status in WORDS else f"the answer is {status}"
    if status in PASSING or status >= http.client.INTERNAL_SERVER_ERROR:
        wait = _seconds(refusal.headers.get("Retry-After", ""))
        later = f", and it asks to come back in {wait:.0f} s" if wait > LONGEST_WAIT else ""
        return Passing(name, f"{reason}{later}", status, wait)
    return Unavailable(name, reason, status)


def _seconds(retry_after: str) -> float:
    """Both forms of Retry-After: a number of seconds, or a date."""
    if retry_after.strip().isdecimal():
        return float(retry_after.strip()[:9])
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError, IndexError, OverflowError):
        return 0.0


def _failed(name: str, failure: OSError | http.client.HTTPException, timeout: float) -> Unavailable:
    cause = failure.reason if isinstance(failure, URLError) else failure
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unavailable(name, f"its certificate is not trusted here ({cause.verify_message})")
    if isinstance(cause, socket.timeout):
        return Passing(name, f"nothing came within {timeout:g} s")
    if isinstance(cause, http.client.IncompleteRead):
        return Passing(name, "it ended before its end")
    if isinstance(cause, http.client.HTTPException) and not isinstance(cause, OSError):
        return Passing(name, f"the answer is no HTTP ({type(cause).__name__})")
    return Passing(name, without_secrets(getattr(cause, "strerror", None) or str(cause) or type(cause).__name__))


def _content(answer: http.client.HTTPResponse, name: str, limit: int, timeout: float) -> Iterator[bytes]:
    """The body, piece by piece; it is whole when this ends."""
    expected = answer.length
    too_large = Unavailable(name, f"it is larger than {limit / MEGABYTE:g} MB, the most that is taken")
    decoder = zlib.decompressobj(wbits=31) if answer.headers.get("Content-Encoding", "").lower() == "gzip" else None
    if expected is not None and expected > limit:
        raise too_large
    came = given = 0
    for data in _pieces(answer, name, expected, timeout):
        came += len(data)
        piece = _decoded(decoder, data, limit + 1 - given, name) if decoder else data
        given += len(piece)
        if given > limit:
            raise too_large
        yield piece
    if expected is not None and came < expected:
        raise Passing(name, f"it ended after {came} of {expected} bytes")
    if decoder and came and not decoder.eof:
        raise Passing(name, "it ended before its end")


def _decoded(decoder: zlib._Decompress, data: bytes, most: int, name: str) -> bytes:
    try:
        return decoder.decompress(data, most)
    except zlib.error:
        raise Passing(name, "its compression is damaged") from None


def _pieces(answer: http.client.HTTPResponse, name: str, expected: int | None, timeout: float) -> Iterator[bytes]:
    """What comes off the line, as it comes; a line on which next to nothing comes is as good as dead."""
    came, mark, since = 0, 0, time.monotonic()
    while expected is None or came < expected:
        try:
            data = answer.read1(BLOCK if expected is None else min(BLOCK, expected - came))
        except (OSError, http.client.HTTPException) as failure:
            raise _failed(name, failure, timeout) from None
        if not data:
            return
        came += len(data)
        yield data
        if time.monotonic() - since > timeout:
            if came - mark < timeout * SLOWEST:
                raise Passing(name, f"less than {SLOWEST} bytes a second came")
            mark, since = came, time.monotonic()
