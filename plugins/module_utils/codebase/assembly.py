# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts what was decided together in the store: patches applied, each part in its place, own files on top."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..common.errors import BadInput
from .changes import Component
from .decide import Decided
from .declaration.lock import Locked
from .declaration.manifest import Overlay
from .describe import Descriptions
from .git.compose import compose, inside, lay_over
from .git.store import Store
from .layers import overlay_tree, patched
from .placement import paths_of


@dataclass(frozen=True)
class Assembly:
    """The tree of a code base, and what is in it."""

    tree: str
    core_tree: str  # the core's own, without patches
    branch: str
    components: list[Component]
    locked: list[Locked]
    overlays: list[dict[str, str]]


def assemble(store: Store, descriptions: Descriptions, decided: Sequence[Decided], overlays: Sequence[Overlay]) -> Assembly:
    core, *plugins = decided
    trees = {part.locked.component: _tree(descriptions, part) for part in decided}
    for part in plugins:
        _refuse_another_name(part)
        descriptions.refuse_hazards(trees[part.locked.component], part.locked.component)
    paths = paths_of([(part.locked.component, part.facts["subplugins"]) for part in plugins], core.facts["places"], core.facts["root"])
    tree = compose(store, trees["moodle"], [(path, component, trees[component]) for component, path in paths.items()])
    laid = []
    for overlay in overlays:
        own = overlay_tree(store, Path(overlay.path))
        store.flush()
        descriptions.refuse_hazards(own, f"overlays: {overlay.path}")
        tree = lay_over(store, tree, inside(store, own, overlay.to))
        laid.append({"to": overlay.to or "/", "tree": own})
    store.flush()
    locked = [replace(part.locked, tree=trees[part.locked.component]) for part in decided]
    components = [_component(part, paths.get(part.locked.component, ""), trees[part.locked.component]) for part in decided]
    branch = str(core.facts["version"].get("branch", ""))
    return Assembly(tree, store.tree_of(core.locked.commit), branch, components, locked, laid)


def _tree(descriptions: Descriptions, part: Decided) -> str:
    return patched(descriptions, descriptions.store.tree_of(part.locked.commit), part.part.patches, part.locked.component)


def _refuse_another_name(part: Decided) -> None:
    declared = part.facts.get("version", {}).get("component", part.locked.component)
    if declared != part.locked.component:
        raise BadInput(
            f"{part.locked.component}: the source calls itself {declared}: correct the name in the code base file, or the source."
        )


def _component(part: Decided, path: str, tree: str) -> Component:
    version: dict[str, t.Any] = part.facts.get("version", {})
    return Component(
        component=part.locked.component,
        path=path,
        version=version.get("version"),
        release=version.get("release"),
        ref=part.locked.ref,
        commit=part.locked.commit,
        reason=part.locked.reason,
        tree=tree,
        rejected=tuple({"ref": left.ref, "reason": left.reason} for left in part.rejected),
    )
