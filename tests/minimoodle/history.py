# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Git history from files in memory: same input, same commit ids, everywhere."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

_WHO = b"Minimoodle <minimoodle@example.com>"


class History:
    """Collects commits and tags, and writes them into a bare repository in one go."""

    def __init__(self) -> None:
        self._stream: list[bytes] = []
        self._blobs: dict[bytes, int] = {}
        self._tips: dict[str, int] = {}
        self._marks = 0

    def commit(self, line: str, *, date: str, message: str, files: Iterable[tuple[str, bytes]], start: str | None = None) -> None:
        """One commit that holds exactly these files; a new line leaves `start` where that is now."""
        entries = [(path, self._blob(content)) for path, content in sorted(files)]
        parent = self._tips.get(line) or self._tips.get(start or "")
        mark = self._mark()
        head = [b"commit refs/heads/" + line.encode(), b"mark :%d" % mark]
        head += [b"%s %s %s" % (role, _WHO, _when(date)) for role in (b"author", b"committer")]
        self._stream.append(b"\n".join(head) + b"\n" + _data(message.encode()))
        if parent:
            self._stream.append(b"from :%d\n" % parent)
        self._stream.append(b"deleteall\n")
        self._stream += [b"M 100644 :%d %s\n" % (blob, path.encode()) for path, blob in entries]
        self._tips[line] = mark

    def tag(self, name: str, line: str, *, date: str) -> None:
        """An annotated tag on the tip of a line."""
        head = b"tag %s\nfrom :%d\ntagger %s %s\n" % (name.encode(), self._tips[line], _WHO, _when(date))
        self._stream.append(head + _data(name.encode()))

    def write(self, repository: Path) -> Path:
        """Make the bare repository; an older one at that place goes."""
        if repository.exists():
            shutil.rmtree(repository)
        repository.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", "--template=", str(repository)], check=True)
        git = ["git", f"--git-dir={repository}"]
        subprocess.run([*git, "fast-import", "--quiet"], input=b"".join(self._stream), check=True)
        # A forge lets a single commit be fetched; so must this one.
        subprocess.run([*git, "config", "uploadpack.allowAnySHA1InWant", "true"], check=True)
        subprocess.run([*git, "config", "uploadpack.allowFilter", "true"], check=True)
        if "main" not in self._tips:
            # A clone without a branch name must find something.
            subprocess.run([*git, "symbolic-ref", "HEAD", f"refs/heads/{list(self._tips)[-1]}"], check=True)
        return repository

    def _blob(self, content: bytes) -> int:
        if content not in self._blobs:
            self._blobs[content] = self._mark()
            self._stream.append(b"blob\nmark :%d\n" % self._blobs[content] + _data(content))
        return self._blobs[content]

    def _mark(self) -> int:
        self._marks += 1
        return self._marks


def _data(content: bytes) -> bytes:
    return b"data %d\n" % len(content) + content + b"\n"


def _when(date: str) -> bytes:
    moment = datetime.datetime.fromisoformat(f"{date}T12:00:00+00:00")
    return b"%d +0000" % int(moment.timestamp())
