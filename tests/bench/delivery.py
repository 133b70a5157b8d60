# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releasing a code base: a commit becomes a directory that is served."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .codebase import Builder, Editions
from .measure import Race, Row, Way
from .workspace import Code, command, git, module, remove

CONFIG = "<?php // Rendered for the benchmark.\n"


@dataclass(frozen=True)
class Target:
    """A delivery root, and the way of a play through it: everything staged and verified first, then the switch."""

    root: Path
    repository: Path
    config: Path

    def deliver(self, revision: str, *, changed: bool = True) -> None:
        self._bring("updated", revision, changed=changed)
        self._bring("live", revision, changed=changed)

    def ask(self, revision: str) -> None:
        self._bring("live", revision, changed=False)

    def _bring(self, state: str, revision: str, *, changed: bool) -> dict[str, Any]:
        arguments = {
            "path": str(self.root),
            "state": state,
            "repository": str(self.repository),
            "revision": revision,
            "shared_files": [{"src": str(self.config), "dest": "config.php", "mode": "0640"}],
        }
        return module("moodle_delivery", arguments, changed=changed)


def race(code: Code, folder: Path, rounds: int) -> Race:
    builder, path, first, second = _two_revisions(code, folder)
    config = folder / "config.php"
    config.write_text(CONFIG)
    files = len(git(builder.repository, "ls-tree", "-r", "--name-only", second).splitlines())
    differ = len(git(builder.repository, "diff", "--name-only", first, second).splitlines())

    def target(number: int) -> Target:
        return Target(folder / f"delivered-{number}", builder.repository, config)

    def place(name: str, number: int) -> Path:
        return folder / f"{name}-{number}"

    first_one = Way(
        "module, `updated` then `live`, first release",
        lambda number: target(number).deliver(first),
        lambda number: remove(target(number - 1).root),
    )
    second_one = Way("module, `updated` then `live`, beside a served release", lambda number: target(number).deliver(second))
    once_more = Way("module, `live` once more", lambda number: target(number).ask(second))
    archive = Way(
        "`git archive \\| tar` into a new directory",
        lambda number: _extract(builder.repository, second, place("archive", number)),
        lambda number: remove(place("archive", number - 1)),
    )
    copied = Way(
        "`cp -R`, the plugin's files over it, two `mv`",
        lambda number: _copy_and_move(builder.repository, second, path, place("site", number)),
        lambda number: _make_site(builder.repository, first, folder, number),
    )
    verified = (
        "Ours is two module calls, each in a Python process of its own as on a host, without Ansible's own start. It reads every file back "
        "and compares it with its commit before it is served; the ordinary ways verify nothing, and find no hot fix."
    )
    asked = "The module reads every file of what is served, or it would miss a hot fix. The ordinary way does not know what is there."
    works = f"{files:,} files"
    return Race(
        code.name,
        rounds,
        [
            Row(f"first release, {works}", first_one, archive, verified),
            Row(f"next release, {differ} of {works} differ", second_one, archive, verified),
            Row(f"next release, {differ} of {works} differ", second_one, copied, verified),
            Row(f"asking for the release that is served, {works}", once_more, archive, asked),
        ],
    )


def _two_revisions(code: Code, folder: Path) -> tuple[Builder, str, str, str]:
    """The builder, the path of the plugin in which the two revisions differ, and the revisions."""
    editions = Editions.make(code, folder / "changing", 2)
    builder = Builder(folder / "built", code)
    commits = []
    for number in (0, 1):
        builder.declare(editions.at(number))
        built = builder.build(changed=True, offline=False)
        commits.append(built["commit"])
    (path,) = (part["path"] for part in built["components"] if part["component"] == editions.changing)
    return builder, path, commits[0], commits[1]


def _extract(repository: Path, revision: str, target: Path, *paths: str) -> None:
    target.mkdir(exist_ok=True)
    # Through a shell's pipe, as people do; every word of it is ours.
    line = 'git -C "$0" archive "$@" | tar -x -f - -C "$TARGET"'
    command("env", f"TARGET={target}", "bash", "-o", "pipefail", "-c", line, repository, revision, *paths)


def _make_site(repository: Path, revision: str, folder: Path, number: int) -> None:
    remove(folder / f"site-{number - 1}")
    (folder / f"site-{number}").mkdir()
    _extract(repository, revision, folder / f"site-{number}" / "code")


def _copy_and_move(repository: Path, revision: str, path: str, site: Path) -> None:
    """The site is away between the two renames."""
    served, work, saved = site / "code", site / "work", site / "saved"
    command("cp", "-R", served, work)
    remove(work / path)
    _extract(repository, revision, work, path)
    command("mv", served, saved)
    command("mv", work, served)
