# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each plugin goes: read from the core that is being assembled, never from a list of our own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from ..common.errors import BadInput

Types = dict[str, dict[str, str]]
FORMS = ("plugintypes", "subplugintypes")


def paths_of(plugins: Sequence[tuple[str, Types]], places: Mapping[str, str], root: str) -> dict[str, str]:
    """Where each plugin lies, given the directory of each type in the core.

    A plugin may bring the type of another one, whichever stands first in the file: place what can be placed, until all is.
    """
    known = dict(places)
    paths: dict[str, str] = {}
    pending = list(plugins)
    while pending:
        ready = [plugin for plugin in pending if plugin[0].partition("_")[0] in known]
        if not ready:
            kind = pending[0][0].partition("_")[0]
            raise BadInput(f"{pending[0][0]}: this Moodle has no plugin type '{kind}', and no plugin of the code base brings it.")
        for component, types in ready:
            kind, _dummy, name = component.partition("_")
            paths[component] = f"{known[kind]}/{name}"
            add_places(known, types, paths[component], root)
        pending = [plugin for plugin in pending if plugin[0] not in paths]
    return paths


def places_of_core(components_json: bytes, root: str) -> dict[str, str]:
    """Plugin types from ``lib/components.json``; since 5.1 their paths are relative to ``public/``, given as ``root``."""
    name = f"{root}lib/components.json"
    types = _object(components_json, name).get("plugintypes")
    if not isinstance(types, dict):
        raise BadInput(f"{name} of the core has no 'plugintypes': is the source a Moodle?")
    return {kind: f"{root}{path}" for kind, path in checked(types, name).items()}


def read_subplugins_json(content: bytes) -> Types:
    """The plugin types that a plugin brings: ``plugintypes`` relative to the root, ``subplugintypes`` (since 5.0) to the plugin."""
    found = _object(content, "db/subplugins.json")
    return {form: checked(types, "db/subplugins.json") if isinstance(types := found.get(form), dict) else {} for form in FORMS}


def add_places(known: dict[str, str], types: Mapping[str, Mapping[str, str]], owner: str, root: str) -> dict[str, str]:
    """Add the types that the plugin at ``owner`` brings, and return them; it must not move those of somebody else."""
    relative, absolute = types.get("subplugintypes"), types.get("plugintypes") or {}
    brought = {kind: f"{owner}/{path}" for kind, path in relative.items()} if relative else {k: f"{root}{p}" for k, p in absolute.items()}
    for kind, path in brought.items():
        if known.setdefault(kind, path) != path:
            raise BadInput(f"The plugin at {owner} declares the plugin type '{kind}' at {path}, which lies at {known[kind]} already.")
    return brought


def checked(types: Mapping[str, object], name: str) -> dict[str, str]:
    """The directory of each type; nobody may lead a plugin out of the code base."""
    places = {kind: path for kind, path in types.items() if isinstance(path, str)}
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
