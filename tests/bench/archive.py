# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An archive: the courses of a category become backup files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.mariadb import MariaDB
from support.moodle import installed_site
from support.platforms import Platform
from support.play import run_module
from support.process import SupportError

from .measure import Race, Row, Way
from .workspace import PHP, checked, module, title

WORKERS = 2


def race(platform: Platform, server: MariaDB, folder: Path, rounds: int, courses: int = 10) -> Race:
    site = installed_site(platform, folder / "archive", server)
    made = [site.make_course(f"course-{number}") for number in range(courses)]
    storage = folder / "storage"
    storage.mkdir()

    def arguments(run: str) -> dict[str, Any]:
        return {
            "moodle": str(site.code),
            "storage": str(storage),
            "run": run,
            "state": "archived",
            "category": {"id": 1},
            "workers": WORKERS,
            "php_options": [f"{name}={value}" for name, value in site.php_settings().items()],
        }

    def judged(result: dict[str, Any]) -> None:
        if checked("course_archive", result, changed=True)["counts"]["backed_up"] != courses:
            raise SupportError(f"course_archive: {result['counts']} of {courses} courses")

    def one_after_another(number: int) -> None:
        for course in made:
            backups = storage / f"loop-{number}" / str(course)
            backups.mkdir(parents=True)
            site.cli("admin/cli/backup.php", f"--courseid={course}", f"--destination={backups}").must_succeed()
            # The exit code alone says little.
            if not any(backups.iterdir()):
                raise SupportError(f"admin/cli/backup.php left no backup of course {course}")

    alone = Way(
        "module alone",
        lambda number: judged(module("course_archive", {**arguments(f"alone-{number}"), "_php": str(PHP)}, changed=True)),
    )
    play = Way(
        "whole play, Ansible's start included",
        lambda number: judged(run_module("course_archive", arguments(f"play-{number}"), folder / "archive-play")),
    )
    loop = Way("loop over `admin/cli/backup.php`", one_after_another)
    note = f"{WORKERS} PHP workers that live for many courses; each backup is read back and a journal is kept, which the loop does not."
    work = f"backup of {courses} small courses"
    return Race(title(platform), rounds, [Row(work, alone, loop, note), Row(work, play, loop, note)])
