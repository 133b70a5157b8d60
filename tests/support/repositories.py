# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Git repositories and modules for tests: small, real, and made by Git itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".cache"
MODULES = "ansible_collections.lms.moodle.plugins.modules"

# Nobody's own settings of Git take part.
CLEAN = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
}

Files = Mapping[str, "bytes | str | None"]


def git(directory: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """What Git prints, without the line break at its end."""
    done = subprocess.run(["git", *arguments], cwd=directory, env={**os.environ, **CLEAN}, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(errors="surrogateescape").rstrip("\n")


def write(directory: Path, files: Files) -> None:
    """Files as {path: content}; a path that ends in ``@`` is a symbolic link, in ``*`` a program."""
    for name, content in files.items():
        path = directory / name.rstrip("@*")
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("@"):
            path.symlink_to(os.fsdecode(content or b""))
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content or b"")
            path.chmod(0o755 if name.endswith("*") else 0o644)


class Source:
    """A repository with a work tree, in which each commit holds exactly the files that are given."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True)
        git(path, "init", "--quiet", "--initial-branch=main")

    def commit(self, files: Files, *, tag: str | None = None, branch: str | None = None) -> str:
        git(self.path, "rm", "-rfq", "--ignore-unmatch", ".")
        write(self.path, files)
        git(self.path, "add", "--all", "--force")
        git(self.path, "commit", "--quiet", "--allow-empty", "-m", tag or branch or "more")
        if branch:
            git(self.path, "branch", "--force", branch)
        if tag:
            git(self.path, "tag", "--annotate", "--force", "-m", tag, tag)
        return self.head()

    def head(self) -> str:
        return git(self.path, "rev-parse", "HEAD")

    def tree(self, revision: str = "HEAD") -> str:
        return git(self.path, "rev-parse", f"{revision}^{{tree}}")


def listing(directory: Path) -> dict[str, tuple[Any, ...]]:
    """All that lies below a directory, with whatever a write would change."""
    found = {}
    for path in sorted(directory.rglob("*")) if directory.exists() else []:
        status = path.lstat()
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(directory))] = (status.st_mode, status.st_uid, status.st_mtime_ns, status.st_ino, content)
    return found


def module_command(name: str) -> list[str]:
    return [sys.executable, "-m", f"{MODULES}.{name}"]


def module_environment(**more: str) -> dict[str, str]:
    return {**os.environ, **CLEAN, "PYTHONPATH": str(COLLECTIONS), **more}


def module_input(arguments: Mapping[str, Any], *, check: bool = False) -> bytes:
    return json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check, "_ansible_diff": True}}).encode()


def call_module(name: str, arguments: Mapping[str, Any], *, check: bool = False, **environment: str) -> dict[str, Any]:
    """Run a module as Ansible does, in a process of its own, and return its result."""
    done = subprocess.run(
        module_command(name),
        input=module_input(arguments, check=check),
        env=module_environment(**environment),
        capture_output=True,
        check=False,
    )
    assert done.stdout, done.stderr.decode(errors="replace")
    result: dict[str, Any] = json.loads(done.stdout.decode().splitlines()[-1])
    assert "Traceback" not in done.stderr.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert not result.get("deprecations"), "Ansible finds something in the module that it will not take for long"
    return result
