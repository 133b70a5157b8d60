# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts core and plugins together in the store: what each is, where it goes, and the tree that comes of it."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Sequence

from ..common.errors import BadInput, MoodleError
from .changes import Component
from .compose import compose, refuse_hazards
from .lock import Locked
from .php_tokens import Refused
from .placement import add_places, path_of, places_of_core, places_of_subplugins
from .store import Store
from .versionphp import read_plugin, read_version

SUBPLUGINS = "/db/subplugins.json"


class Assembly:
    """One core and its plugins, at the commits that were decided."""

    def __init__(self, store: Store, core: Locked, plugins: Sequence[Locked]) -> None:
        self.store = store
        self.plugins = plugins
        self.root = self._web_root(core)
        version = self._version_php(core, f"{self.root}version.php", read_version)
        self.branch = str(version.get("branch", ""))
        paths = self._paths(core)
        self.components = [_component(core, "", version)]
        self.components += [_component(plugin, paths[plugin.component], self._describe(plugin)) for plugin in plugins]
        grafts = [(paths[plugin.component], plugin.component, store.tree_of(plugin.commit)) for plugin in plugins]
        self.tree = compose(store, store.tree_of(core.commit), grafts)

    def _web_root(self, core: Locked) -> str:
        """Since 5.1 everything web-facing lies under ``public/``."""
        for root in ("", "public/"):
            if self.store.file(core.commit, f"{root}lib/components.json") is not None:
                return root
        raise MoodleError(f"moodle: {core.ref} of {core.source} has no lib/components.json: is it a Moodle, 3.9 or newer?")

    def _paths(self, core: Locked) -> dict[str, str]:
        """A plugin may bring the type of another one, whichever stands first in the file: place what can be placed, until all is."""
        places = self._core_places(core)
        paths: dict[str, str] = {}
        pending = list(self.plugins)
        while pending:
            ready = [plugin for plugin in pending if plugin.component.partition("_")[0] in places]
            for plugin in ready or pending[:1]:
                path = paths[plugin.component] = path_of(plugin.component, places)
                brought = self.store.file(plugin.commit, SUBPLUGINS[1:])
                if brought is not None:
                    add_places(places, places_of_subplugins(brought, path, self.root), plugin.component)
            pending = [plugin for plugin in pending if plugin.component not in paths]
        return paths

    def _core_places(self, core: Locked) -> dict[str, str]:
        places = places_of_core(self.store.file(core.commit, f"{self.root}lib/components.json") or b"", self.root)
        for _dummy, oid, path in self.store.files(core.commit):
            if path.endswith(SUBPLUGINS):
                owner = path[: -len(SUBPLUGINS)]
                add_places(places, places_of_subplugins(self.store.blob(oid), owner, self.root), owner)
        return places

    def _describe(self, plugin: Locked) -> dict[str, t.Any]:
        refuse_hazards(plugin.component, self.store.files(plugin.commit), lambda oid: self.store.blob(oid).decode(errors="replace"))
        version = self._version_php(plugin, "version.php", read_plugin)
        declared = version.get("component", plugin.component)
        if declared != plugin.component:
            raise BadInput(
                f"{plugin.component}: the source calls itself {declared}: correct the name in the code base file, or the source."
            )
        return version

    def _version_php(self, part: Locked, path: str, read: Callable[[str], dict[str, t.Any]]) -> dict[str, t.Any]:
        content = self.store.file(part.commit, path)
        if content is None:
            raise BadInput(f"{part.component}: {part.ref} has no {path}: is {part.source} the right repository?")
        try:
            return read(content.decode(errors="replace"))
        except Refused as refusal:
            raise MoodleError(f"{part.component}: {path} at {part.ref} cannot be read without guessing: {refusal.message}.") from None


def _component(part: Locked, path: str, version: dict[str, t.Any]) -> Component:
    return Component(
        part.component, path, version.get("version"), version.get("release"), part.ref, part.commit, f"asked for by {part.wanted}"
    )
