# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares what is desired, locked, built and deployed with what the sources offer. Changes nothing but the store."""

from __future__ import annotations

import posixpath
import typing as t
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..common.errors import MoodleError
from ..common.process import without_secrets
from .build import Build
from .changes import components_of, contents
from .declaration.manifest import Manifest
from .git.gitrepo import explained
from .git.store import Store
from .php.tokens import Refused
from .php.versionphp import read_plugin, read_version
from .repository import Repository

Row = dict[str, t.Any]


@dataclass
class Survey:
    """``run()`` tells how far the stages of one code base are apart."""

    manifest: Manifest
    store: Store
    repository: Repository
    lock_file: Path | None
    revisions: Sequence[str] = ()  # commits that hosts serve
    repository_of: Callable[[str], str] | None = None
    resolve_dependencies: bool = False
    report: Callable[[int, int], None] = lambda done, total: None
    warnings: list[str] = field(default_factory=list)

    def run(self) -> dict[str, t.Any]:
        build = self._build([])
        last = self.repository.last_build()
        published = build.locked_in(last)
        locked = build.lock(published)
        planned = build.run()
        built = {"commit": last.commit, "tree": last.tree, "tag": last.tag} if last else {}
        held = {row["component"]: row["same"] for row in self._held(last.commit, planned)} if last else {}
        decisions = {frozenset((part["component"], part["ref"], part["commit"]) for part in planned["components"])}
        decisions |= {frozenset((entry.component, entry.ref, entry.commit) for entry in lock.values()) for lock in (locked, published)}
        return {
            "changed": False,
            "project": self.manifest.project,
            "desired": [self._desired(part) for part in (self.manifest.moodle, *self.manifest.plugins)],
            "locked": [asdict(entry) for entry in locked.values()],
            "built": {**built, "components": [{**asdict(entry), "same": held.get(name, False)} for name, entry in published.items()]},
            "planned": planned["components"],
            "outdated": self._outdated(planned["components"]),
            "deployed": {revision: self._deployed(revision, planned) for revision in self.revisions},
            "in_sync": not planned["changed"] and len(decisions) == 1,
            "warnings": list(dict.fromkeys(self.warnings)),
        }

    def _build(self, update: list[str]) -> Build:
        return Build(
            self.manifest,
            self.store,
            self.repository,
            self.lock_file,
            update,
            tag=None,
            check_mode=True,
            repository_of=self.repository_of,
            resolve_dependencies=self.resolve_dependencies,
            report=self.report,
            warnings=self.warnings,
        )

    @staticmethod
    def _desired(part: t.Any) -> Row:
        return {"component": part.component, "source": without_secrets(part.source), "wanted": str(part.wanted)}

    def _outdated(self, planned: Sequence[Row]) -> list[Row]:
        """What a build with ``update: all`` would take instead."""
        if self.store.offline:
            self.warnings.append("What the sources offer was not asked: 'offline' is set. What the store knows of them is compared.")
        try:
            fresh = {part["component"]: part for part in self._build(["all"]).run()["components"]}
        except MoodleError as error:
            self.warnings.append(f"What is new cannot be told: {error.message}")
            return []
        found = []
        for part in planned:
            new = fresh.get(part["component"])
            if new and new["commit"] != part["commit"]:
                found.append(
                    {"component": part["component"], "current": _named(part), "available": _named(new), "reason": new["reason"]},
                )
        return found

    def _deployed(self, revision: str, planned: Row) -> list[Row]:
        """What a commit of the repository holds of each component, and whether that is what a build would give now."""
        if self.store.commit_of(revision) is None:
            what = f"the commit {revision}, which a host serves, from {self.repository.location}"
            try:
                self.store.fetch(self.repository.location, {revision: f"refs/deployed/{revision}"}, what)
            except MoodleError as error:
                self.warnings.append(error.message)
                return []
        return self._held(revision, planned)

    def _held(self, revision: str, planned: Row) -> list[Row]:
        """Each component of a build now, or of a commit: its version in the commit, and whether all of its files are the same."""
        commit = self.store.blob(self.store.commit_of(revision) or revision).decode(errors="replace")
        tree = self.store.tree_of(revision)
        wanted = {part["component"]: part["path"] for part in planned["components"]}
        gone = {component: version for component, version in contents(commit).items() if component not in wanted}
        names = self._differing(tree, planned["tree"])
        touched = components_of(names, {path: component for component, path in wanted.items()} | self._places(tree, names, gone))
        return [
            *(
                {"component": component, "version": self._version(tree, path, component), "same": component not in touched}
                for component, path in wanted.items()
            ),
            *({"component": component, "version": version, "same": False} for component, version in gone.items()),
        ]

    def _differing(self, one: str, other: str) -> list[str]:
        if one == other:
            return []
        with explained("compare", f"{one} with {other}"):
            listed = self.store.git("diff-tree", "-r", "-z", "--name-only", "--no-renames", one, other)
        return listed.decode(errors="surrogateescape").split("\0")[:-1]

    def _places(self, tree: str, names: Iterable[str], components: Container[str]) -> dict[str, str]:
        """Where components lie that the file does not name any more; of these only what the commit holds is known."""
        places = {}
        for name in names:
            directory, _slash, file = name.rpartition("/")
            if directory and file == "version.php":
                component = self._read(tree, name, read_plugin).get("component")
                if component in components:
                    places[directory] = str(component)
        return places

    def _version(self, tree: str, path: str, component: str) -> t.Any:
        read = read_version if component == "moodle" else read_plugin
        files = (posixpath.join(path, file) for file in ("version.php", "public/version.php"))
        return next((facts["version"] for file in files if "version" in (facts := self._read(tree, file, read))), None)

    def _read(self, tree: str, path: str, read: Callable[[bytes], Mapping[str, t.Any]]) -> Mapping[str, t.Any]:
        content = self.store.file(tree, path)
        try:
            return read(content) if content is not None else {}
        except Refused:
            return {}


def _named(part: Row) -> str:
    version = part["version"]
    # PHP reads 2023100900.00 as a number with a point.
    return f"{int(version) if isinstance(version, float) and version.is_integer() else version} ({part['ref']})"
