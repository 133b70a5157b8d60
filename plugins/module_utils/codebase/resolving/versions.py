# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moodle's order of versions, and the names that its releases carry in Git."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...common.errors import BadInput

RELEASE_TAG = re.compile(r"v(\d+)\.(\d+)(?:\.(\d+))?")
FIRST_THREE_DIGIT_SERIES = (3, 10)


def stable_branch(series: tuple[int, int]) -> str:
    """The stable branch of a series: 3.9 has MOODLE_39_STABLE, 3.10 MOODLE_310_STABLE, 4.0 MOODLE_400_STABLE."""
    major, minor = series
    if series < FIRST_THREE_DIGIT_SERIES or major == FIRST_THREE_DIGIT_SERIES[0]:
        return f"MOODLE_{major}{minor}_STABLE"
    return f"MOODLE_{major}{minor:02d}_STABLE"


def release_of_tag(tag: str) -> tuple[int, int, int] | None:
    """``v4.3`` and ``v4.3.0`` are both 4.3.0; betas and candidates are not releases."""
    match = RELEASE_TAG.fullmatch(tag)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def core_ref(version: str, tags: Iterable[str], branches: Iterable[str]) -> tuple[str, str]:
    """The kind and name of the ref that a version form stands for: ``4.5+`` is a branch's tip, ``4.5`` the series' latest tag."""
    numbers = tuple(int(number) for number in version.rstrip("+").split("."))
    series = (numbers[0], numbers[1])
    if version.endswith("+"):
        branch = stable_branch(series)
        if branch not in set(branches):
            raise BadInput(f"moodle.version {version} stands for the branch {branch}, which the source does not have.")
        return "branch", branch
    releases = {release: tag for tag in sorted(tags) if (release := release_of_tag(tag)) and release[:2] == series}
    if len(numbers) > 2:  # noqa: PLR2004 - major.minor.patch
        exact = releases.get((*series, numbers[2]))
        if exact is None:
            raise BadInput(f"moodle.version {version}: the source has no such release; of this series it has {_listed(releases)}.")
        return "tag", exact
    if not releases:
        raise BadInput(f"moodle.version {version}: the source has no release of this series.")
    return "tag", releases[max(releases)]


def _listed(releases: dict[tuple[int, int, int], str]) -> str:
    return ", ".join(releases[release] for release in sorted(releases)) or "none"
