# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a web server has to answer to, so that nodes are found under their addresses. Plain data in, plain data out."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from ..common.errors import BadInput
from .nodes import ADDRESS

# A web server takes a star, a tilde or a dot at the beginning for a pattern.
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]|\.(?=[a-z0-9_]))*")
_PATH = re.compile(r"/[A-Za-z0-9._/@+-]+")
_PLACE = "{name}"
HTTP, HTTPS = 80, 443

Certificate = tuple[str, str]
"""Its path and that of its key."""
_NONE: Certificate = ("", "")


def name_of(address: str) -> str:
    """The host name in a node's address, or nothing where a web server cannot be given it: no plain address, or none with a name."""
    try:
        parts = urlsplit(address if ADDRESS.fullmatch(address) else "")
        # A port that is none is refused here.
        name = (parts.hostname or "") if parts.port != 0 else ""
    except ValueError:
        return ""
    return name if _NAME.fullmatch(name) else ""


def servers(addresses: Iterable[str], usual: Certificate, others: Mapping[str, Certificate]) -> list[dict[str, t.Any]]:
    """What to answer to, one entry for all names with the same port and certificate.

    In paths of the ``usual`` certificate ``{name}`` is the node's host name; without one HTTPS ends before this web server. ``others`` are
    by host name. Nodes in sub-directories are found under another site's name.
    """
    found: dict[tuple[int, Certificate, bool], set[str]] = {}
    secure: set[str] = set()
    for address in addresses:
        name = name_of(address)
        if not name or urlsplit(address).path:
            continue
        certificate = _certificate(name, usual, others) if address.startswith("https:") else _NONE
        port = _port(address, certificate)
        found.setdefault((port, certificate, False), set()).add(name)
        if certificate[0] and port == HTTPS:
            secure.add(name)
    if to_lead := secure - found.get((HTTP, _NONE, False), set()):
        found[HTTP, _NONE, True] = to_lead
    return [
        {"names": sorted(names), "port": port, "certificate": certificate, "key": key, "redirect": redirect}
        for (port, (certificate, key), redirect), names in sorted(found.items())
    ]


def behind(addresses: Iterable[str], usual: Certificate, others: Mapping[str, Certificate]) -> list[str]:
    """The addresses with HTTPS that this web server answers to in HTTP, for it ends in a proxy before it."""
    return [address for address in addresses if address.startswith("https:") and not _certificate(name_of(address), usual, others)[0]]


def _certificate(name: str, usual: Certificate, others: Mapping[str, Certificate]) -> Certificate:
    certificate, key = others.get(name, usual)
    if bool(certificate) != bool(key):
        raise BadInput(f"The certificate of {name} needs both, the path of the certificate and that of its key.")
    for path in (certificate, key):
        if path and not _PATH.fullmatch(path.replace(_PLACE, name)):
            raise BadInput(
                f"The certificate of {name} has the path '{path}': an absolute one of letters, digits and . _ / @ + - is needed."
            )
    return certificate.replace(_PLACE, name), key.replace(_PLACE, name)


def _port(address: str, certificate: Certificate) -> int:
    """What the web server listens on: a port in an address that begins with https is the proxy's, where there is one."""
    parts = urlsplit(address)
    if parts.scheme == "https" and not certificate[0]:
        return HTTP
    return parts.port or (HTTPS if parts.scheme == "https" else HTTP)
