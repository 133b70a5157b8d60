# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each plugin goes: read from the core that is being assembled, never from a list of our own."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..common.errors import BadInput


def path_of(component: str, places: Mapping[str, str]) -> str:
    """Where a plugin lies, given the directory of each plugin type relative to the root of the code base."""
    kind, _dummy, name = component.partition("_")
    if kind not in places:
        raise BadInput(f"{component}: this Moodle has no plugin type '{kind}', and no plugin of the code base brings it.")
    return f"{places[kind]}/{name}"


def places_of_core(components_json: bytes, root: str) -> dict[str, str]:
    """Plugin types from ``lib/components.json``; since 5.1 their paths are relative to ``public/``, given as ``root``."""
    types = _object(components_json, f"{root}lib/components.json").get("plugintypes")
    if not isinstance(types, dict):
        raise BadInput(f"{root}lib/components.json of the core has no 'plugintypes': is the source a Moodle?")
    return _places(types, root, f"{root}lib/components.json")


def places_of_subplugins(subplugins_json: bytes, owner: str, root: str) -> dict[str, str]:
    """Plugin types that the plugin at the path ``owner`` brings: 5.0's paths are relative to it, the older ones to the root."""
    content = _object(subplugins_json, f"{owner}/db/subplugins.json")
    relative, absolute = content.get("subplugintypes"), content.get("plugintypes")
    if isinstance(relative, dict):
        return _places(relative, f"{owner}/", f"{owner}/db/subplugins.json")
    if isinstance(absolute, dict):
        return _places(absolute, root, f"{owner}/db/subplugins.json")
    return {}


def add_places(known: dict[str, str], brought: Mapping[str, str], bringer: str) -> None:
    """Add the types that ``bringer`` brings; it must not move those of somebody else."""
    for kind, path in brought.items():
        if known.setdefault(kind, path) != path:
            raise BadInput(f"{bringer} declares the plugin type '{kind}' at {path}, which lies at {known[kind]} already.")


def _places(types: Mapping[str, object], prefix: str, name: str) -> dict[str, str]:
    places = {kind: f"{prefix}{path}" for kind, path in types.items() if isinstance(path, str)}
    for kind, path in places.items():
        if any(part.lower() in ("", ".", "..", ".git") for part in path.split("/")) or not path.isprintable():
            raise BadInput(f"{name} puts the plugin type '{kind}' at {path!r}, which is not a place inside a code base.")
    return places


def _object(content: bytes, name: str) -> dict[str, object]:
    try:
        value = json.loads(content)
    except ValueError as error:
        raise BadInput(f"{name} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise BadInput(f"{name} holds no JSON object.")
    return value
