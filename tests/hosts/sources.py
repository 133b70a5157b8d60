# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the code that the scenarios build from on a host, as Git repositories: the stand-in and its plugins, or a real Moodle.

Beside each revision there is the tag REVISION-fixed: the same code with one more file and no new version, as a hot fix is.
GIT_SSH_COMMAND says how the host is reached.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from minimoodle.generate import generate

FIX = "fix.txt"
# The same files are the same commit, whenever they are published.
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "publish"), ("EMAIL", "publish@invalid"), ("DATE", "2026-01-01T00:00:00Z"))
}


def real(source: str, revisions: list[str], folder: Path) -> dict[str, Path]:
    """Each revision as one commit without history: half a gigabyte of it stays where it is."""
    moodle = folder / "moodle.git"
    git("init", "--quiet", "--bare", str(moodle))
    if Path(source).exists():
        # Read where they lie, so that a partial clone serves as well as a whole one.
        objects = git("-C", source, "rev-parse", "--path-format=absolute", "--git-path", "objects")
        (moodle / "objects" / "info" / "alternates").write_text(f"{objects}\n", encoding="utf-8")
    for revision in revisions:
        if Path(source).exists():
            tree = git("-C", source, "rev-parse", "--verify", f"{revision}^{{tree}}")
        else:
            git("-C", str(moodle), "fetch", "--quiet", "--depth=1", "--no-tags", source, revision)
            tree = git("-C", str(moodle), "rev-parse", "FETCH_HEAD^{tree}")
        tag(moodle, revision, tree)
    return {"moodle": moodle}


def fix(moodle: Path, revision: str) -> None:
    """One more file, and no version that is any newer."""
    repository, listed = ("-C", str(moodle)), git("-C", str(moodle), "ls-tree", f"{revision}^{{tree}}")
    blob = git(*repository, "hash-object", "-w", "--stdin", given=f"A fix on top of {revision}.\n")
    tag(moodle, f"{revision}-fixed", git(*repository, "mktree", given=f"{listed}\n100644 blob {blob}\t{FIX}\n"))


def tag(repository: Path, name: str, tree: str) -> None:
    commit = git("-C", str(repository), "commit-tree", "-m", name, tree)
    git("-C", str(repository), "update-ref", f"refs/tags/{name}", commit)


def send(repository: Path, host: str, target: str) -> None:
    subprocess.run([*shlex.split(os.environ["GIT_SSH_COMMAND"]), host, "git", "init", "--quiet", "--bare", target], check=True)
    git("-C", str(repository), "push", "--quiet", f"{host}:{target}", "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


def git(*words: str, given: str = "") -> str:
    environment = {**os.environ, **IDENTITY, "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(["git", *words], env=environment, input=given, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests/hosts/publish", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="", help="Moodle's repository, a path or a URL; the stand-in when empty")
    parser.add_argument("revisions", nargs=2, metavar=("FROM", "TO"), help="the tags between which the scenario upgrades")
    parser.add_argument("host", help="USER@HOST")
    parser.add_argument("directory", help="where the repositories go on it")
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = real(wanted.source, wanted.revisions, Path(folder)) if wanted.source else generate(folder)
            for revision in wanted.revisions:
                fix(made["moodle"], revision)
            for repository in made.values():
                send(repository, wanted.host, f"{wanted.directory}/{repository.name}")
        except subprocess.CalledProcessError as error:
            print(f"`{' '.join(error.cmd)}` failed: what it was asked for is not there, or cannot be reached.", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
