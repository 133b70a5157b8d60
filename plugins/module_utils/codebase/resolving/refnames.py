# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the name of a ref tells: a release, one that is still to come, or somebody's work. It is a hint; the version.php decides."""

from __future__ import annotations

import re

_NUMBERS = r"\d+(?:[._]\d+)*(?:[._]x)?"
_RELEASE_BRANCH = re.compile(
    rf"""
    main | master | stable
  | (?:moodle[-_]?v? | (?:releases?|stable)[-_/]v? | v) {_NUMBERS} (?:-{_NUMBERS})? (?:[-_](?:stable|lts))?
  | \d+\.(?:\d+\.)*(?:\d+|x) (?:[-_](?:stable|lts))?
  | \d+[-_]stable
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
# "v2.0rc1" and "beta-3" say so; "march" and "archive" do not.
_PRERELEASE = re.compile(r"(?<![a-z])(alpha|beta|rc|dev)(?:el(?:op(?:ment)?)?)?(?![a-z])", re.IGNORECASE)
_DOTTED = re.compile(r"(?<!\d)(\d)\.(\d{1,2})(?!\d)", re.ASCII)
_BARE = re.compile(r"(?<![\d.])\d{2,3}(?![\d.])", re.ASCII)
_FIRST_PADDED = 4


def is_release_branch(name: str) -> bool:
    """MOODLE_405_STABLE, main, v4.5, release/4.5 are published from; MOODLE_405_WORKING, develop, 642 are worked on."""
    return _RELEASE_BRANCH.fullmatch(name) is not None


def prerelease(name: str) -> str:
    """The word (alpha, beta, rc, dev) by which a tag says that it is no release, or the empty text."""
    found = _PRERELEASE.search(name)
    return found[1].lower() if found else ""


def names_series(name: str, branch: int) -> bool:
    """Whether a name speaks of this series: 405 is in MOODLE_405_STABLE, MOODLE_45, v4.5 and MOODLE_401-405."""
    numbers = [_branch_number(int(major), int(minor)) for major, minor in _DOTTED.findall(name)]
    numbers += [int(bare) if bare[2:] else _branch_number(int(bare[0]), int(bare[1])) for bare in _BARE.findall(name)]
    return bool(numbers) and min(numbers) <= branch <= max(numbers)


def _branch_number(major: int, minor: int) -> int:
    """4.5 is 405, but 3.9 is 39 and 3.10 is 310."""
    return major * 100 + minor if major >= _FIRST_PADDED else int(f"{major}{minor}")


def natural(name: str) -> tuple[str | int, ...]:
    """The key that sorts v4.5-r10 after v4.5-r9."""
    return tuple(int(part) if place % 2 else part for place, part in enumerate(re.split(r"([0-9]+)", name)))
