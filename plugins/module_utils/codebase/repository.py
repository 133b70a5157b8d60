# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The repository of built code bases: a branch per project, a tag per build, the lock under ``refs/moodle/<project>``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.process import without_secrets
from .gitrepo import GitFailed, explained
from .manifest import SOURCE
from .store import Store, init_bare, unfinished

AUTHOR = {"GIT_AUTHOR_NAME": "lms.moodle", "GIT_AUTHOR_EMAIL": "lms.moodle@localhost"}
OVERTAKEN = ("stale info", "fetch first", "already exists", "cannot lock ref")
COMMITTER = {"GIT_COMMITTER_NAME": "lms.moodle", "GIT_COMMITTER_EMAIL": "lms.moodle@localhost"}


@dataclass(frozen=True)
class Built:
    """What the repository holds of a project: the last build, its newest tag and its lock."""

    commit: str
    tree: str
    tag: str | None
    lock: str | None


@dataclass(frozen=True)
class Repository:
    """A local path (made bare when it is missing) or a URL."""

    store: Store
    location: str
    project: str

    def __post_init__(self) -> None:
        if not self.location.startswith("/") and not SOURCE.fullmatch(self.location):
            raise BadInput(f"repository: a Git URL or an absolute path is expected, '{without_secrets(self.location)}' was found.")

    @property
    def missing(self) -> bool:
        """Whether it is still to be made; a `git init` that was killed left something that is no repository yet."""
        path = Path(self.location)
        return self.location.startswith("/") and (not path.exists() or (path.is_dir() and unfinished(path)))

    def last_build(self) -> Built | None:
        """The project's last build, brought into the store so that it can be compared."""
        refs = self._refs()
        head = refs.get(f"refs/heads/{self.project}")
        if head is None:
            return None
        lock_id = refs.get(f"refs/moodle/{self.project}")
        missing = [oid for oid in (head, lock_id) if oid and self.store.read(oid) is None]
        if missing:
            own = f"refs/built/{self.project}"
            wanted = {f"refs/moodle/{self.project}": f"{own}/lock", f"refs/heads/{self.project}": f"{own}/head"}
            specs = [f"+{ref}:{target}" for ref, target in wanted.items() if ref in refs]
            with self.store.writing(), explained("fetch", f"the last build of {self.project} from {self.location}"):
                self.store.git("fetch", "--quiet", "--no-tags", "--no-auto-maintenance", "--", self.location, *specs)
        tags = sorted(ref[len("refs/tags/") :] for ref, oid in refs.items() if ref.startswith("refs/tags/") and oid == head)
        lock = self.store.blob(lock_id).decode(errors="replace") if lock_id else None
        return Built(head, self.store.tree_of(head), tags[-1] if tags else None, lock)

    def has_tag(self, tag: str) -> bool:
        return f"refs/tags/{tag}" in self._refs()

    def _refs(self) -> dict[str, str]:
        """What the repository holds of the project now, and all of its tags."""
        if self.missing:
            return {}
        own = (f"refs/heads/{self.project}", "refs/tags/*", f"refs/moodle/{self.project}")
        with explained("read", f"the repository {self.location}"):
            listed = self.store.text("ls-remote", "--", self.location, *own).splitlines()
        return {ref: oid for oid, _dummy, ref in (line.partition("\t") for line in listed)}

    def commit(self, tree: str, parent: str | None, message: str) -> str:
        parents = ["-p", parent] if parent else []
        with explained("commit to", str(self.store.path)):
            # Through standard input: with hundreds of plugins the message is too long for an argument.
            stdin = message.encode(errors="replace")
            return self.store.text("commit-tree", tree, *parents, stdin=stdin, env={**AUTHOR, **COMMITTER})

    def publish(self, commit: str, tag: str | None, lock: str, parent: str | None) -> None:
        """Branch, tag and lock arrive together or not at all; another build that came first is noticed."""
        if self.missing:
            with explained("make", self.location):
                path = Path(self.location)
                path.mkdir(parents=True, exist_ok=True)
                init_bare(path, "Name another place")
        specs = [f"{commit}:refs/heads/{self.project}", f"+{self.store.write_blob(lock.encode())}:refs/moodle/{self.project}"]
        if tag:
            specs.append(f"{commit}:refs/tags/{tag}")
        lease = f"--force-with-lease=refs/heads/{self.project}:{parent or ''}"
        try:
            self.store.git("push", "--quiet", "--atomic", lease, "--", self.location, *specs)
        except GitFailed as error:
            if any(sign in error.said for sign in OVERTAKEN):
                raise MoodleError(f"Another build of {self.project} reached {self.location} first: run this one again.") from None
            with explained("push to", f"the repository {self.location}"):
                raise
