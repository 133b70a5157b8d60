# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The repository of built code bases: a branch per project, a tag per build, the lock under ``refs/moodle/<project>``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.process import without_secrets
from .manifest import SOURCE
from .store import Store, explained, unfinished
from .third_party import git

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
        if self.missing:
            return None
        with explained("read", f"the repository {self.location}"):
            listed = self.store.git.ls_remote(
                "--", self.location, f"refs/heads/{self.project}", "refs/tags/*", f"refs/moodle/{self.project}"
            )
        refs = {ref: oid for oid, _dummy, ref in (line.partition("\t") for line in listed.splitlines())}
        head = refs.get(f"refs/heads/{self.project}")
        if head is None:
            return None
        own = f"refs/built/{self.project}"
        wanted = {f"refs/moodle/{self.project}": f"{own}/lock", f"refs/heads/{self.project}": f"{own}/head"}
        with self.store.writing(), explained("fetch", f"the last build of {self.project} from {self.location}"):
            specs = [f"+{ref}:{target}" for ref, target in wanted.items() if ref in refs]
            self.store.git.fetch("--quiet", "--no-tags", "--no-auto-maintenance", "--", self.location, *specs)
        tags = sorted(ref[len("refs/tags/") :] for ref, oid in refs.items() if ref.startswith("refs/tags/") and oid == head)
        lock_id = refs.get(f"refs/moodle/{self.project}")
        return Built(
            head,
            self.store.tree_of(head),
            tags[-1] if tags else None,
            self.store.blob(lock_id).decode(errors="replace") if lock_id else None,
        )

    def has_tag(self, tag: str) -> bool:
        if self.missing:
            return False
        with explained("read", f"the repository {self.location}"):
            return bool(self.store.git.ls_remote("--", self.location, f"refs/tags/{tag}"))

    def commit(self, tree: str, parent: str | None, message: str) -> str:
        parents = ["-p", parent] if parent else []
        with self.store.git.custom_environment(**AUTHOR, **COMMITTER), explained("commit to", str(self.store.path)):
            # Through standard input: with hundreds of plugins the message is too long for an argument.
            return self.store.written(message.encode(errors="replace"), "commit_tree", tree, *parents)

    def publish(self, commit: str, tag: str | None, lock: str, parent: str | None) -> None:
        """Branch, tag and lock arrive together or not at all; another build that came first is noticed."""
        if self.missing:
            with explained("make", self.location):
                git.Repo.init(self.location, bare=True, mkdir=True).close()
        specs = [f"{commit}:refs/heads/{self.project}", f"+{self.store.write_blob(lock.encode())}:refs/moodle/{self.project}"]
        if tag:
            specs.append(f"{commit}:refs/tags/{tag}")
        lease = f"--force-with-lease=refs/heads/{self.project}:{parent or ''}"
        try:
            self.store.git.push("--quiet", "--atomic", lease, "--", self.location, *specs)
        except git.GitCommandError as error:
            if any(sign in str(error.stderr) for sign in OVERTAKEN):
                raise MoodleError(f"Another build of {self.project} reached {self.location} first: run this one again.") from None
            with explained("push to", f"the repository {self.location}"):
                raise
