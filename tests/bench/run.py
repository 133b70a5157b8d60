# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ours beside the ordinary way: PYTHONPATH=tests:.cache python -m bench.run [--only NAME …] [--standin] [--scratch DIR]

A name is that of a job, or of one of its races. What all races of a job have told goes into docs/explanation/performance.md; with
--standin, and of a job of which only some races were run, it is only printed.
"""

from __future__ import annotations

import argparse
import os
import platform as machine
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property, partial
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import archive, codebase, delivery, fleet, plugins, swap, table, workspace
from bench.measure import Counted, Grown, Growth, Measured, Race, grow, run
from support.mariadb import MariaDB
from support.process import SupportError

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "explanation" / "performance.md"


@dataclass
class Track:
    """What the races share, made when the first of them asks for it."""

    stack: ExitStack
    folder: Path
    want_real: bool

    @cached_property
    def code(self) -> workspace.Code:
        return workspace.code(self.want_real, self.own("sources"))

    @cached_property
    def disk(self) -> Path:
        return self.stack.enter_context(workspace.scratch(workspace.DISK))

    @cached_property
    def code_on_disk(self) -> workspace.Code:
        return workspace.code(self.want_real, self.own("sources", on_disk=True))

    @cached_property
    def server(self) -> MariaDB:
        return self.stack.enter_context(MariaDB())

    def own(self, name: str, *, on_disk: bool = False) -> Path:
        folder = (self.disk if on_disk else self.folder) / name
        folder.mkdir()
        return folder


RACES: dict[str, Callable[[Track], Race | Growth | Counted]] = {
    "three-plugins": lambda track: codebase.race(track.code, track.own("codebase"), rounds=5),
    "plugins": lambda track: plugins.race(track.code, track.own("plugins"), rounds=3),
    "plugins-on-disk": lambda track: plugins.race_on_disk(track.code_on_disk, track.own("plugins", on_disk=True), rounds=3),
    "first-build": lambda track: plugins.race_from_nothing(track.code, track.own("first-build"), rounds=1),
    "growth": lambda track: plugins.growth(track.code, track.own("growth"), rounds=5),
    "release": lambda track: delivery.race(track.code, track.own("delivery"), rounds=3),
    "release-on-disk": lambda track: delivery.race(track.code_on_disk, track.own("delivery", on_disk=True), rounds=3, on_disk=True),
    "swap": lambda track: swap.story(track.own("swap")),
    "nodes": lambda track: fleet.race(workspace.site_platform(track.want_real), track.server, track.own("fleet"), rounds=3),
    "nodes-upgrade": lambda track: fleet.upgrades(workspace.site_platform(track.want_real), track.server, track.own("fleet-upgrade")),
    "nodes-states": lambda track: fleet.states(workspace.site_platform(False), track.server, track.own("fleet-states"), rounds=3),
    "nodes-growth": lambda track: fleet.simulated(track.own("fleet-growth"), rounds=3),
    "nodes-memory": lambda track: fleet.memory(track.own("fleet-memory")),
    "nodes-overhead": lambda track: fleet.overhead(workspace.site_platform(track.want_real), track.server, track.own("fleet-overhead")),
    "backups": lambda track: archive.race(workspace.site_platform(track.want_real), track.server, track.own("archive"), rounds=3),
    "backups-large": lambda track: archive.race(
        workspace.site_platform(track.want_real), track.server, track.own("archive-large"), rounds=3, courses=4, megabytes=150
    ),
}
JOBS = {
    "codebase": ("three-plugins", "plugins", "plugins-on-disk", "first-build", "growth"),
    "delivery": ("release", "release-on-disk", "swap"),
    "fleet": ("nodes", "nodes-upgrade", "nodes-states", "nodes-growth", "nodes-memory", "nodes-overhead"),
    "archive": ("backups", "backups-large"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    names = [*JOBS, *RACES]
    parser.add_argument("--only", nargs="+", choices=names, default=list(JOBS), metavar="NAME", help=f"of {', '.join(names)}")
    parser.add_argument("--standin", action="store_true", help="on the stand-in, even where the real Moodle can be read")
    parser.add_argument("--scratch", type=Path, default=workspace.quiet_disk(), metavar="DIR", help="where the work is done (%(default)s)")
    wish = parser.parse_args()

    with ExitStack() as stack:
        track = Track(stack, stack.enter_context(workspace.scratch(wish.scratch)), want_real=not wish.standin)
        for job, races in JOBS.items():
            chosen = [race for race in races if job in wish.only or race in wish.only]
            if not chosen:
                continue
            text = table.render(conditions(wish.scratch), *measure(chosen, track))
            print(f"\n{text}\n")
            if len(chosen) == len(races) and not wish.standin:
                table.put(PAGE, job, text)
                print(f"written to {PAGE.relative_to(ROOT)}\n")
    return 0


def measure(names: Sequence[str], track: Track) -> tuple[list[tuple[str, Measured]], dict[str, str], list[Grown], list[Counted]]:
    measured: list[tuple[str, Measured]] = []
    grown: list[Grown] = []
    counted: list[Counted] = []
    skipped: dict[str, str] = {}
    for name in names:
        say(name, "preparing")
        try:
            race = RACES[name](track)
        except workspace.Missing as missing:
            skipped[name] = str(missing)
            say(name, f"skipped: {missing}")
            continue
        tell = partial(say, name)
        if isinstance(race, Counted):
            counted.append(race)
        elif isinstance(race, Growth):
            grown.append(grow(race, tell))
        else:
            measured += [(race.code, one) for one in run(race, tell)]
    return measured, skipped, grown, counted


def conditions(scratch: Path) -> str:
    git = workspace.git(ROOT, "--version").removeprefix("git version ")
    return (
        f"Measured on {datetime.now(timezone.utc):%Y-%m-%d} with {os.cpu_count()} cores, Python {machine.python_version()} and Git {git}, "
        f"all files on {workspace.file_system(scratch)}, or where a row says so on a disk ({workspace.file_system(workspace.DISK)}). "
        "**Ratios hold, absolute times do not.**"
    )


def say(name: str, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {name}: {text}", flush=True)


if __name__ == "__main__":
    # The database server ends and the folder goes, however this run is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Every way finds Python's compiled files, whoever's shell this is.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        sys.exit(main())
    except SupportError as error:
        sys.exit(f"bench: {error}")
