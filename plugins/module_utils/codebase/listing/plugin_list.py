# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gets the plugin directory's list: from a file, from the cache while it is new, else from its URL."""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ...common.download import MEGABYTE, TIMEOUT, Passing, Unavailable, get, patiently, shown
from ...common.errors import BadInput, MoodleError
from ...common.files import write_atomically
from ...common.process import without_secrets
from .entries import PluginList, Truncated, parse_plugin_list

__all__ = ["PluginList", "fetch_plugin_list", "parse_plugin_list"]

DAY = 24 * 60 * 60.0
LARGEST = 64 * MEGABYTE
TOKEN = "MOODLE_PLUGIN_LIST_TOKEN"  # noqa: S105 - where it is, not what it is
OTHERWISE = "give 'plugin_list' a file, or declare the sources of the plugins"


@dataclass(frozen=True)
class _Kept:
    """A list of the cache, and what the server said of it."""

    data: bytes
    plugins: PluginList
    fetched: float
    etag: str
    last_modified: str


def fetch_plugin_list(
    where: str,
    cache: Path,
    offline: bool,
    max_age: float = DAY,
    *,
    timeout: float = TIMEOUT,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[PluginList, list[str]]:
    """The list at ``where``, a URL or a file, and warnings. One from a URL is kept in the directory ``cache``.

    A kept list is asked about again when it is older than ``max_age`` seconds, and taken as it is where no new one can be had.
    """
    if not where.lower().startswith(("http://", "https://")):
        return _read_file(where), []
    name = f"The plugin list {shown(where)}"
    path = cache / f"plugin-list-{hashlib.sha256(without_secrets(where).encode(errors='surrogateescape')).hexdigest()[:16]}"
    kept = _read_kept(path, name)
    if kept and (offline or 0 <= time.time() - kept.fetched < max_age):
        return kept.plugins, []
    if offline:
        raise MoodleError(f"{name} is not in the cache, and 'offline' forbids to fetch it: {OTHERWISE}.")
    try:
        new = patiently(lambda: _ask(where, name, kept, timeout), sleep)
    except MoodleError as failure:
        message = f"{failure.message} {_advice(where, failure)}"
        if kept is None:
            raise MoodleError(message) from None
        day = time.strftime("%Y-%m-%d", time.gmtime(kept.fetched))
        return kept.plugins, [f"{message} The list of {day} was used."]
    return new.plugins, _keep(path, new)


def _ask(where: str, name: str, kept: _Kept | None, timeout: float) -> _Kept:
    """One try. An answer that is cut off may be whole the next time, as a line that broke."""
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip"}
    if kept and kept.etag:
        headers["If-None-Match"] = kept.etag
    if kept and kept.last_modified:
        headers["If-Modified-Since"] = kept.last_modified
    sink = io.BytesIO()
    reply = get(where, sink, name, limit=LARGEST, headers=headers, token=_token(where), timeout=timeout)
    if reply.modified:
        try:
            plugins = parse_plugin_list(sink.getvalue(), name)
        except Truncated as failure:
            raise Passing(name, f"what came is {failure.found}") from None
        return _Kept(sink.getvalue(), plugins, time.time(), reply.etag, reply.last_modified)
    if kept is None:
        raise Unavailable(name, "the answer is 304, to a question that was not asked", 304)
    return _Kept(kept.data, kept.plugins, time.time(), kept.etag, kept.last_modified)


def _token(where: str) -> str:
    """Sent over https alone, and not where the URL brings a login of its own."""
    scheme, _colon, rest = where.partition("://")
    return os.environ.get(TOKEN, "").strip() if scheme.lower() == "https" and "@" not in rest.partition("/")[0] else ""


def _advice(where: str, failure: MoodleError) -> str:
    status = failure.status if isinstance(failure, Unavailable) else 0
    if status == 401:  # noqa: PLR2004 - the one that a token may help
        return f"{f'Correct {TOKEN}' if _token(where) else f'Set {TOKEN} in the environment (it is sent over https only)'}, {OTHERWISE}."
    return f"{OTHERWISE[0].upper()}{OTHERWISE[1:]}."


# Files


def _read_file(where: str) -> PluginList:
    path = unquote(urlsplit(where).path) if where.startswith("file://") else where
    name = f"The plugin list {path}"
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - no name is too odd for it
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise BadInput(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}.") from None
    if len(data) > LARGEST:
        raise BadInput(f"{name} is larger than {LARGEST // MEGABYTE} MB, the most that is taken.")
    return parse_plugin_list(data, name, own=True)


def _read_kept(path: Path, name: str) -> _Kept | None:
    """One line about the list, then the list as it came. What is damaged is as good as missing."""
    try:
        head, _newline, data = path.read_bytes().partition(b"\n")
        facts = json.loads(head)
        return _Kept(data, parse_plugin_list(data, name), float(facts["fetched"]), str(facts["etag"]), str(facts["last_modified"]))
    except (OSError, ValueError, TypeError, KeyError, BadInput):
        return None


def _keep(path: Path, new: _Kept) -> list[str]:
    facts = {"fetched": new.fetched, "etag": new.etag, "last_modified": new.last_modified}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(facts).encode() + b"\n" + new.data)
    except OSError as error:
        return [f"{new.plugins.name} could not be kept at {path}: {error.strerror or error}. It will be fetched again the next time."]
    return []
