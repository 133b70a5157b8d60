# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one bare repository that caches every source; what is composed is made in it too. Safe to delete."""

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
import typing as t
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..common.errors import CommandFailed, MoodleError
from ..common.files import locked
from ..common.process import without_secrets
from .compose import Entry, Tree
from .manifest import Part, Wanted
from .third_party import ODBError, git, hex_to_bin
from .versions import core_ref

LOCK, LOCK_WAIT = "lms.lock", 600
DAMAGE = re.compile(r"inflate:|corrupt|unable to unpack|bad object|missing (?:blob|tree|commit)|not a valid object")
# What `git init` makes, in the end the directory objects/info: before it is there, the repository is not.
MADE_BY_INIT = {"HEAD", "branches", "config", "description", "hooks", "info", "objects", "refs"}


class Store:
    """Reads and writes Git objects; fetches only what is missing."""

    def __init__(self, path: Path, offline: bool = False) -> None:
        self.path = path
        self.offline = offline
        with explained("open", str(path)):
            path.mkdir(parents=True, exist_ok=True)
            with self.writing():
                self.repo = git.Repo.init(path, bare=True) if unfinished(path) else git.Repo(path)
        self.git = self.repo.git
        # Git must never wait for a password that nobody types, and a dead line must end.
        self.git.update_environment(
            GIT_TERMINAL_PROMPT="0", LC_ALL="C.UTF-8", GIT_HTTP_LOW_SPEED_LIMIT="1000", GIT_HTTP_LOW_SPEED_TIME="60"
        )

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """For whoever changes refs here: one at a time, as Git itself would fail instead of waiting."""
        return locked(self.path / LOCK, LOCK_WAIT, "the store")

    def close(self) -> None:
        self.repo.close()

    # Sources

    def find(self, part: Part) -> tuple[str, str]:
        """The ref that ``part`` wants and the commit it names now; fetched when it is not here."""
        wanted = self._concrete(part)
        ref = self._own_ref(part.source, wanted)
        commit = self.commit_of(ref)
        settled = wanted.kind in ("tag", "commit") and commit is not None
        if not settled and not self.offline:
            commit = self._fetch(part, wanted, ref)
        if commit is None:
            raise MoodleError(
                f"{part.component}: {wanted} of {without_secrets(part.source)} is not in the store, and 'offline' forbids to fetch it."
            )
        return wanted.value, commit

    def bring(self, part: Part, commit: str) -> None:
        """Make sure that a commit which was decided earlier is here."""
        if self.commit_of(commit) is None:
            self.find(replace(part, wanted=Wanted("commit", commit)))

    def _concrete(self, part: Part) -> Wanted:
        """A version form (``4.5+``) stands for a ref that only the source can name."""
        if part.wanted.kind != "version":
            return part.wanted
        tags, branches = self._known_refs(part.source) if self.offline else self._remote_refs(part)
        return Wanted(*core_ref(part.wanted.value, tags, branches))

    def _remote_refs(self, part: Part) -> tuple[list[str], list[str]]:
        with explained("read", f"{part.component} at {part.source}"):
            listed = self.git.ls_remote("--refs", "--tags", "--heads", "--", part.source)
        refs = [line.split("\t", 1)[1] for line in listed.splitlines() if "\t" in line]
        return _named(refs, "refs/tags/"), _named(refs, "refs/heads/")

    def _known_refs(self, source: str) -> tuple[list[str], list[str]]:
        prefix = f"refs/sources/{_key(source)}"
        refs = self.git.for_each_ref("--format=%(refname)", prefix).splitlines()
        return _named(refs, f"{prefix}/tag/"), _named(refs, f"{prefix}/branch/")

    def _fetch(self, part: Part, wanted: Wanted, ref: str) -> str:
        remote = {"tag": f"refs/tags/{wanted.value}", "branch": f"refs/heads/{wanted.value}"}.get(wanted.kind, wanted.value)
        with self.writing(), explained("fetch", f"{part.component}, {wanted} of {part.source}"):
            try:
                self._git_fetch("--depth=1", part.source, f"+{remote}:{ref}")
            except git.GitCommandError:
                if wanted.kind != "commit":
                    raise
                # Not every server gives a commit by its id: then it is found in what the source's refs lead to.
                # Without a depth, what was cut off at a shallow commit would stay away.
                self._git_fetch("--depth=2147483647", part.source, f"+refs/*:refs/sources/{_key(part.source)}/all/*")
                if self.commit_of(wanted.value) is not None:
                    self.git.update_ref(ref, wanted.value)
        commit = self.commit_of(ref)
        if commit is None:
            raise MoodleError(f"{part.component}: {without_secrets(part.source)} has no {wanted}.")
        return commit

    def _git_fetch(self, how: str, source: str, refspec: str) -> None:
        self.git.fetch("--quiet", how, "--no-tags", "--no-auto-maintenance", "--", source, refspec)

    def _own_ref(self, source: str, wanted: Wanted) -> str:
        return f"refs/sources/{_key(source)}/{wanted.kind}/{wanted.value}"

    # Objects

    def commit_of(self, revision: str) -> str | None:
        """The commit that a revision names here, or None."""
        try:
            return t.cast(str, self.git.rev_parse("--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"))
        except git.GitCommandError:
            return None

    def tree_of(self, revision: str) -> str:
        with explained("read", f"{revision} in {self.path}"):
            return t.cast(str, self.git.rev_parse("--verify", "--end-of-options", f"{revision}^{{tree}}"))

    def file(self, revision: str, path: str) -> bytes | None:
        """The content of a file at a revision, or None."""
        try:
            oid = self.git.rev_parse("--verify", "--quiet", "--end-of-options", f"{revision}:{path}")
        except git.GitCommandError:
            return None
        return self.blob(oid)

    def blob(self, oid: str) -> bytes:
        try:
            return t.cast(bytes, self.repo.odb.stream(hex_to_bin(oid)).read())
        except (ODBError, ValueError, OSError) as error:
            raise MoodleError(
                f"The store {self.path} cannot read the object {oid}: delete the store, it will be filled again ({error})."
            ) from error

    def files(self, revision: str) -> list[tuple[str, str, str]]:
        """The (mode, id, path) of every file, link and submodule below a revision."""
        with explained("read", f"{revision} in {self.path}"):
            listed = self.git.ls_tree("-r", "-z", "--full-tree", revision, stdout_as_string=False)
        entries = (line.partition(b"\t") for line in listed.split(b"\0") if line)
        return [(*_mode_and_id(head), path.decode(errors="surrogateescape")) for head, _dummy, path in entries]

    def read_tree(self, oid: str) -> Tree:
        data = self.blob(oid)
        tree: Tree = {}
        while data:
            head, _dummy, rest = data.partition(b"\0")
            mode, _dummy, name = head.partition(b" ")
            tree[name.decode(errors="surrogateescape")] = Entry(mode.decode().zfill(6), rest[:20].hex())
            data = rest[20:]
        return tree

    def write_tree(self, tree: Tree) -> str:
        kinds = {"040000": "tree", "160000": "commit"}
        lines = (f"{entry.mode} {kinds.get(entry.mode, 'blob')} {entry.oid}\t{name}\0" for name, entry in tree.items())
        return self.written("".join(lines).encode(errors="surrogateescape"), "mktree", "-z")

    def write_blob(self, data: bytes) -> str:
        return self.written(data, "hash_object", "-w", "--stdin")

    def written(self, data: bytes, command: str, *arguments: str) -> str:
        with tempfile.TemporaryFile() as file, explained("write to", str(self.path)):
            file.write(data)
            file.seek(0)
            return t.cast(str, getattr(self.git, command)(*arguments, istream=file))


def unfinished(path: Path) -> bool:
    """Whether nothing is there but what a `git init` that was killed may have left."""
    return {item.name for item in path.iterdir()} <= MADE_BY_INIT | {LOCK} and not (path / "objects" / "info").is_dir()


def _mode_and_id(head: bytes) -> tuple[str, str]:
    mode, _dummy, oid = head.decode().split(" ")
    return mode, oid


def _key(source: str) -> str:
    """Each source has refs of its own, named so that a password in the URL cannot be read from them."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _named(refs: list[str], prefix: str) -> list[str]:
    return [ref[len(prefix) :] for ref in refs if ref.startswith(prefix)]


@contextlib.contextmanager
def explained(action: str, thing: str) -> Iterator[None]:
    """Turn Git's own errors into one sentence."""
    try:
        yield
    except git.GitCommandError as error:
        hint = ". If the store is damaged, it may be deleted, and is filled again" if DAMAGE.search(str(error.stderr)) else ""
        raise CommandFailed(without_secrets(f"Could not {action} {thing}: {last_words(error)}{hint}")) from None
    except git.InvalidGitRepositoryError:
        raise MoodleError(
            f"Could not {action} {thing}: it is not a Git repository. The store may be deleted, it will be filled again."
        ) from None
    except OSError as error:
        raise MoodleError(f"Could not {action} {thing}: {error.strerror or error}.") from None


def last_words(error: git.GitCommandError) -> str:
    """What Git said last, without GitPython's frame around it."""
    lines = [line.strip() for line in re.sub(r"^\s*stderr: '|'$", "", str(error.stderr), flags=re.MULTILINE).splitlines()]
    said = [line for line in lines if line and not line.startswith(("hint:", "From "))]
    fatal = [line for line in said if line.startswith(("fatal:", "error:", "remote:", "ERROR"))]
    return " ".join(fatal[:3] or said[-1:]) or f"git ended with {error.status}"
