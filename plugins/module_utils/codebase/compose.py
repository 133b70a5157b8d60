# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the tree of a code base out of the core's tree and the plugins' trees: no file is checked out, no index is used."""

from __future__ import annotations

import posixpath
import typing as t
from collections.abc import Iterable, Mapping

from ..common.errors import BadInput

TREE, SYMLINK, SUBMODULE = "040000", "120000", "160000"


class Entry(t.NamedTuple):
    mode: str
    oid: str


Tree = dict[str, Entry]


class Trees(t.Protocol):
    """Where trees are read from and written to: a Git repository, or a dictionary in a test."""

    def read_tree(self, oid: str) -> Tree: ...

    def write_tree(self, tree: Tree) -> str: ...


def compose(trees: Trees, core: str, plugins: Iterable[tuple[str, str, str]]) -> str:
    """The id of the tree that is ``core`` with each plugin (path, component, tree id) put at its path."""
    nested: dict[str, t.Any] = {}
    for path, component, oid in sorted(plugins):
        *parents, name = path.split("/")
        level = nested
        for parent in parents:
            level = level.setdefault(parent, {})
            if isinstance(level, tuple):
                raise BadInput(f"{component} would lie at {path}, inside {level[0]}: its parent has to be part of the core.")
        if name in level:
            other = level[name][0] if isinstance(level[name], tuple) else "another plugin"
            raise BadInput(f"{component} and {other} would both lie at {path}.")
        level[name] = (component, oid)
    return _graft(trees, core, nested, "")


def _graft(trees: Trees, oid: str | None, changes: Mapping[str, t.Any], path: str) -> str:
    tree = trees.read_tree(oid) if oid else {}
    for name, change in changes.items():
        here, found = f"{path}{name}", tree.get(name)
        if isinstance(change, tuple):
            component, plugin = change
            if found is not None:
                raise BadInput(f"{component} would lie at {here}, where the core has its own code.")
            tree[name] = Entry(TREE, plugin)
        else:
            if found is not None and found.mode != TREE:
                raise BadInput(f"{here} is a file in the core: no plugin can lie below it.")
            tree[name] = Entry(TREE, _graft(trees, found.oid if found else None, change, f"{here}/"))
    return trees.write_tree(tree)


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
        other = folded.setdefault(path.casefold(), path)
        if other != path:
            raise BadInput(f"{component}: {other} and {path} differ only in case and would be one file on some systems.")


def _leaves(path: str, target: str) -> bool:
    landing = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return target.startswith("/") or landing == ".." or landing.startswith("../")
