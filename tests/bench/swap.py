# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users see while code is swapped under them, forwards and back: nginx and PHP-FPM as the role site configures them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from support.process import SupportError
from support.repositories import Source
from support.web_servers import Load, page, serving

from .measure import Counted
from .workspace import Missing, command, module, remove

REQUESTS, SWAPS, USERS, PAUSE = 20_000, 40, 6, 0.1


def story(folder: Path) -> Counted:
    ours, moved, copied = folder / "ours", folder / "moved", folder / "copied"
    source = Source(folder / "source")
    for mark in "ab":
        source.commit(files(mark), tag=mark)
        module("moodle_delivery", deliver(ours, source, mark), changed=True)
    for place in (moved, copied):
        for mark, name in (("a", "current"), ("b", "next")):
            command("git", "clone", "--quiet", "--branch", mark, str(source.path), str(place / name))
    for mark in "ab":
        command("git", "clone", "--quiet", "--branch", mark, str(source.path), str(copied / mark))
    ways = {
        "module, `rolled_back` to the one and the other": (ours, lambda turn: back(ours, "ab"[turn % 2])),
        "two `mv`": (moved, lambda _turn: two_renames(moved)),
        "`rsync` in place": (copied, lambda turn: in_place(copied, "ba"[turn % 2])),
    }
    seen = {name: under_load(folder, root, swap) for name, (root, swap) in ways.items()}
    return Counted("swaps under load", ("requests", "swaps", "errors", "answers mixed from two releases"), seen)


def files(mark: str) -> dict[str, str]:
    parts = {f"lib/part{number}.php": f"<?php // {mark}\n" for number in range(300)}
    return {**page(mark), **parts}


def deliver(root: Path, source: Source, mark: str) -> dict[str, object]:
    return {"path": str(root), "state": "live", "repository": str(source.path), "revision": mark, "release_id": mark}


def back(root: Path, mark: str) -> None:
    module("moodle_delivery", {"path": str(root), "state": "rolled_back", "release_id": mark}, changed=True)


def two_renames(place: Path) -> None:
    command("mv", str(place / "current"), str(place / "saved"))
    command("mv", str(place / "next"), str(place / "current"))
    (place / "saved").rename(place / "next")


def in_place(place: Path, mark: str) -> None:
    command("rsync", "-a", "--checksum", "--delete", f"{place / mark}/", f"{place / 'current'}/")


def under_load(folder: Path, root: Path, swap: Callable[[int], None]) -> tuple[int, int, int, int]:
    """Requests, swaps, errors, mixed answers; it ends when there were enough of both."""
    remove(folder / "web")
    try:
        with serving(folder / "web", root) as port, Load(port, USERS) as load:
            swaps = 0
            while swaps < SWAPS or load.answers.total() < REQUESTS:
                time.sleep(PAUSE)
                swap(swaps)
                swaps += 1
    except SupportError as missing:
        raise Missing(str(missing)) from None
    return load.answers.total(), swaps, load.answers["error"], load.answers["mixed"]
