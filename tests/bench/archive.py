# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An archive: the courses of a category become backup files, and courses of another site."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from support.mariadb import MariaDB
from support.moodle import installed_site
from support.platforms import Platform
from support.play import run_module
from support.process import SupportError

from .measure import Race, Row, Way
from .workspace import PHP, Missing, checked, module, title

WORKERS = 2
# A file that no other course has, and that cannot be packed.
_ADD_FILE = r"""
define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
get_file_storage()->create_file_from_pathname(['contextid' => context_course::instance($argv[2])->id, 'component' => 'course',
    'filearea' => 'overviewfiles', 'itemid' => 0, 'filepath' => '/', 'filename' => 'large.bin'], $argv[3]);
"""


def race(platform: Platform, server: MariaDB, folder: Path, rounds: int, *, courses: int = 24, megabytes: int = 0) -> Race:
    if megabytes and platform.name != "real":
        raise Missing("large courses are only made of a real Moodle")
    site = installed_site(platform, folder / "archive", server)
    made = [site.make_course(f"course-{number}") for number in range(courses)]
    for course in made if megabytes else ():
        large = folder / "large.bin"
        large.write_bytes(os.urandom(megabytes * 2**20))
        site.php("-r", _ADD_FILE, "--", site.code, str(course), large).must_succeed()
    storage = folder / "storage"
    storage.mkdir()

    target = installed_site(platform, folder / "target", server, wwwroot="http://target.test")

    def arguments(run: str, **wish: Any) -> dict[str, Any]:
        return {
            "moodle": str(site.code),
            "storage": str(storage),
            "run": run,
            "state": "archived",
            "category": {"id": 1},
            "workers": WORKERS,
            "php_options": [f"{name}={value}" for name, value in site.php_settings().items()],
            **wish,
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

    def without_files(_number: int) -> None:
        """A file that was restored once lies in the target's pool, and the next restore would not have to bring it."""
        shutil.rmtree(target.dataroot / "filedir", ignore_errors=True)

    def another_run(number: int) -> None:
        """The same backups under another name, so that nothing of them is in the target yet."""
        without_files(number)
        copy = storage / f"restore-{number}"
        shutil.copytree(storage / "alone-0", copy)
        about = json.loads((copy / "run.json").read_text())
        (copy / "run.json").write_text(json.dumps({**about, "begun": str(number)}))

    def restored(number: int) -> None:
        wish = arguments(f"restore-{number}", state="restored", category=None, moodle=str(target.code), _php=str(PHP))
        result = module("course_archive", {name: value for name, value in wish.items() if value is not None}, changed=True)
        if result["counts"]["restored"] != courses:
            raise SupportError(f"course_archive: {result['counts']} of {courses} courses")

    def restored_one_after_another(_number: int) -> None:
        backups = sorted((storage / "alone-0" / "backups").rglob("*.mbz"))
        if len(backups) != courses:
            raise SupportError(f"{len(backups)} backups of {courses} courses")
        for backup in backups:
            target.cli("admin/cli/restore_backup.php", f"--file={backup}", "--categoryid=1").must_succeed()

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
    kind = f"courses of {megabytes} MB" if megabytes else "small courses"
    work = f"backup of {courses} {kind}"
    ours = Way("module alone, restores", restored, another_run)
    theirs = Way("loop over `admin/cli/restore_backup.php`", restored_one_after_another, without_files)
    back = f"{WORKERS} PHP workers; each backup is read through first, names, ID numbers and order are set, and a journal is kept."
    return Race(
        title(platform),
        rounds,
        [Row(work, alone, loop, note), Row(work, play, loop, note), Row(f"restore of {courses} {kind}", ours, theirs, back)],
    )
