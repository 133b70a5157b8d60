# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares what is desired, locked, built and deployed with what the sources offer. Changes nothing but the store."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..common.errors import MoodleError
from ..common.process import without_secrets
from .build import Build
from .gitrepo import explained
from .manifest import Manifest
from .php_tokens import Refused
from .repository import Repository
from .store import Store
from .versionphp import read_plugin, read_version

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
        return {
            "changed": False,
            "project": self.manifest.project,
            "desired": [self._desired(part) for part in (self.manifest.moodle, *self.manifest.plugins)],
            "locked": [asdict(entry) for entry in locked.values()],
            "built": {**built, "components": [asdict(entry) for entry in published.values()]},
            "planned": planned["components"],
            "outdated": self._outdated(planned["components"]),
            "deployed": {revision: self._deployed(revision, planned) for revision in self.revisions},
            "in_sync": not planned["changed"] and locked == published,
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
            try:
                with self.store.writing(), explained("fetch", f"the commit {revision} from {self.repository.location}"):
                    self.store.git("fetch", "--quiet", "--no-tags", "--no-auto-maintenance", "--", self.repository.location, revision)
            except MoodleError as error:
                self.warnings.append(error.message)
                return []
        return [self._piece(revision, part, planned["tree"]) for part in planned["components"]]

    def _piece(self, revision: str, part: Row, planned: str) -> Row:
        there, wanted = (self.store.read(f"{tree}:{part['path']}") for tree in (revision, planned))
        tree = there[0] if there and there[1] == "tree" else ""
        same = self._same_core(tree, planned, part["commit"]) if not part["path"] else bool(wanted and tree == wanted[0])
        return {"component": part["component"], "version": self._version(tree, part["component"]), "same": same}

    def _same_core(self, tree: str, planned: str, core: str) -> bool:
        """Plugins lie inside the core's directories: those in which none lies tell whether it is the same core."""
        own, whole, there = (self.store.read_tree(self.store.tree_of(each)) for each in (core, planned, tree))
        return all(there.get(name) == entry for name, entry in own.items() if whole.get(name) == entry)

    def _version(self, tree: str, component: str) -> t.Any:
        read: Callable[[str], Mapping[str, t.Any]] = read_version if component == "moodle" else read_plugin
        for path in ("version.php", "public/version.php"):
            content = self.store.file(tree, path) if tree else None
            if content is not None:
                try:
                    return read(content.decode(errors="replace")).get("version")
                except Refused:
                    return None
        return None


def _named(part: Row) -> str:
    return f"{part['version']} ({part['ref']})"
