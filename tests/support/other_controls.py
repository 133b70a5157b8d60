# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Repositories of Subversion and CVS for tests: small, real, and made by these programs themselves."""

from __future__ import annotations

import os
import pwd
import socketserver
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from .process import SupportError, program
from .repositories import Files, write
from .web import free_port, wait_for


def need(name: str, package: str) -> None:
    try:
        program(name, package)
    except SupportError as missing:
        pytest.skip(str(missing))


def said(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode()


def replace(folder: Path, files: Files, keep: str) -> None:
    """Make a working copy hold exactly these files; its own folders are called ``keep``."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if keep in path.relative_to(folder).parts:
            continue
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif keep == ".svn" and not any(path.iterdir()):
            path.rmdir()
    write(folder, files)


class Subversion:
    """A repository with ``project/trunk``, in which each commit holds exactly the files that are given."""

    def __init__(self, folder: Path) -> None:
        need("svnserve", "subversion")
        self.path = folder / "svn"
        self.work = folder / "svn-work"
        said("svnadmin", "create", self.path)
        self.url = f"{self.path.as_uri()}/project/trunk"
        said("svn", "mkdir", "-q", "--parents", "-m", "begin", self.url)
        said("svn", "checkout", "-q", self.url, self.work)

    def commit(self, files: Files, properties: Mapping[str, Mapping[str, str]] | None = None) -> str:
        """The number of the new revision; ``properties`` by path and name."""
        replace(self.work, files, ".svn")
        for line in said("svn", "status", "--no-ignore", cwd=self.work).splitlines():
            kind, path = line[0], line[8:] + "@"
            if kind in "!~":
                said("svn", "remove", "-q", "--force", "--keep-local", path, cwd=self.work)
            if kind == "?":
                said("svn", "add", "-q", "--no-auto-props", "--no-ignore", path, cwd=self.work)
        for path, pairs in (properties or {}).items():
            for name, value in pairs.items():
                said("svn", "propset", "-q", name, value, f"{path}@", cwd=self.work)
        said("svn", "commit", "-q", "-m", "more", cwd=self.work)
        said("svn", "update", "-q", "--ignore-externals", cwd=self.work)
        return self.youngest()

    def youngest(self) -> str:
        return said("svnlook", "youngest", self.path).strip()


class SvnServe:
    """For the length of a ``with``: the repositories below a folder at svn://127.0.0.1, for one user where a password is given."""

    def __init__(self, repository: Subversion, password: str = "") -> None:
        self.port = free_port()
        self.url = f"svn://127.0.0.1:{self.port}/project/trunk"
        conf = repository.path / "conf"
        access = "anon-access = none\nauth-access = read\npassword-db = passwd\nrealm = tests\n" if password else "anon-access = read\n"
        (conf / "svnserve.conf").write_text(f"[general]\n{access}")
        (conf / "passwd").write_text(f"[users]\ndeploy = {password}\n")
        self._command = [program("svnserve", "subversion"), "--daemon", "--foreground", "--root", str(repository.path)]
        self._command += ["--listen-host", "127.0.0.1", "--listen-port", str(self.port)]

    def __enter__(self) -> SvnServe:
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)
        wait_for(self.port, "svnserve")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()


class Cvs:
    """A CVS repository with the module ``moodle``, in which each commit holds exactly the files that are given."""

    def __init__(self, folder: Path) -> None:
        need("cvs", "cvs")
        self.path = folder / "cvs"
        self.work = folder / "cvs-work"
        self.cvs("init")
        (self.path / "moodle").mkdir()
        self.cvs("checkout", "-d", self.work.name, "moodle", cwd=folder)

    def cvs(self, *words: str, cwd: Path | None = None) -> str:
        return said("cvs", "-f", "-Q", "-d", str(self.path), *words, cwd=cwd)

    def commit(self, files: Files, tag: str | None = None, binary: tuple[str, ...] = ()) -> None:
        self.cvs("update", "-d", cwd=self.work)
        before = set(self._files())
        replace(self.work, files, "CVS")
        now = set(self._files())
        for path in sorted(before - now):
            self.cvs("remove", path, cwd=self.work)
        for path in sorted(now - before):
            for parent in [str(parent) for parent in reversed(Path(path).parents)][1:]:
                if not (self.work / parent / "CVS").exists():
                    self.cvs("add", parent, cwd=self.work)
            self.cvs("add", *(["-kb"] if path in binary else []), path, cwd=self.work)
        self.cvs("commit", "-f", "-R", "-m", "more", cwd=self.work)
        if tag:
            self.cvs("tag", "-F", tag, cwd=self.work)

    def _files(self) -> list[str]:
        paths = (path.relative_to(self.work) for path in self.work.rglob("*") if path.is_file())
        return [str(path) for path in paths if "CVS" not in path.parts]


class Pserver(socketserver.ThreadingTCPServer):
    """For the length of a ``with``: a CVS repository behind a password, as inetd would serve it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, repository: Cvs, user: str, crypted: str) -> None:
        # CVS serves nobody as root.
        account = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        said("chmod", "-R", "a+rwX", repository.path)
        (repository.path / "CVSROOT/passwd").write_text(f"{user}:{crypted}:{account}\n")
        super().__init__(("127.0.0.1", 0), _Answer)
        self.command = ["cvs", "-f", f"--allow-root={repository.path}", "pserver"]
        self.port: int = self.server_address[1]

    def __enter__(self) -> Pserver:
        threading.Thread(target=lambda: self.serve_forever(0.02), daemon=True).start()
        return self

    def __exit__(self, *_error: Any) -> None:
        self.shutdown()
        self.server_close()


class _Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        command = self.server.command  # type: ignore[attr-defined]
        subprocess.run(command, stdin=self.request.fileno(), stdout=self.request.fileno(), check=False)


def rsh(folder: Path) -> str:
    """A program that stands for ssh: it runs the command here, whatever host is named."""
    path = folder / "rsh"
    path.write_text("#!/bin/sh\nfor command; do :; done\nexec $command\n")
    path.chmod(0o755)
    return str(path)
