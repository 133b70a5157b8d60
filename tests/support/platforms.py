# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two Moodles that every assertion of the contract is held against."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .cache import cache_directory
from .sources import Source, unreadable

_GENERATOR = Path(__file__).resolve().parents[1] / "minimoodle"


@dataclass(frozen=True)
class Platform:
    """Where a Moodle and its plugins come from, and the two releases that tests go between."""

    name: str
    moodle: str
    vmoodle: str
    plugins: Mapping[str, str] = field(default_factory=dict)
    old: str = "v4.2.0"
    new: str = "v4.3.0"
    vmoodle_ref: str = "MOODLE_405_STABLE"

    def core(self, ref: str | None = None) -> Source:
        return Source(self.moodle, ref or self.old)

    def virtual(self) -> Source:
        return Source(self.vmoodle, self.vmoodle_ref)


def real() -> Platform:
    return Platform(
        name="real",
        moodle="https://github.com/moodle/moodle.git",
        vmoodle="https://github.com/vfremaux/moodle-local_vmoodle",
        plugins={
            "tool_redis": "https://github.com/moodle-an-hochschulen/moodle-tool_redis",
            "tool_opcache": "https://github.com/moodle-an-hochschulen/moodle-tool_opcache",
            "mod_attendance": "https://github.com/danmarsden/moodle-mod_attendance",
        },
    )


def real_available() -> tuple[bool, str]:
    """Whether the real platform can be used and, if not, one sentence that says why."""
    platform = real()
    for url in (platform.moodle, platform.vmoodle):
        if reason := unreadable(url):
            return False, reason
    return True, ""


def standin() -> Platform:
    """The stand-in's repositories, generated once for each state of its sources."""
    # Only here: the real side needs no generator.
    from minimoodle.generate import generate  # noqa: PLC0415

    digest = hashlib.sha256()
    for file in sorted(_GENERATOR.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            digest.update(str(file.relative_to(_GENERATOR)).encode() + b"\0" + file.read_bytes())
    home = cache_directory() / f"standin-{digest.hexdigest()[:16]}"
    if not home.is_dir():
        fresh = Path(tempfile.mkdtemp(prefix="standin-", dir=cache_directory()))
        generate(fresh)
        try:
            fresh.rename(home)
        except OSError:
            # Another run was quicker; both made the same commits.
            shutil.rmtree(fresh, ignore_errors=True)
    repositories = {path.name.removesuffix(".git").removeprefix("moodle-"): str(path) for path in sorted(home.glob("*.git"))}
    return Platform(
        name="standin",
        moodle=repositories.pop("moodle"),
        vmoodle=repositories.pop("local_vmoodle"),
        plugins=repositories,
    )
