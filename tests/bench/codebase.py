# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Composing a code base: core and plugins become one commit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.process import SupportError
from support.sources import Source

from .measure import Race, Row, Way
from .workspace import Code, command, git, module

PROJECT = "campus"


@dataclass(frozen=True)
class Builder:
    """One project: its file, the store that all builds share, and the repository of what is built."""

    folder: Path
    code: Code

    @property
    def repository(self) -> Path:
        return self.folder / "campus.git"

    def build(self, *, changed: bool, offline: bool = True) -> dict[str, Any]:
        arguments = {
            "manifest": str(self.folder / "codebase.yml"),
            "store": str(self.folder.parent / "store.git"),
            "repository": str(self.repository),
            "offline": offline,
        }
        return module("moodle_codebase", arguments, changed=changed)

    def declare(self, plugins: Mapping[str, Source]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        parts = {name: {"source": plugin.url, "tag": plugin.ref} for name, plugin in plugins.items()}
        core = {"source": self.code.core.url, "tag": self.code.core.ref}
        # JSON is YAML.
        (self.folder / "codebase.yml").write_text(json.dumps({"project": PROJECT, "moodle": core, "plugins": parts}))


@dataclass(frozen=True)
class Editions:
    """The plugins, one of which has an edition for each round: every one of its files is another."""

    plugins: Mapping[str, Source]
    changing: str

    @classmethod
    def make(cls, code: Code, folder: Path, count: int) -> Editions:
        name = list(code.plugins)[-1]
        command("git", "clone", "--quiet", code.plugins[name].url, "--branch", code.plugins[name].ref, folder)
        for number in range(count):
            for file in folder.rglob("*.php"):
                with file.open("a") as text:
                    text.write(f"\n// Edition {number}.\n")
            git(folder, "commit", "--quiet", "--all", "-m", f"Edition {number}")
            git(folder, "tag", f"edition-{number}")
        return cls({**code.plugins, name: Source(str(folder), "")}, name)

    def at(self, number: int) -> dict[str, Source]:
        return {**self.plugins, self.changing: Source(self.plugins[self.changing].url, f"edition-{number}")}


def race(code: Code, folder: Path, rounds: int) -> Race:
    editions = Editions.make(code, folder / "changing", rounds + 1)
    store_all(code, editions, folder, rounds + 1)
    still, moving = Builder(folder / "still", code), Builder(folder / "moving", code)
    for builder in (still, moving):
        builder.declare(editions.at(0))
        built = builder.build(changed=True)
    paths = {part["component"]: part["path"] for part in built["components"] if part["path"]}
    kept = clone_all(code, editions.at(0), paths, folder / "kept")
    refuse_other_work(built["tree"], git(kept, "rev-parse", "HEAD^{tree}"))

    unchanged = Way("module, nothing changed", lambda _: still.build(changed=False))
    one_plugin = Way(
        "module, one plugin changed",
        lambda _: moving.build(changed=True),
        lambda number: moving.declare(editions.at(number + 1)),
    )
    again = Way(
        "clone all, `git add`, commit",
        lambda number: clone_all(code, editions.at(number + 1), paths, folder / "cloned"),
        lambda _: shutil.rmtree(folder / "cloned", ignore_errors=True),
    )
    into_kept = Way(
        "clone the plugin into a kept work tree, `git add`, commit",
        lambda number: replace_plugin(kept, paths[editions.changing], editions.at(number + 1)[editions.changing]),
    )
    works = f"core and {len(code.plugins)} plugins to one commit"
    note = (
        "The module runs `offline` with all sources in its store, in a Python process of its own, and pushes its commit, tag and lock to a "
        "repository. The ordinary way clones from repositories on the same disk, by hard links and without history, and pushes nothing."
    )
    return Race(
        code.name,
        rounds,
        [
            Row(f"{works}, nothing changed", unchanged, again, note),
            Row(f"{works}, one plugin changed", one_plugin, again, note),
            Row(f"{works}, one plugin changed, beside a work tree that was kept", one_plugin, into_kept, note),
        ],
    )


def store_all(code: Code, editions: Editions, folder: Path, count: int) -> None:
    """Fill the store with every source, through code bases that are none of those that are measured."""
    filler = Builder(folder / "filler", code)
    for number in range(count):
        filler.declare(editions.at(0) if number == 0 else {editions.changing: editions.at(number)[editions.changing]})
        filler.build(changed=True, offline=False)


def clone_all(code: Code, plugins: Mapping[str, Source], paths: Mapping[str, str], target: Path) -> Path:
    """Core at its tag, each plugin cloned into its place, one commit of all."""
    command("git", "clone", "--quiet", "--branch", code.core.ref, code.core.url, target)
    for name, plugin in plugins.items():
        _put_plugin(plugin, target / paths[name])
    _commit(target)
    return target


def replace_plugin(work_tree: Path, path: str, plugin: Source) -> None:
    shutil.rmtree(work_tree / path)
    _put_plugin(plugin, work_tree / path)
    _commit(work_tree)


def _put_plugin(plugin: Source, place: Path) -> None:
    command("git", "clone", "--quiet", "--branch", plugin.ref, plugin.url, place)
    shutil.rmtree(place / ".git")


def _commit(work_tree: Path) -> None:
    command("git", "-C", work_tree, "add", "--all", "--force")
    command("git", "-C", work_tree, "commit", "--quiet", "-m", "Code base")


def refuse_other_work(ours: str, ordinary: str) -> None:
    """Only ways with the same outcome can be compared."""
    if ours != ordinary:
        raise SupportError(f"The module made the tree {ours}, the ordinary way {ordinary}: they do not do the same work.")
