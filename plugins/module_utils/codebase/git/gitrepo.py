# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A bare Git repository: its commands, and its objects read and written many at a time through few processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ...common.errors import CommandFailed, MoodleError
from ...common.process import run, without_secrets
from .compose import TREE, Entry, Tree

# Git must never wait for a password that nobody types.
ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C.UTF-8"}
# A dead line must end; who knows a slow one may say so in the environment.
PATIENCE = {"GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "60"}
LONGEST = 600.0  # seconds; of all protocols git:// alone has no limit of its own
BY_SSH = re.compile(r"ssh://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:")
PATIENT_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=60 -o ServerAliveInterval=15 -o ServerAliveCountMax=4"
DAMAGE = re.compile(
    r"inflate:|corrupt(?! patch)|unable to unpack|missing (?:blob|tree|commit|object)|not a valid object|unable to (?:read|parse)"
    r"|bad (?:pack|object|shallow|tree|[a-z ]*config)|invalid object type|truncated|not a git repository|not a tree|unexpected line in"
    r"|cannot read existing|Could not read [0-9a-f]{40}|is unavailable|reference broken|Failed to traverse|unresolved delta"
    r"|did not send all necessary"
)
_KINDS = {TREE: "tree", "160000": "commit"}
COMMIT_ID = re.compile(r"[0-9a-f]{40}")


class GitFailed(CommandFailed):
    """Git ended badly; ``said`` is what it wrote."""

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(without_secrets(last_words(said)))


class Damaged(MoodleError):
    """An object of this repository cannot be read."""


class PerhapsDamaged(Damaged):
    """Git complained of damage while two repositories spoke: whether it is ours or the other side's, only ``is_whole`` tells."""


class GitRepository:
    """Objects are read by one ``cat-file`` that stays; new trees are collected and written together by ``flush()``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: subprocess.Popen[bytes] | None = None
        self._unwritten: dict[str, Tree] = {}
        self._trees: dict[str, Tree] = {}
        self._tree_of: dict[str, str] = {}

    def close(self) -> int:
        """End the reader; gives the code that it ended with."""
        reader, self._reader = self._reader, None
        if reader is None:
            return 0
        with contextlib.suppress(OSError):
            t.cast("t.IO[bytes]", reader.stdin).close()
        t.cast("t.IO[bytes]", reader.stdout).close()
        return reader.wait()

    # Commands

    def git(self, *arguments: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """What a command prints; GitFailed when it ends badly."""
        return git(*arguments, cwd=self.path, stdin=stdin, env=env)

    def text(self, *arguments: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        return self.git(*arguments, stdin=stdin, env=env).decode(errors="surrogateescape").rstrip("\n")

    # Reading

    def read(self, name: str) -> tuple[str, str, bytes] | None:
        """The (id, type, content) of what ``name`` (an id, ``ref^{tree}``) stands for, or None, as for what is damaged."""
        if "\n" in name:
            return None
        reader = self._reading()
        feed, answers = t.cast("t.IO[bytes]", reader.stdin), t.cast("t.IO[bytes]", reader.stdout)
        try:
            feed.write(name.encode(errors="surrogateescape") + b"\n")
            feed.flush()
            head = answers.readline().split()
        except OSError:
            head = []
        if len(head) == 3 and head[2].isdigit():  # noqa: PLR2004 - id, type, size
            content = answers.read(int(head[2]) + 1)
            if len(content) == int(head[2]) + 1:
                return head[0].decode(), head[1].decode(), content[:-1]
        elif head and head[-1] in (b"missing", b"ambiguous"):
            return None
        code = self.close()
        if code < 0:
            raise CommandFailed(f"{self.path} could not be read: {_ended(code)}.")
        raise Damaged(f"{self.path} cannot read {name}: an object is damaged.")

    def _reading(self) -> subprocess.Popen[bytes]:
        if self._reader is None:
            self._reader = subprocess.Popen(
                ["git", "cat-file", "--batch"],
                cwd=self.path,
                env={**os.environ, **ENVIRONMENT},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._reader

    def commit_of(self, revision: str) -> str | None:
        """The commit that a revision names here, or None."""
        found = self.read(f"{revision}^{{commit}}")
        return found[0] if found else None

    def tree_of(self, revision: str) -> str:
        if revision in self._trees:
            return revision
        if revision in self._tree_of:
            return self._tree_of[revision]
        found = self.read(f"{revision}^{{tree}}")
        if found is None:
            raise Damaged(f"{self.path} has no {revision}.")
        if COMMIT_ID.fullmatch(revision):  # a name may move
            self._tree_of[revision] = found[0]
        return found[0]

    def entry(self, revision: str, path: str) -> Entry | None:
        """What lies at a path of a commit or tree. Asked for by its path, Git would call an object that is lost no such path."""
        found = Entry(TREE, self.tree_of(revision))
        for name in path.split("/"):
            inside = self.read_tree(found.oid) if found.mode == TREE else {}
            if name not in inside:
                return None
            found = inside[name]
        return found

    def file(self, revision: str, path: str) -> bytes | None:
        """The content of a file at a revision (or in a tree), or None."""
        found = self.entry(revision, path)
        return self.blob(found.oid) if found and found.mode not in _KINDS else None

    def blob(self, oid: str) -> bytes:
        found = self.read(oid)
        if found is None:
            raise Damaged(f"{self.path} has no object {oid}.")
        return found[2]

    def read_tree(self, oid: str) -> Tree:
        if oid not in self._trees:
            try:
                self._trees[oid] = dict(_entries(self.blob(oid)))
            except ValueError:
                raise PerhapsDamaged(f"{self.path} holds {oid}, which is no tree.") from None
        return dict(self._trees[oid])

    def subtree(self, oid: str, path: str) -> Tree:
        """What lies in a directory of a tree; nothing where there is no such directory."""
        found = self.entry(oid, path)
        return self.read_tree(found.oid) if found and found.mode == TREE else {}

    def files(self, tree: str) -> list[tuple[str, str, str]]:
        """The (mode, id, path) of every file, link and submodule below a tree or commit."""
        found = []
        with explained("read", str(self.path), ours=True):
            listed = self.git("ls-tree", "-r", "-z", "--full-tree", tree)
        for line in listed.split(b"\0")[:-1]:
            head, _tab, path = line.partition(b"\t")
            mode, _type, oid = head.decode().split(" ")
            found.append((mode, oid, path.decode(errors="surrogateescape")))
        return found

    # Writing

    def write_tree(self, tree: Tree) -> str:
        """The id of a tree, which ``flush()`` writes."""
        data = b"".join(
            f"{entry.mode.lstrip('0')} {name}\0".encode(errors="surrogateescape") + bytes.fromhex(entry.oid)
            for name, entry in sorted(tree.items(), key=_git_order)
        )
        oid = hashlib.sha1(b"tree %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        self._unwritten[oid] = self._trees[oid] = dict(tree)
        return oid

    def flush(self) -> None:
        """Write the trees that are new, each after those that it holds."""
        waiting = {oid: tree for oid, tree in self._unwritten.items() if self.read(oid) is None}
        self._unwritten = {}
        if not waiting:
            return
        lines = ["".join(_mktree_line(name, entry) for name, entry in tree.items()) for tree in waiting.values()]
        with explained("write to", str(self.path), ours=True):
            written = self.text("mktree", "-z", "--batch", stdin="\0".join(lines).encode(errors="surrogateescape"))
        if written.split() != list(waiting):
            raise Damaged(f"{self.path}: Git wrote other trees than were meant.")

    def write_blob(self, data: bytes) -> str:
        with explained("write to", str(self.path), ours=True):
            return self.text("hash-object", "-w", "--stdin", stdin=data)


def git(
    *arguments: str,
    cwd: Path,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    inherit: Sequence[int] | None = None,
) -> bytes:
    """What a Git command prints; GitFailed when it ends badly."""
    patience = {name: value for name, value in PATIENCE.items() if name not in os.environ}
    limit = LONGEST if any(argument.startswith("git://") for argument in arguments) else None
    surroundings = {**patience, **ENVIRONMENT, **ssh(arguments), **(env or {})}
    try:
        done = run(["git", *arguments], cwd=str(cwd), env=surroundings, stdin=stdin, check=False, inherit=inherit, timeout=limit)
    except subprocess.TimeoutExpired:
        raise GitFailed(f"it came to no end in {limit:g} s") from None
    if done.returncode:
        raise GitFailed(done.stderr.decode(errors="replace") or _ended(done.returncode))
    return done.stdout


def _ended(code: int) -> str:
    return f"git was killed (signal {-code})" if code < 0 else f"git ended with {code} and said nothing"


def ssh(arguments: tuple[str, ...]) -> dict[str, str]:
    """Nor must ssh wait for a passphrase; who has set up an ssh of his own is left alone."""
    if not any(BY_SSH.match(argument) for argument in arguments) or {"GIT_SSH_COMMAND", "GIT_SSH"} & set(os.environ):
        return {}
    return {} if run(["git", "config", "core.sshCommand"], check=False).stdout else {"GIT_SSH_COMMAND": PATIENT_SSH}


def last_words(said: str) -> str:
    """The lines that matter of what Git wrote."""
    lines = [line.strip() for line in said.splitlines() if line.strip() and not line.startswith(("hint:", "From "))]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:", "remote:", "ERROR"))]
    return " ".join(fatal[:3] or lines[-1:])


@contextlib.contextmanager
def explained(action: str, thing: str, ours: bool = False) -> Iterator[None]:
    """Turn Git's own errors into one sentence; with ``ours``, no repository but the store takes part."""
    try:
        yield
    except GitFailed as error:
        message = f"Could not {action} {without_secrets(thing)}: {error.message}"
        damaged = Damaged if ours else PerhapsDamaged
        raise (damaged if DAMAGE.search(error.said) else CommandFailed)(message) from None
    except OSError as error:
        raise MoodleError(f"Could not {action} {without_secrets(thing)}: {error.strerror or error}.") from None


def _entries(data: bytes) -> Iterable[tuple[str, Entry]]:
    start = 0
    while start < len(data):
        end = data.index(b"\0", start)
        mode, _dummy, name = data[start:end].partition(b" ")
        yield name.decode(errors="surrogateescape"), Entry(mode.decode().zfill(6), data[end + 1 : end + 21].hex())
        start = end + 21


def _git_order(item: tuple[str, Entry]) -> bytes:
    """Git sorts a directory as if its name ended in a slash."""
    name, entry = item
    return name.encode(errors="surrogateescape") + (b"/" if entry.mode == TREE else b"")


def _mktree_line(name: str, entry: Entry) -> str:
    return f"{entry.mode} {_KINDS.get(entry.mode, 'blob')} {entry.oid}\t{name}\0"
