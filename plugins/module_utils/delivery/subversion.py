# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subversion as a source: the directory that a URL names, at one revision, as the repository stores it.

It comes through `svnrdump`, which tells properties and content in one answer and writes nothing. So keywords are not expanded and
line ends not converted: what a file holds does not depend on who asks, nor by which URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ..common.archives import check_path, sentence
from ..common.errors import BadInput, MoodleError
from ..common.fast_import import ImportedFile
from ..common.process import without_secrets
from .programs import output_of
from .snapshot import Snapshot, in_utc
from .svn_dump import Node, read_dump
from .trees import shown

SCHEMES = ("svn", "svn+ssh", "http", "https", "file")
NUMBER = re.compile(r"[0-9]{1,10}")
HOST = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
USER = re.compile(r"[A-Za-z0-9_][\w.+\\@-]*")
# What is not known is asked of nobody, what was asked is not kept, and a web server that is silent is given up.
QUIETLY = ("--non-interactive", "--no-auth-cache", "--config-option", "servers:global:http-timeout=60")
LINK = b"link "


def check_location(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in SCHEMES or "://" not in url or not url.isprintable():
        schemes = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise BadInput(f"repository: '{without_secrets(shown(url))}' is no URL of Subversion; these begin with {schemes}.")
    login, _at, host = parts.netloc.rpartition("@")
    if ":" in login:
        raise BadInput(
            f"repository: a password must not stand in the URL ({parts.scheme}://…@{host}): Subversion keeps it in its own store. "
            f"Run `svn info URL` once by hand as the user who delivers, and let it be saved."
        )
    wrong_place = not parts.path.startswith("/") or ".." in unquote(parts.path).split("/") or parts.query or parts.fragment
    wrong_host = bool(host) if parts.scheme == "file" else not HOST.fullmatch(host)
    if wrong_place or wrong_host or (login and not USER.fullmatch(login)):
        name = without_secrets(shown(url))
        raise BadInput(f"repository: '{name}' is no URL of a directory in Subversion (in its name ? and # are written %3F and %23).")
    return url


def check_revision(revision: str) -> str:
    if NUMBER.fullmatch(revision) or revision == "HEAD":
        return revision
    return f"{{{in_utc(revision, 'a number, HEAD')}}}"


def ask(url: str, revision: str) -> Snapshot:
    """One question. What changed last in the directory is what it is known by: commits elsewhere in the repository are none of it."""
    bare, peg = _address(url), check_revision(revision)
    source = f"{_without_user(bare)} at revision {revision}"
    with output_of(["svn", "info", *QUIETLY, f"{bare}@{peg}"], source) as output:
        answer = dict(line.split(": ", 1) for line in output.read().decode(errors="replace").splitlines() if ": " in line)
    try:
        number, changed, uuid = int(answer["Revision"]), int(answer["Last Changed Rev"]), answer["Repository UUID"]
        when = int(datetime.strptime(answer["Last Changed Date"][:25], "%Y-%m-%d %H:%M:%S %z").timestamp())
        base = unquote(answer["Relative URL"])[2:]
    except (KeyError, ValueError) as error:
        raise MoodleError(f"{source}: the answer of 'svn info' cannot be understood ({sentence(error)}).") from None
    if answer.get("Node Kind") != "directory":
        raise BadInput(f"{source} is a file: name the directory that shall be delivered.")

    def files(_scratch: Path) -> Iterator[ImportedFile]:
        with output_of(["svnrdump", "dump", "--quiet", *QUIETLY, "--revision", f"{number}:{number}", bare], source) as dump:
            yield from files_below(base, read_dump(dump), when, source)

    name = f"{_without_user(bare)}, r{changed}"
    return Snapshot(f"svn {name} {uuid}", f"Imported from Subversion: {name}", files, lasting=True)


def files_below(base: str, nodes: Iterator[Node], when: int, source: str) -> Iterator[ImportedFile]:
    """The files of the directory ``base``; directories above it are in a dump too."""
    externals = []
    for node in nodes:
        path = node.path if not base else node.path[len(base) + 1 :]
        if base and not f"{node.path}/".startswith(f"{base}/"):
            continue
        if "svn:externals" in node.properties:
            externals.append(shown(path) or "the directory itself")
        if not node.directory:
            yield _file(check_path(path, source), node, when, source)
    if externals:
        some = ", ".join(externals[:5]) + (", …" if externals[5:] else "")
        raise BadInput(
            f"{source} takes parts from elsewhere (svn:externals on {some}): these are not fetched, "
            "and without them the code is not whole. Copy them into the directory, and take the property away."
        )


def _file(path: str, node: Node, when: int, source: str) -> ImportedFile:
    if "svn:special" in node.properties:
        if not node.content.startswith(LINK):
            raise BadInput(f"{source}: {shown(path)} is special (svn:special), but no symbolic link.")
        return ImportedFile(path, "120000", node.content[len(LINK) :], when)
    return ImportedFile(path, "100755" if "svn:executable" in node.properties else "100644", node.content, when)


def _address(url: str) -> str:
    """The URL in which an @ cannot be taken for a revision."""
    parts = urlsplit(check_location(url))
    path = re.sub("//+", "/", parts.path).rstrip("/").replace("@", "%40")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
