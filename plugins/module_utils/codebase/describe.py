# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a core or a plugin says of itself, read from its tree. A tree never changes, so that what was read once is kept."""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.files import write_atomically
from .git.compose import TREE, refuse_hazards
from .git.gitrepo import GitRepository
from .git.store import Store
from .php.tokens import Refused
from .php.versionphp import read_plugin, read_subplugins, read_version
from .placement import Types, add_places, checked, places_of_core, read_subplugins_json

KEPT = "described.json"
EDITION = 1  # raise it when what is read or refused changes
MOST = 20_000
Facts = dict[str, t.Any]
T = t.TypeVar("T")


@dataclass
class Descriptions:
    """Reads trees, and keeps in the store what was read."""

    store: Store
    _kept: dict[str, t.Any] = field(default_factory=dict, init=False)
    _new: dict[str, t.Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._kept = _load(self._path)

    @property
    def _path(self) -> Path:
        return self.store.path / KEPT

    def plugin(self, tree: str, component: str) -> Facts:
        """``version`` (the properties of $plugin) or ``refused`` (why not), ``subplugins`` (the types it brings) and ``brings``."""
        return self.once(f"{component} {tree}", lambda: describe_plugin(self.store, tree, component))

    def core(self, tree: str) -> Facts:
        """``version`` (its variables), ``root``, ``places`` (directory of each plugin type) and ``plugins`` (version of each)."""
        return self.once(f"moodle {tree}", lambda: describe_core(self.store, tree))

    def refuse_hazards(self, tree: str, component: str) -> None:
        """Stop at what cannot be published safely."""

        def check() -> bool:
            refuse_hazards(component, self.store.files(tree), lambda oid: self.store.blob(oid).decode(errors="replace"))
            return True

        self.once(f"harmless {tree}", check)

    def once(self, key: str, work: Callable[[], T]) -> T:
        """The result of ``work``, done only if it is not known; it must depend on nothing but what ``key`` names."""
        if key not in self._kept:
            self._kept[key] = self._new[key] = work()
        return t.cast(T, self._kept[key])

    def keep(self) -> None:
        """Write down what is new, beside what others found meanwhile."""
        if not self._new:
            return
        with self.store.writing():
            merged = {**_load(self._path), **self._new}
            data = {"edition": EDITION, "trees": merged if len(merged) <= MOST else self._kept}
            text = json.dumps(data, separators=(",", ":")).encode()
            write_atomically(self._path, _digest(text) + b"\n" + text)
        self._new = {}


def _load(path: Path) -> dict[str, t.Any]:
    """What was kept; a file that is missing, damaged or of another edition holds nothing."""
    try:
        digest, _newline, text = path.read_bytes().partition(b"\n")
        data = json.loads(text)
        return dict(data["trees"]) if digest == _digest(text) and data["edition"] == EDITION else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _digest(text: bytes) -> bytes:
    """What is kept decides what is built: a single byte that turned would do so unseen."""
    return hashlib.sha256(text).hexdigest().encode()


# Plugins


def describe_plugin(store: GitRepository, tree: str, component: str) -> Facts:
    facts = _read(store.file(tree, "version.php"), "version.php", read_plugin)
    types = subplugin_types(store, tree)
    # The old form is relative to Moodle's root, and names the plugin's own directory on the way.
    folder = f"/{component.partition('_')[2]}/"
    inside = {kind: path.partition(folder)[2] for kind, path in types["plugintypes"].items()}
    brings: Facts = {}
    for kind, path in {**inside, **types["subplugintypes"]}.items():
        brings.update(_versions_below(store, tree, path, kind))
    return {**facts, "subplugins": types, "brings": brings}


def _versions_below(store: GitRepository, tree: str, path: str, kind: str) -> Facts:
    """The version of each plugin of a type that lies in a directory of the tree."""
    found: Facts = {}
    for name, entry in store.subtree(tree, path).items():
        if entry.mode == TREE and name.isidentifier():
            content = store.file(entry.oid, "version.php")
            if content is not None:
                found[f"{kind}_{name}"] = _read(content, "version.php", read_plugin).get("version", {}).get("version")
    return found


def subplugin_types(store: GitRepository, tree: str) -> Types:
    content = store.file(tree, "db/subplugins.json")
    if content is not None:
        return read_subplugins_json(content)
    old = store.file(tree, "db/subplugins.php")
    if old is not None:
        try:
            types = read_subplugins(old.decode(errors="replace"))
        except Refused as refusal:
            raise MoodleError(f"db/subplugins.php cannot be read without guessing: {refusal.message}.") from None
        return {"plugintypes": checked(types, "db/subplugins.php"), "subplugintypes": {}}
    return {"plugintypes": {}, "subplugintypes": {}}


def _read(content: bytes | None, path: str, read: Callable[[str], dict[str, t.Any]]) -> Facts:
    if content is None:
        return {"refused": f"it has no {path}"}
    try:
        return {"version": read(content.decode(errors="replace"))}
    except Refused as refusal:
        return {"refused": f"{path} cannot be read without guessing: {refusal.message}"}


# The core


def describe_core(store: GitRepository, tree: str) -> Facts:
    root = next((root for root in ("", "public/") if store.file(tree, f"{root}lib/components.json") is not None), None)
    if root is None:
        raise BadInput("it has no lib/components.json: is it a Moodle, 3.9 or newer?")
    facts = _read(store.file(tree, f"{root}version.php"), f"{root}version.php", read_version)
    if "refused" in facts:
        raise BadInput(facts["refused"])
    places = places_of_core(store.file(tree, f"{root}lib/components.json") or b"", root)
    plugins: Facts = {}
    pending = dict(places)
    while pending:
        kind, path = pending.popitem()
        for name, entry in store.subtree(tree, path).items():
            content = store.file(entry.oid, "version.php") if entry.mode == TREE else None
            if content is None:
                continue
            plugins[f"{kind}_{name}"] = _read(content, "version.php", read_plugin).get("version", {}).get("version")
            known = set(places)
            brought = add_places(places, subplugin_types(store, entry.oid), f"{path}/{name}", root)
            pending.update((kind, place) for kind, place in brought.items() if kind not in known)
    return {**facts, "root": root, "places": places, "plugins": plugins}
