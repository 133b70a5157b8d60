# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The delivery's own Git repository: every release is a commit in it, hot fixes found on disk included."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ..common.errors import BadInput, CommandFailed, MoodleError
from ..common.process import explain, run, text, without_secrets
from .trees import SYMLINK, Change, Drift, Entry, parse_diff_tree, parse_ls_tree, shown

COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
REVISION = re.compile(r"(?!-)(?!.*(?:\.\.|@\{))[^\x00-\x20~^:?*\[\\\x7f]+")
IDENTITY = {
    "GIT_AUTHOR_NAME": "lms.moodle delivery",
    "GIT_AUTHOR_EMAIL": "lms.moodle@localhost",
    "GIT_COMMITTER_NAME": "lms.moodle delivery",
    "GIT_COMMITTER_EMAIL": "lms.moodle@localhost",
}
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "60"}


class History:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: dict[str, Mapping[str, Entry]] = {}
        self._differences: dict[tuple[str, str], Mapping[str, Change]] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._there: set[str] = set()
        self._kept: dict[str, str] = {}

    def keep_nothing(self) -> None:
        """From now on new objects are made elsewhere, and are gone at the end: for check mode."""
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory()

    def _surroundings(self) -> dict[str, str]:
        if self._scratch is None:
            return QUIET
        return {**QUIET, "GIT_OBJECT_DIRECTORY": self._scratch.name, "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(self.path / "objects")}

    def _command(self, *arguments: str) -> list[str]:
        # The repository may belong to the deploy user while root asks; it is ours all the same.
        return ["git", "-c", "safe.directory=*", "-c", "core.quotePath=false", f"--git-dir={self.path}", *arguments]

    def _git(self, *arguments: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        return run(self._command(*arguments), stdin=stdin, env={**self._surroundings(), **(env or {})})

    def _named(self, name: str) -> str | None:
        """The id that a name stands for, or None."""
        command = self._command("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return text(run(command, env=self._surroundings(), check=False)) or None

    def prepare(self) -> None:
        """For the holder of the delivery's lock: no other Git works here, so what a killed one had locked is free."""
        for pattern in ("*.lock", "refs/**/*.lock"):
            for stale in self.path.glob(pattern):
                stale.unlink()
        self._sweep()
        # `git init` makes this directory last: before it is there, the repository is not.
        if not (self.path / "objects" / "info").is_dir() or not (self.path / "HEAD").exists():
            run(["git", "init", "--quiet", "--bare", str(self.path)])

    # Revisions

    def find(self, source: str | None, revision: str) -> str:
        """The commit that ``revision`` names in ``source``, which is asked unless the commit is already here."""
        known = self.commit(revision) if COMMIT.fullmatch(revision) else None
        if known is None and source is not None:
            self._fetch(source)
        for name in (revision if COMMIT.fullmatch(revision) else None, f"refs/source/tags/{revision}", f"refs/source/heads/{revision}"):
            known = known or (self.commit(name) if name else None)
        if known is None:
            raise self._nothing_named(revision, source)
        return known

    def _fetch(self, source: str) -> None:
        refspecs = ["+refs/heads/*:refs/source/heads/*", "+refs/tags/*:refs/source/tags/*"]
        try:
            self._git("fetch", "--quiet", "--prune", "--no-tags", "--no-auto-maintenance", "--", source, *refspecs)
        except CommandFailed as error:
            raise CommandFailed(f"Could not read {without_secrets(source)}: {error.message.partition(': ')[2]}") from None

    def look_up(self, source: str | None, revision: str) -> str:
        """The commit that ``revision`` names in ``source``, without bringing it here: for check mode."""
        if COMMIT.fullmatch(revision):
            return revision
        if source is None:
            return self.find(None, revision)
        refs = (f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}", f"refs/heads/{revision}")
        try:
            listed = text(run(["git", "-c", "safe.directory=*", "ls-remote", "--", source, *refs], env=QUIET))
        except CommandFailed as error:
            raise CommandFailed(f"Could not read {without_secrets(source)}: {error.message.partition(': ')[2]}") from None
        found = {ref: oid for oid, _dummy, ref in (line.partition("\t") for line in listed.splitlines())}
        for ref in refs:
            if ref in found:
                return found[ref]
        raise self._nothing_named(revision, source)

    def _nothing_named(self, revision: str, source: str | None) -> BadInput:
        return BadInput(f"{without_secrets(source or str(self.path))} has no tag, branch or commit '{revision}'.")

    def has(self, commit: str) -> bool:
        if commit not in self._there and self.path.exists() and self.commit(commit) is not None:
            self._there.add(commit)
        return commit in self._there

    def commit(self, name: str) -> str | None:
        return self._named(f"{name}^{{commit}}")

    def keep(self, name: str, commit: str) -> None:
        """Hold on to a commit under a ref of its own, so that no clean-up takes it away."""
        if self._kept.get(name) != commit:
            self._git("update-ref", f"refs/releases/{name}", commit)
            self._kept[name] = commit

    def keep_hot_fix(self, name: str, commit: str) -> None:
        """What somebody changed in production stays here for good, even when its release is pruned."""
        self._git("update-ref", f"refs/hotfixes/{name}", commit)

    def forget(self, name: str) -> None:
        self._git("update-ref", "-d", f"refs/releases/{name}")
        self._kept.pop(name, None)

    # Imports

    def scratch(self) -> Path:
        """An empty folder beside the content; one that a killed call left is removed by the next."""
        return Path(tempfile.mkdtemp(prefix="incoming-", dir=self.path))

    def take_in(self, stream: Iterable[bytes]) -> None:
        """What ``git fast-import`` makes of ``stream``: all of it, or nothing when Git, the stream or this process ends early."""
        # Measured on 25,000 files: a tenth larger, and two thirds of the time.
        command = self._command("-c", "core.compression=1", "fast-import", "--quiet", "--force", "--depth=0")
        with tempfile.TemporaryFile() as said:
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said, close_fds=False) as process:
                try:
                    with contextlib.suppress(BrokenPipeError), t.cast(t.IO[bytes], process.stdin) as sink:
                        for piece in stream:
                            sink.write(piece)
                except BaseException:
                    process.kill()
                    process.wait()
                    self._sweep()
                    raise
            if process.returncode != 0:
                self._sweep()
                said.seek(0)
                raise CommandFailed(explain(command, process.returncode, said.read()))

    def _sweep(self) -> None:
        """What killed imports left: no name of Git's leads to any of it."""
        for pattern in ("objects/pack/tmp_*", "fast_import_crash_*"):
            for stale in self.path.glob(pattern):
                stale.unlink(missing_ok=True)
        for folder in self.path.glob("incoming-*"):
            shutil.rmtree(folder, ignore_errors=True)

    # Content

    def tree_of(self, revision: str) -> str:
        return text(self._git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{tree}}"))

    def need(self, release: str, commit: str) -> None:
        if not self.has(commit):
            raise MoodleError(
                f"{self.path} lacks the commit {commit} of the release {release}, so that nothing can be compared with it: "
                f"fetch it there from where it came (git --git-dir={self.path} fetch URL {commit})."
            )

    def files(self, tree: str) -> Mapping[str, Entry]:
        if tree not in self._files:
            self._files[tree] = parse_ls_tree(self._git("ls-tree", "-r", "-z", "--full-tree", tree).stdout, tree)
        return self._files[tree]

    def differences(self, before: str | None, tree: str) -> Mapping[str, Change]:
        """The files that a step from one tree to the other changes; two trees of the same code differ in little."""
        if before is None:
            return {path: Change(None, entry) for path, entry in self.files(tree).items()}
        if (before, tree) not in self._differences:
            same = before == tree
            options = ("-r", "-z", "--no-renames", "--no-ext-diff", "--full-index")
            listed = b"" if same else self._git("diff-tree", *options, before, tree).stdout
            self._differences[before, tree] = parse_diff_tree(listed, tree)
        return self._differences[before, tree]

    def kinds(self, tree: str, paths: Sequence[str]) -> dict[str, str]:
        """What those of the paths are that the tree has: ``blob`` or ``tree``."""
        questions = "".join(f"{tree}:{path}\n" for path in paths).encode(errors="surrogateescape")
        answers = text(self._git("cat-file", "--batch-check=%(objecttype)", stdin=questions)).splitlines()
        return {path: kind for path, kind in zip(paths, answers) if kind in ("blob", "tree")}

    def contents(self, oids: Iterable[str]) -> Iterator[bytes]:
        """The content of each blob, in order, through one Git process."""
        with tempfile.TemporaryFile() as questions:
            questions.write("".join(f"{oid}\n" for oid in oids).encode())
            questions.seek(0)
            command = self._command("cat-file", "--batch")
            with subprocess.Popen(command, stdin=questions, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                answers = t.cast(t.IO[bytes], process.stdout)
                while head := answers.readline():
                    fields = head.split()
                    if len(fields) != 3:  # noqa: PLR2004 - id, type, size
                        raise MoodleError(f"{self.path} lacks a file of the release ({head.decode(errors='replace').strip()}).")
                    content = answers.read(int(fields[2]) + 1)[:-1]
                    yield content
                if process.wait() != 0:
                    raise CommandFailed(explain(command, process.returncode, t.cast(t.IO[bytes], process.stderr).read()))

    def sizes(self, oids: Iterable[str]) -> Iterator[int]:
        listed = self._git("cat-file", "--batch-check=%(objectsize)", stdin="".join(f"{oid}\n" for oid in oids).encode()).stdout
        return (int(line) for line in listed.split() if line.isdigit())

    def part_of(self, tree: str, path: str) -> str | None:
        """The tree of a directory in a tree; links are not followed."""
        found = self._named(f"{tree}:{path}")
        return found if found and text(self._git("cat-file", "-t", found)) == "tree" else None

    def with_part(self, tree: str | None, path: str, part: str) -> str:
        """The tree with another directory at ``path``."""
        name, _dummy, rest = path.partition("/")
        listed = self._git("ls-tree", "-z", tree).stdout.decode(errors="surrogateescape").split("\0")[:-1] if tree else []
        lines = {line.partition("\t")[2]: line for line in listed}
        if rest:
            head = lines.get(name, "").split(" ", 2)
            part = self.with_part(head[2].partition("\t")[0] if head[0] == "040000" else None, rest, part)
        lines[name] = f"040000 tree {part}\t{name}"
        mktree = self._git("mktree", "-z", stdin="".join(f"{line}\0" for line in lines.values()).encode(errors="surrogateescape"))
        return text(mktree)

    def combine(self, base: str, tree: str, revision: str, component: str) -> str:
        """A commit of ``base`` with the ``component`` of another revision; the same on every host, so its time is that revision's."""
        time = text(self._git("show", "--no-patch", "--format=%ct +0000", revision))
        dates = {"GIT_AUTHOR_DATE": time, "GIT_COMMITTER_DATE": time}
        message = f"{component} of {revision}"
        return text(self._git("commit-tree", tree, "-p", base, "-m", message, env={**IDENTITY, **dates}))

    def patch(self, base: str, commit: str) -> bytes:
        return self._git("diff", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color", base, commit).stdout

    def push(self, commit: str, source: str, branch: str) -> None:
        try:
            self._git("push", "--quiet", "--", source, f"{commit}:refs/heads/{branch}")
        except CommandFailed as error:
            raise CommandFailed(f"Could not push {branch} to {without_secrets(source)}: {error.message.partition(': ')[2]}") from None

    def record(self, directory: Path, base: str | None, drift: Drift, found: Mapping[str, Entry], message: str) -> tuple[str, str]:
        """Make a commit of what was found in ``directory``, on top of ``base``: its id and its tree."""
        kept = (*drift.modified, *drift.unexpected)
        for path in kept:
            if found[path].mode == "special" or any(part.lower() == ".git" for part in path.split("/")):
                raise MoodleError(f"{shown(path)} in {directory} is nothing that Git can keep, so no copy of it can be made: move it away.")
        zero = "0" * 40
        with tempfile.TemporaryDirectory(dir=self.path) as scratch:
            index = {"GIT_INDEX_FILE": os.path.join(scratch, "index")}  # noqa: PTH118
            self._git("read-tree", base or "--empty", env=index)
            lines = [f"{found[path].mode} {oid}\t{path}\0" for path, oid in zip(kept, self._store(directory, kept, found))]
            lines += [f"0 {zero}\t{path}\0" for path in drift.missing]
            self._git("update-index", "-z", "--index-info", stdin="".join(lines).encode(errors="surrogateescape"), env=index)
            tree = text(self._git("write-tree", env=index))
        parents = ["-p", base] if base else []
        commit = text(self._git("commit-tree", tree, *parents, "-F", "-", stdin=message.encode(), env=IDENTITY))
        return commit, tree

    def _store(self, directory: Path, paths: Iterable[str], found: Mapping[str, Entry]) -> Iterator[str]:
        """The id of each file's content; a plain file with a plain name is read by Git itself, all of them by one."""
        plain = [path for path in paths if found[path].mode != SYMLINK and path.isprintable()]
        names = "".join(f"{directory}/{path}\n" for path in plain).encode(errors="surrogateescape")
        stored = dict(zip(plain, text(self._git("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=names)).split()))
        for path in paths:
            if path not in stored:
                full = directory / path
                content = os.fsencode(os.readlink(full)) if full.is_symlink() else full.read_bytes()  # noqa: PTH115
                stored[path] = text(self._git("hash-object", "-w", "--no-filters", "--stdin", stdin=content))
            yield stored[path]


def check_revision(revision: str) -> str:
    if not REVISION.fullmatch(revision):
        raise BadInput(f"'{revision}' cannot be the name of a tag, branch or commit.")
    return revision
