# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the manifest to the commit, in one direction: manifest, store, lock, tree, commit, tag."""

from __future__ import annotations

import contextlib
import time
import typing as t
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from ..common.errors import BadInput
from ..common.files import write_atomically
from .assembly import Assembly, assemble
from .changes import compare, describe, listing
from .decide import Decider
from .declaration.lock import Locked, read_lock, read_overlays, write_lock
from .declaration.manifest import REF, Manifest
from .describe import Descriptions
from .git.store import Store
from .lint import NO_PHP, Lint
from .repository import Built, Repository
from .sources import Sources
from .trial import Trial

T = t.TypeVar("T")


@dataclass
class Build:
    """One build of one project. ``run()`` tells what it did, or in check mode what it would do."""

    manifest: Manifest
    store: Store
    repository: Repository
    lock_file: Path | None
    update: list[str]
    tag: str | None  # a name, or the empty text for <project>-<timestamp>
    check_mode: bool = False
    lint: Lint | None = None
    trial: Trial | None = None
    repository_of: Callable[[str], str] | None = None
    resolve_dependencies: bool = False
    report: Callable[[int, int], None] = lambda done, total: None
    timings: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def run(self) -> dict[str, t.Any]:
        self._refuse_bad_names()
        last = self._timed("repository", self.repository.last_build)
        before = self.locked_in(last)
        descriptions = Descriptions(self.store)
        try:
            decided = self._timed("fetch", self._decider(descriptions, self.lock(before)).run)
            made = self._timed("compose", lambda: assemble(self.store, descriptions, decided, self.manifest.overlays))
        finally:
            descriptions.keep()
        changes = compare(before, made.components)
        changed = last is None or last.tree != made.tree
        linted = self._timed("lint", lambda: self._lint(made, last)) if changed else 0
        if changed and self.trial is not None and not self.check_mode:
            self._timed("trial", lambda: t.cast(Trial, self.trial).run(self.store, made.tree))
        lock = write_lock(self.manifest.project, made.tree, made.locked, made.overlays)
        if changed:
            commit, tag = self._publish(last, made.tree, describe(self.manifest.project, made.components, changes, made.overlays), lock)
        else:
            commit, tag = self._remember(t.cast(Built, last), lock)
        if not self.check_mode:
            self._keep(lock)
        core = made.components[0]
        return {
            "changed": changed,
            "project": self.manifest.project,
            "commit": commit,
            "tree": made.tree,
            "tag": tag,
            "moodle": {"version": core.version, "release": core.release, "branch": made.branch, "ref": core.ref, "commit": core.commit},
            "components": [part.as_result() for part in made.components],
            "added": list(changes.added),
            "removed": list(changes.removed),
            "updated": list(changes.updated),
            "linted": linted,
            "timings": {name: round(seconds, 3) for name, seconds in self.timings.items()},
            "warnings": self.warnings,
            "diff": {
                "before": listing(before.values(), self._overlays_in(last) if changed else made.overlays),
                "after": listing(made.locked, made.overlays),
                "before_header": "last build",
                "after_header": "this build",
            },
        }

    def _timed(self, name: str, act: Callable[[], T]) -> T:
        start = time.monotonic()
        try:
            return act()
        finally:
            self.timings[name] = time.monotonic() - start

    def _refuse_bad_names(self) -> None:
        unknown = set(self.update) - {"all", "moodle"} - {plugin.component for plugin in self.manifest.plugins}
        if unknown and not self.resolve_dependencies:
            raise BadInput(f"'update' names {', '.join(sorted(unknown))}, which the code base file does not have.")
        if self.tag and not REF.fullmatch(self.tag):
            raise BadInput(f"'{self.tag}' cannot be the name of a tag in Git.")

    def _lint(self, made: Assembly, last: Built | None) -> int:
        if self.lint is None:
            return 0
        if not self.lint.available():
            self.warnings.append(NO_PHP.format(php=self.lint.php))
            return 0
        return self.lint.check(self.store, made.tree, [made.core_tree, *([last.tree] if last else [])])

    # Decisions

    def _decider(self, descriptions: Descriptions, locked: dict[str, Locked]) -> Decider:
        return Decider(
            self.manifest,
            Sources(self.store, self.report),
            descriptions,
            locked,
            self.update,
            self.repository_of,
            self.resolve_dependencies,
            self.warnings,
        )

    def locked_in(self, last: Built | None) -> dict[str, Locked]:
        return read_lock(last.lock, f"refs/moodle/{self.manifest.project}", self.manifest.project) if last and last.lock else {}

    def _overlays_in(self, last: Built | None) -> list[dict[str, str]]:
        return read_overlays(last.lock, f"refs/moodle/{self.manifest.project}") if last and last.lock else []

    def lock(self, published: dict[str, Locked]) -> dict[str, Locked]:
        """The file beside the manifest, else what the repository holds: AWX throws the checkout away."""
        if self.lock_file and self.lock_file.exists():
            return read_lock(self.lock_file.read_text(encoding="utf-8", errors="replace"), str(self.lock_file), self.manifest.project)
        return published

    # Output

    def _publish(self, last: Built | None, tree: str, message: str, lock: str) -> tuple[str | None, str | None]:
        tag = self._free_name() if self.tag == "" else self.tag
        if tag and self.tag and self.repository.has_tag(tag):
            raise BadInput(f"The tag {tag} is already in {self.repository.location} and never moves: name another one.")
        if self.check_mode:
            return None, tag
        parent = last.commit if last else None
        new = self.repository.commit(tree, parent, message, tag, lock)
        with self._lock_kept(lock):
            self._timed("publish", lambda: self.repository.publish(new, parent))
        return new.commit, tag

    def _remember(self, last: Built, lock: str) -> tuple[str, str | None]:
        """The same code may have been asked for in other words: where the lock file is lost, the repository must know the last ones."""
        if (lock != last.lock or last.torn) and not self.check_mode:
            self._timed("publish", lambda: self.repository.remember(last, lock))
            if last.torn:
                self.warnings.append("The last build was cut off while it was published: its lock and its tag have been added.")
        return last.commit, last.tag

    def _free_name(self) -> str:
        """A second build in the same second is rare, but no reason to fail."""
        name = first = f"{self.manifest.project}-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}"
        number = 2
        while self.repository.has_tag(name):
            name, number = f"{first}-{number}", number + 1
        return name

    @contextlib.contextmanager
    def _lock_kept(self, lock: str) -> Iterator[None]:
        """The file comes first: a call killed after publishing would else decide by the old file, and take its own build back."""
        path = self.lock_file
        before = path.read_bytes() if path and path.exists() else None
        self._keep(lock)
        try:
            yield
        except BaseException:
            if path and before is not None:
                write_atomically(path, before)
            elif path:
                path.unlink()
            raise

    def _keep(self, lock: str) -> None:
        if self.lock_file and (not self.lock_file.exists() or self.lock_file.read_bytes() != lock.encode()):
            write_atomically(self.lock_file, lock.encode())
