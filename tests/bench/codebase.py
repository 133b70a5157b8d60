# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Composing a code base: core and plugins become one commit."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from support.process import SupportError
from support.sources import Source

from .measure import Race, Row, Way
from .workspace import PHP, Code, command, git, module


@dataclass(frozen=True)
class Builder:
    """One project: its file, the repository of what is built, and the store beside its folder, which builds there share."""

    folder: Path
    code: Code
    project: str = "campus"
    shared: Path | None = None
    """A repository that holds other projects too, so that what they have in common is pushed once."""

    @property
    def repository(self) -> Path:
        return self.shared or self.folder / "campus.git"

    @property
    def store(self) -> Path:
        return self.folder.parent / "store.git"

    def build(self, *, changed: bool, offline: bool = True, lint: bool = True, **environment: str) -> dict[str, Any]:
        arguments = {
            "manifest": str(self.folder / "codebase.yml"),
            "store": str(self.store),
            "repository": str(self.repository),
            "offline": offline,
            "lint": lint,
            "_php": str(PHP),
        }
        return module("moodle_codebase", arguments, changed=changed, **environment)

    def declare(self, plugins: Mapping[str, Source]) -> None:
        """Write the file; the ref of a plugin without one is left to the module."""
        self.folder.mkdir(parents=True, exist_ok=True)
        parts = {name: {"source": plugin.url, **({"tag": plugin.ref} if plugin.ref else {})} for name, plugin in plugins.items()}
        core = {"source": self.code.core.url, "tag": self.code.core.ref}
        # In lines as people write them: JSON would be YAML too, but not what is read in practice.
        text = yaml.safe_dump({"project": self.project, "moodle": core, "plugins": parts}, sort_keys=False)
        (self.folder / "codebase.yml").write_text(text)


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


def clone_all(code: Code, plugins: Mapping[str, Source], paths: Mapping[str, str], target: Path, *options: str) -> Path:
    """Core at its tag, each plugin cloned into its place, one commit of all."""
    clone(code.core, target, *options)
    for name, plugin in plugins.items():
        _put_plugin(plugin, target / paths[name], *options)
    commit_all(target)
    return target


def replace_plugin(work_tree: Path, path: str, plugin: Source) -> None:
    shutil.rmtree(work_tree / path)
    _put_plugin(plugin, work_tree / path)
    commit_all(work_tree)


def _put_plugin(plugin: Source, place: Path, *options: str) -> None:
    clone(plugin, place, *options)
    shutil.rmtree(place / ".git")


def clone(source: Source, target: Path, *options: str) -> None:
    command("git", "clone", "--quiet", *options, "--branch", source.ref, source.url, target)


def commit_all(work_tree: Path) -> None:
    command("git", "-C", work_tree, "add", "--all", "--force")
    # Git's own housekeeping would come upon so many new files, at the cost of whoever is measured next.
    command("git", "-C", work_tree, "-c", "gc.auto=0", "commit", "--quiet", "-m", "Code base")


def refuse_other_work(ours: str, ordinary: str) -> None:
    """Only ways with the same outcome can be compared."""
    if ours != ordinary:
        raise SupportError(f"The module made the tree {ours}, the ordinary way {ordinary}: they do not do the same work.")
