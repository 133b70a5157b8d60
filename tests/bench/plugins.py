# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A code base of a hundred plugins: built again, built for the first time, and how the time grows with their number."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from support.sources import Source

from .codebase import Builder, clone, clone_all, commit_all, refuse_other_work, replace_plugin
from .measure import Growth, Race, Row, Way
from .shapes import CHANGING, Plugin, make_plugins
from .workspace import Code, command, git, packed, start

MANY = 100
COUNTS = (10, 50, 100, 500)
CHANGED = Plugin.numbered(CHANGING).component
WAITING = 0.3

PRESENT = (
    "All sources are in the store, and the module runs `offline`, in a Python process of its own. The plugins are made up, with the shapes "
    "of real ones: 30 to 150 files, eight releases, six branches. The ordinary way clones from repositories on the same disk, by hard "
    "links, one after the other; what `cp -R` copies lies there at the wanted release. Neither publishes anything."
)
PACKED = "Ansible brings a module to its host in one archive, out of which Python compiles it each time; the other rows find it compiled."
LEAST = "Python reads the module and Ansible's libraries, and does nothing: the least that any module takes, whatever it is asked for."
CHECKED = "The module has PHP check each file that changed, and pushes commit, tag and lock to a repository: the ordinary way does neither."
FIRST = "Store and repository are made anew, and all is pushed. The sources lie on the same disk: no network whose waiting could overlap."
LINTED = "PHP compiles every PHP file of the plugins: the module's default. The ordinary way has no such check."
BEHIND_LINE = f"Each connection to a source waits {WAITING} s before it gives anything. The ordinary way clones with `--depth=1`."


@dataclass(frozen=True)
class Campus:
    """So many plugins, one of which has an edition for each round, and the projects that are built of them."""

    code: Code
    folder: Path
    repository: Path
    sources: Mapping[str, Source]

    def at(self, edition: int) -> dict[str, Source]:
        return {**self.sources, CHANGED: replace(self.sources[CHANGED], ref=f"edition-{edition}")}

    def left_open(self) -> dict[str, Source]:
        return {name: replace(plugin, ref="") for name, plugin in self.sources.items()}

    def builder(self, name: str, plugins: Mapping[str, Source]) -> Builder:
        project = f"{name}-{len(self.sources)}"
        builder = Builder(self.folder / project, self.code, project, self.repository)
        builder.declare(plugins)
        return builder

    def fill_store(self, plugins: Mapping[str, Source]) -> None:
        """Through a project that is none of those that are measured."""
        self.builder("filler", plugins).build(changed=True, offline=False, lint=False)

    def fill_store_as_named(self, editions: int) -> None:
        """Only what the files name; with every ref of hundreds of sources it takes minutes."""
        self.fill_store(self.sources)
        for edition in range(editions):
            self.fill_store({CHANGED: self.at(edition)[CHANGED]})

    def still(self, name: str, plugins: Mapping[str, Source]) -> Builder:
        """A project that has been built."""
        builder = self.builder(name, plugins)
        builder.build(changed=True, lint=False)
        return builder

    def moving(self) -> Way:
        """The project's one plugin gets the edition of the round."""
        moving = self.still("moving", self.at(0))
        return Way("module, one plugin changed", lambda _: moving.build(changed=True), lambda number: moving.declare(self.at(number + 1)))


def race(code: Code, folder: Path, rounds: int) -> Race:
    """Building again: nothing or little changed."""
    campus = Campus(code, folder, folder / "campus.git", make_plugins(folder / "sources", MANY, rounds + 1))
    campus.fill_store(campus.left_open())
    named, left_open = campus.still("named", campus.sources), campus.still("left-open", campus.left_open())
    paths, tree = _built(named)
    kept = clone_all(code, campus.sources, paths, folder / "kept")
    for other in (_built(left_open)[1], git(kept, "rev-parse", "HEAD^{tree}")):
        refuse_other_work(tree, other)
    ready = {name: Path(shutil.copytree(kept / path, folder / "ready" / name)) for name, path in paths.items()}

    still = _still("module, refs named in the file", named)
    brought = packed(folder)
    still_packed = Way("module, packed as Ansible brings it", lambda _: named.build(changed=False, **brought))
    still_left_open = _still("module, refs left to it, as the lock holds them", left_open)
    alone = Way("Python's start alone", lambda _: start("moodle_codebase"))
    moving = campus.moving()
    again = _again(campus, paths)
    copied = Way(
        "clone core, `cp -R` each plugin, `git add`, commit",
        lambda _: _copy_all(code, ready, paths, folder / "copied"),
        lambda _: shutil.rmtree(folder / "copied", ignore_errors=True),
    )
    into_kept = Way(
        "clone the plugin into a kept work tree, `git add`, commit",
        lambda number: replace_plugin(kept, paths[CHANGED], campus.at(number + 1)[CHANGED]),
    )
    works = _works(kept, paths)
    return Race(
        code.name,
        rounds,
        [
            Row(f"{works}, nothing changed", still, again, PRESENT),
            Row(f"{works}, nothing changed", still_packed, again, PACKED),
            Row(f"{works}, nothing changed", still_left_open, again, PRESENT),
            Row(f"{works}, nothing changed", still, copied, PRESENT),
            Row(f"{works}: what of ours is Python's start", alone, again, LEAST),
            Row(f"{works}, one plugin changed", moving, again, CHECKED),
            Row(f"{works}, one plugin changed, beside a work tree that was kept", moving, into_kept, CHECKED),
        ],
    )


def race_on_disk(code: Code, folder: Path, rounds: int) -> Race:
    """The same where hard links save something: memory is kind to whoever writes much."""
    campus = Campus(code, folder, folder / "campus.git", make_plugins(folder / "sources", MANY, rounds + 1))
    campus.fill_store_as_named(rounds + 1)
    named = campus.still("named", campus.sources)
    paths, tree = _built(named)
    kept = clone_all(code, campus.sources, paths, folder / "kept")
    refuse_other_work(tree, git(kept, "rev-parse", "HEAD^{tree}"))
    again = _again(campus, paths)
    works = _works(kept, paths)
    return Race(
        f"{code.name}, on a disk",
        rounds,
        [
            Row(f"{works}, nothing changed", _still("module, refs named in the file", named), again, PRESENT),
            Row(f"{works}, one plugin changed", campus.moving(), again, CHECKED),
        ],
    )


def race_from_nothing(code: Code, folder: Path, rounds: int) -> Race:
    """The first build: everything has to be fetched."""
    sources = make_plugins(folder / "sources", MANY, 0)
    line = _Line.make(folder / "line", WAITING)
    far = replace(code, core=line.to(code.core))
    far_sources = {name: line.to(source) for name, source in sources.items()}

    def first(name: str, of: Code, plugins: Mapping[str, Source]) -> Builder:
        builder = Builder(folder / "first" / name, of)
        builder.declare(plugins)
        return builder

    def clean(_round: int) -> None:
        for name in ("first", "cloned"):
            shutil.rmtree(folder / name, ignore_errors=True)

    def over_the_line(_round: int) -> None:
        with line.used():
            first("far", far, far_sources).build(changed=True, offline=False, lint=False)

    def clone_over_the_line(_round: int) -> None:
        with line.used():
            clone_all(far, far_sources, paths, folder / "cloned", "--depth=1")

    near = first("near", code, sources)
    built = near.build(changed=True, offline=False, lint=False)
    paths = {part["component"]: part["path"] for part in built["components"] if part["path"]}
    kept = clone_all(code, sources, paths, folder / "cloned")
    refuse_other_work(built["tree"], git(kept, "rev-parse", "HEAD^{tree}"))
    works = f"{_works(kept, paths)}, first build"

    def build(lint: bool) -> None:
        first("near", code, sources).build(changed=True, offline=False, lint=lint)

    unchecked = Way("module without its PHP check, store empty", lambda _: build(lint=False), clean)
    linted = Way("module with its PHP check, store empty", lambda _: build(lint=True), clean)
    ordinary = Way("clone all one after the other, `git add`, commit", lambda _: clone_all(code, sources, paths, folder / "cloned"), clean)
    far_unchecked = Way("module without its PHP check, store empty, sources behind a line", over_the_line, clean)
    far_ordinary = Way("clone all one after the other from behind the line, `git add`, commit", clone_over_the_line, clean)
    return Race(
        code.name,
        rounds,
        [
            Row(works, unchecked, ordinary, FIRST),
            Row(works, linted, ordinary, LINTED),
            Row(works, far_unchecked, far_ordinary, BEHIND_LINE),
        ],
    )


def growth(code: Code, folder: Path, rounds: int) -> Growth:
    most = make_plugins(folder / "sources", max(COUNTS), rounds + 1)
    everything = Campus(code, folder, folder / "campus.git", most)
    everything.fill_store_as_named(rounds + 1)
    ways: dict[str, dict[int, Way]] = {}
    for count in COUNTS:
        campus = replace(everything, sources=dict(islice(most.items(), count)))
        for way in (_still("module, nothing changed", campus.still("named", campus.sources)), campus.moving()):
            ways.setdefault(way.name, {})[count] = way
    return Growth(code.name, rounds, "plugins", ways)


@dataclass(frozen=True)
class _Line:
    """A connection to sources on this machine that takes its time, as one over a network does. It passes for ssh."""

    program: Path

    @classmethod
    def make(cls, program: Path, seconds: float) -> _Line:
        # The last word is what ssh would have the other side do.
        program.write_text(f'#!/bin/sh\nsleep {seconds}\nfor word; do :; done\nexec sh -c "$word"\n')
        program.chmod(0o700)
        return cls(program)

    def to(self, source: Source) -> Source:
        return replace(source, url=f"ssh://behind-the-line{source.url}")

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        ours = {"GIT_SSH_COMMAND": str(self.program), "GIT_SSH_VARIANT": "ssh"}
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def _still(name: str, builder: Builder) -> Way:
    return Way(name, lambda _: builder.build(changed=False))


def _built(builder: Builder) -> tuple[dict[str, str], str]:
    """Where the plugins lie, and the whole tree."""
    built = builder.build(changed=False)
    return {part["component"]: part["path"] for part in built["components"] if part["path"]}, built["tree"]


def _works(kept: Path, paths: Mapping[str, str]) -> str:
    files = len(git(kept, "ls-files", "--", *paths.values()).splitlines())
    return f"core and {len(paths)} plugins ({files:,} files) to one commit"


def _again(campus: Campus, paths: Mapping[str, str]) -> Way:
    place = campus.folder / "cloned"
    return Way(
        "clone all, `git add`, commit",
        lambda number: clone_all(campus.code, campus.at(number + 1), paths, place),
        lambda _: shutil.rmtree(place, ignore_errors=True),
    )


def _copy_all(code: Code, ready: Mapping[str, Path], paths: Mapping[str, str], target: Path) -> None:
    clone(code.core, target)
    for name, path in paths.items():
        command("cp", "-R", ready[name], target / path)
    commit_all(target)
