# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the manifest to the commit, in one direction: manifest, store, lock, tree, commit, tag."""

from __future__ import annotations

import contextlib
import time
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from ..common.errors import BadInput
from ..common.files import write_atomically
from .assembly import Assembly
from .changes import compare, describe, listing
from .lock import Locked, decision, read_lock, write_lock
from .manifest import REF, Manifest, Part
from .repository import Built, Repository
from .store import Store

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
    timings: dict[str, float] = field(default_factory=dict)

    def run(self) -> dict[str, t.Any]:
        self._refuse_bad_names()
        last = self._timed("repository", self.repository.last_build)
        before = self._locked_in(last)
        decided = self._timed("fetch", lambda: self._decide(self._lock(before)))
        assembly = self._timed("compose", lambda: Assembly(self.store, decided[0], decided[1:]))
        changes = compare(before, assembly.components)
        changed = last is None or last.tree != assembly.tree
        lock = write_lock(self.manifest.project, assembly.tree, decided)
        if changed:
            commit, tag = self._publish(last, assembly.tree, describe(self.manifest.project, assembly.components, changes), lock)
        else:
            commit, tag = t.cast(Built, last).commit, t.cast(Built, last).tag
        if not self.check_mode:
            self._keep(lock)
        core = assembly.components[0]
        return {
            "changed": changed,
            "project": self.manifest.project,
            "commit": commit,
            "tree": assembly.tree,
            "tag": tag,
            "moodle": {"version": core.version, "release": core.release, "branch": assembly.branch, "ref": core.ref, "commit": core.commit},
            "components": [part.as_result() for part in assembly.components],
            "added": list(changes.added),
            "removed": list(changes.removed),
            "updated": list(changes.updated),
            "timings": {name: round(seconds, 3) for name, seconds in self.timings.items()},
            "diff": {
                "before": listing(before.values()),
                "after": listing(decided),
                "before_header": "last build",
                "after_header": "this build",
            },
        }

    def _timed(self, name: str, act: t.Callable[[], T]) -> T:
        start = time.monotonic()
        try:
            return act()
        finally:
            self.timings[name] = time.monotonic() - start

    def _refuse_bad_names(self) -> None:
        unknown = set(self.update) - {"all", "moodle"} - {plugin.component for plugin in self.manifest.plugins}
        if unknown:
            raise BadInput(f"'update' names {', '.join(sorted(unknown))}, which the code base file does not have.")
        if self.tag and not REF.fullmatch(self.tag):
            raise BadInput(f"'{self.tag}' cannot be the name of a tag in Git.")

    # Decisions

    def _locked_in(self, last: Built | None) -> dict[str, Locked]:
        return read_lock(last.lock, f"refs/moodle/{self.manifest.project}", self.manifest.project) if last and last.lock else {}

    def _lock(self, published: dict[str, Locked]) -> dict[str, Locked]:
        """The file beside the manifest, else what the repository holds: AWX throws the checkout away."""
        if self.lock_file and self.lock_file.exists():
            return read_lock(self.lock_file.read_text(encoding="utf-8", errors="replace"), str(self.lock_file), self.manifest.project)
        return published

    def _decide(self, locked: dict[str, Locked]) -> list[Locked]:
        return [self._decide_part(part, locked.get(part.component)) for part in (self.manifest.moodle, *self.manifest.plugins)]

    def _decide_part(self, part: Part, known: Locked | None) -> Locked:
        if known and known.answers(part) and not {"all", part.component} & set(self.update):
            self.store.bring(part, known.commit)
            return known
        ref, commit = self.store.find(part)
        return decision(part, ref, commit)

    # Output

    def _publish(self, last: Built | None, tree: str, message: str, lock: str) -> tuple[str | None, str | None]:
        tag = self._free_name() if self.tag == "" else self.tag
        if tag and self.tag and self.repository.has_tag(tag):
            raise BadInput(f"The tag {tag} is already in {self.repository.location} and never moves: name another one.")
        if self.check_mode:
            return None, tag
        parent = last.commit if last else None
        commit = self.repository.commit(tree, parent, message)
        with self._lock_kept(lock):
            self._timed("publish", lambda: self.repository.publish(commit, tag, lock, parent))
        return commit, tag

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
