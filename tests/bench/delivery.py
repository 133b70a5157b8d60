# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Releasing a code base: a commit becomes a directory that is served."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .codebase import Builder
from .measure import Race, Row, Way
from .workspace import Code, Ready, command, git, module, remove

DIFFER = 600
KEPT = 5
SETTLED = 2.1  # seconds
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

    def deliver_at_once(self, revision: str, ready: Ready | None = None) -> None:
        arguments = self._arguments("live", revision, keep_releases=KEPT, grace=0)
        if ready:
            ready.module(arguments, changed=True)
        else:
            module("moodle_delivery", arguments, changed=True)

    def settle(self, revision: str) -> None:
        """As a delivery does after its health check: what is served was looked at once more when its files were no news."""
        time.sleep(SETTLED)
        self.ask(revision)
        self._bring("live", revision, changed=True, good=True)

    def fill(self, revisions: Sequence[str]) -> None:
        """Deliver one after the other, until there are as many as are kept."""
        for revision in revisions:
            self.deliver_at_once(revision)
            self.settle(revision)

    def ask(self, revision: str) -> None:
        self._bring("live", revision, changed=False)

    def _bring(self, state: str, revision: str, *, changed: bool, **more: Any) -> None:
        module("moodle_delivery", self._arguments(state, revision, **more), changed=changed)

    def _arguments(self, state: str, revision: str, **more: Any) -> dict[str, Any]:
        return {
            "path": str(self.root),
            "state": state,
            "repository": str(self.repository),
            "revision": revision,
            "shared_files": [{"src": str(self.config), "dest": "config.php", "mode": "0640"}],
            **more,
        }


def race(code: Code, folder: Path, rounds: int, *, on_disk: bool = False) -> Race:
    """On a disk, everybody waits until what was written is there: ours does anyway, before a release gets its name."""
    builder, first = _first_revision(code, folder)
    revisions = [first]
    for number in range(KEPT + 2 * rounds):
        revisions.append(_with_other_files(builder.repository, revisions[-1], DIFFER, number))
    second = revisions[1]
    config = folder / "config.php"
    config.write_text(CONFIG)
    files = len(git(builder.repository, "ls-tree", "-r", "--name-only", second).splitlines())
    differ = len(git(builder.repository, "diff", "--name-only", first, second).splitlines())

    def target(number: int) -> Target:
        return Target(folder / f"delivered-{number}", builder.repository, config)

    def place(name: str, number: int) -> Path:
        return folder / f"{name}-{number}"

    def to_disk(act: Callable[[int], None]) -> Callable[[int], None]:
        def written(number: int) -> None:
            act(number)
            command("sync", "--file-system", str(folder))

        return written if on_disk else act

    full = Target(folder / "full", builder.repository, config)

    def prepare(number: int) -> None:
        """As many releases as are kept, then two more in each round."""
        if number:
            full.settle(revisions[KEPT + 2 * number - 1])
        else:
            full.fill(revisions[:KEPT])

    started: list[Ready] = []

    def prepare_ready(number: int) -> None:
        full.settle(revisions[KEPT + 2 * number])
        started[:] = [Ready("moodle_delivery")]

    first_one = Way(
        "module, `updated` then `live`, first release",
        lambda number: target(number).deliver(first),
        lambda number: remove(target(number - 1).root),
    )
    second_one = Way(
        "module, `live`, beside a served release",
        lambda number: target(number).deliver_at_once(second),
        lambda number: target(number).settle(first),
    )
    usual_one = Way(
        f"module, `live`, where {KEPT} releases are kept",
        lambda number: full.deliver_at_once(revisions[KEPT + 2 * number]),
        to_disk(prepare),
    )
    own_one = Way(
        f"module, `live`, where {KEPT} releases are kept, from its arguments on",
        lambda number: full.deliver_at_once(revisions[KEPT + 2 * number + 1], started.pop()),
        to_disk(prepare_ready),
    )
    once_more = Way("module, `live` once more", lambda number: target(number).ask(second))
    archive = Way(
        "`git archive \\| tar` into a new directory",
        to_disk(lambda number: _extract(builder.repository, second, place("archive", number))),
        to_disk(lambda number: remove(place("archive", number - 1))),
    )
    synchronised = Way(
        "`rsync` from a full tree into a new directory",
        to_disk(lambda number: command("rsync", "-a", f"{place('site', number)}/", str(place("synchronised", number)))),
        to_disk(lambda number: _make_site(builder.repository, second, folder, number)),
    )
    copied = Way(
        "`cp -R`, the changed files over it, two `mv`",
        to_disk(lambda number: _copy_and_move(builder.repository, (first, second), place("kept", number))),
        to_disk(lambda number: _make_kept(builder.repository, first, folder, number)),
    )
    verified = (
        "Ours runs in Python processes of its own as on a host, two for the first release and one for the next, without Ansible's own "
        "start. What it writes is read back, and all files are compared with their commit before they are served; the ordinary ways verify "
        "nothing, and find no hot fix. The release that is served was confirmed by a call before, as after a health check."
    )
    usual = (
        f"As on a host where deliveries are nothing new: {KEPT} releases are there, each {differ} files from the next, and the new one is "
        "made over the oldest, which would be pruned, so that more files than those differ between the two. Verified like the others; "
        "the ordinary ways remove no old one."
    )
    asked = (
        "The module looks at every file of what is served, and reads those that were touched, or it would miss a hot fix. "
        "The ordinary way does not know what is there."
    )
    works = f"{files:,} files"
    own = (
        "The same module without what it takes to start it: Python has read it and Ansible's libraries, and waits for its arguments. The "
        "ordinary ways' own programs start in a few milliseconds."
    )
    next_ones = [
        Row(f"next release, {differ} of {works} differ", way, ordinary, note)
        for way, note in ((usual_one, usual), (own_one, own))
        for ordinary in (archive, synchronised, copied)
    ]
    if on_disk:
        return Race(f"{code.name}, on a disk", rounds, next_ones)
    return Race(
        code.name,
        rounds,
        [
            Row(f"first release, {works}", first_one, archive, verified),
            Row(f"second release, {differ} of {works} differ", second_one, archive, verified),
            Row(f"second release, {differ} of {works} differ", second_one, synchronised, verified),
            *next_ones,
            Row(f"asking for the release that is served, {works}", once_more, archive, asked),
        ],
    )


def _first_revision(code: Code, folder: Path) -> tuple[Builder, str]:
    builder = Builder(folder / "built", code)
    builder.declare(code.plugins)
    return builder, str(builder.build(changed=True, offline=False)["commit"])


def _with_other_files(repository: Path, revision: str, number: int, first: int) -> str:
    """A commit in which so many files, spread over the tree, have other content; which they are depends on the ``first``."""
    listed = [line.partition("\t") for line in git(repository, "ls-tree", "-r", revision).splitlines()]
    plain = [(head.split()[0], path) for head, _tab, path in listed if head.startswith("100") and path.isprintable() and '"' not in path]
    stream = [f"commit refs/heads/changed\ncommitter bench <bench@example.org> 0 +0000\ndata 0\n\nfrom {revision}\n"]
    step = max(1, len(plain) // number)
    for mode, path in plain[first % step :: step][:number]:
        content = f"{path} was changed {first}\n"
        stream.append(f"M {mode} inline {path}\ndata {len(content)}\n{content}\n")
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repository, input="".join(stream).encode(), check=True)
    return git(repository, "rev-parse", "changed")


def _extract(repository: Path, revision: str, target: Path, *paths: str) -> None:
    target.mkdir(exist_ok=True)
    # Through a shell's pipe, as people do; every word of it is ours.
    line = 'git -C "$0" archive "$@" | tar -x -f - -C "$TARGET"'
    command("env", f"TARGET={target}", "bash", "-o", "pipefail", "-c", line, repository, revision, *paths)


def _make_site(repository: Path, revision: str, folder: Path, number: int) -> None:
    for name in ("site", "synchronised"):
        remove(folder / f"{name}-{number - 1}")
    _extract(repository, revision, folder / f"site-{number}")


def _make_kept(repository: Path, revision: str, folder: Path, number: int) -> None:
    remove(folder / f"kept-{number - 1}")
    (folder / f"kept-{number}").mkdir()
    _extract(repository, revision, folder / f"kept-{number}" / "code")


def _copy_and_move(repository: Path, revisions: tuple[str, str], site: Path) -> None:
    """The site is away between the two renames."""
    served, work, saved = site / "code", site / "work", site / "saved"
    command("cp", "-R", served, work)
    changed = git(repository, "diff", "--name-only", *revisions).splitlines()
    _extract(repository, revisions[1], work, *changed)
    command("mv", served, saved)
    command("mv", work, served)
