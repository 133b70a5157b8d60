# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the tree of a code base out of the core's tree and the plugins' trees: no file is checked out, no index is used."""

from __future__ import annotations

import posixpath
import typing as t
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...common.errors import BadInput

TREE, SYMLINK, SUBMODULE = "040000", "120000", "160000"


class Entry(t.NamedTuple):
    mode: str
    oid: str


Tree = dict[str, Entry]


class Trees(t.Protocol):
    """Where trees are read from and written to: a Git repository, or a dictionary in a test."""

    def read_tree(self, oid: str) -> Tree: ...

    def write_tree(self, tree: Tree) -> str: ...


@dataclass
class _Place:
    """A directory that compose touches: what is put there, and what below it."""

    component: str = ""
    oid: str = ""
    below: dict[str, _Place] = field(default_factory=dict)


def compose(trees: Trees, core: str, plugins: Iterable[tuple[str, str, str]]) -> str:
    """The id of the tree that is ``core`` with each plugin (path, component, tree id) put at its path, sub-plugins inside plugins too."""
    root = _Place("the core", core)
    for path, component, oid in sorted(plugins):
        place = root
        for name in path.split("/"):
            place = place.below.setdefault(name, _Place())
        if place.component:
            raise BadInput(f"{place.component} and {component} would both lie at {path}.")
        place.component, place.oid = component, oid
    return _grafted(trees, root, core, "", root.component)


def _grafted(trees: Trees, place: _Place, oid: str | None, path: str, owner: str) -> str:
    """The tree ``oid`` of ``owner`` with all that lies below ``place`` in it."""
    if not place.below and oid:
        return oid
    tree = trees.read_tree(oid) if oid else {}
    for name, child in place.below.items():
        here, found = f"{path}{name}", tree.get(name)
        if child.component and found is not None:
            raise BadInput(f"{child.component} would lie at {here}, where {owner} has its own code.")
        if found is not None and found.mode != TREE:
            raise BadInput(f"{here} is a file in {owner}: no plugin can lie below it.")
        start = child.oid or (found.oid if found else None)
        tree[name] = Entry(TREE, _grafted(trees, child, start, f"{here}/", child.component or owner))
    return trees.write_tree(tree)


def lay_over(trees: Trees, base: str, upper: str, where: str = "") -> str:
    """The tree ``base`` with the files of ``upper`` in it, in the place of those of the same name."""
    tree = trees.read_tree(base)
    for name, entry in trees.read_tree(upper).items():
        found = tree.get(name)
        if found is not None and (found.mode == TREE) != (entry.mode == TREE):
            kinds = ("a directory", "a file") if entry.mode == TREE else ("a file", "a directory")
            raise BadInput(f"overlays: {where}{name} is {kinds[0]}, and {kinds[1]} in the code base: remove one of them.")
        both = found is not None and entry.mode == TREE
        tree[name] = Entry(TREE, lay_over(trees, t.cast(Entry, found).oid, entry.oid, f"{where}{name}/")) if both else entry
    return trees.write_tree(tree)


def inside(trees: Trees, tree: str, path: str) -> str:
    """A tree that holds nothing but ``tree`` at ``path``."""
    for name in reversed([name for name in path.split("/") if name]):
        tree = trees.write_tree({name: Entry(TREE, tree)})
    return tree


def refuse_hazards(component: str, entries: Iterable[tuple[str, str, str]], link_target: t.Callable[[str], str]) -> None:
    """Stop at what cannot be published safely; ``entries`` are the (mode, id, path) of every file of a plugin."""
    folded: dict[str, str] = {}
    for mode, oid, path in entries:
        if mode == SUBMODULE:
            raise BadInput(
                f"{component}: {path} is a submodule, which would be empty: ask for a fork or a release that includes its files."
            )
        if any(part.lower() in ("..", ".git") for part in path.split("/")):
            raise BadInput(f"{component}: the path {path!r} is refused.")
        if mode == SYMLINK and _leaves(path, link_target(oid)):
            raise BadInput(f"{component}: the symbolic link {path} leads out of the plugin ({link_target(oid)!r}).")
        for part in (*_parents(path), path):
            other = folded.setdefault(part.casefold(), part)
            if other != part:
                raise BadInput(f"{component}: {other} and {part} differ only in case and would be one on some systems.")


def _parents(path: str) -> Iterable[str]:
    parts = path.split("/")
    return ("/".join(parts[:number]) for number in range(1, len(parts)))


def _leaves(path: str, target: str) -> bool:
    landing = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    # Behind a directory that may be a link itself, '..' leads where no text tells.
    steps = [part for part in target.split("/") if part not in ("", ".")]
    winding = ".." in steps[next((number for number, part in enumerate(steps) if part != ".."), len(steps)) :]
    return target.startswith("/") or winding or landing == ".." or landing.startswith("../")
