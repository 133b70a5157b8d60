#!/usr/bin/python
#
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: course_archive

short_description: Bring the courses of a category into an archive

version_added: 0.1.0

description:
  - Brings the courses of one category with all that is below it, hidden courses included, from a source platform into an archive
    platform, through a storage that both share. Each state is a step; a call does what is missing to it.
  - V(planned) and V(archived) act on the source, V(restored) and V(verified) on the archive platform, V(purged) on either, or on the
    storage alone.
  - Each course has its own small file in the run's folder that says how far it is. Run again with the same parameters, the module
    goes on where it was, after a failure, a stop or a crash.
  - A backup counts only after its archive was read back to the last byte and found to be that of the course. Size and SHA-256 are
    recorded. Moodle's own copy of the backup is removed.
  - A course leaves the source only when its copy in the archive was compared with what was backed up, its backup is whole, nothing
    was changed in it since, and no other course depends on it.
  - While it works, a line shows how far it is. When the play is stopped, the work on the host ends after the courses that are being
    done.

extends_documentation_fragment:
  - lms.moodle.attributes
  - lms.moodle.php

attributes:
  check_mode:
    support: full
    details:
      - Returns the selection and what would be done with it. Nothing is written, neither in the storage nor in Moodle.
  diff_mode:
    support: none
  idempotent:
    support: full

options:
  moodle:
    description:
      - The root of the code of the platform that acts, where C(config.php) is.
      - Asked for, unless nothing but the storage is concerned (O(state=stopped), and O(state=purged) with O(side=backups)).
    type: path
  host:
    description:
      - The address of the virtual node that acts, on a VMoodle. When not set, the site itself.
    type: str
  storage:
    description:
      - The shared folder, which must exist.
    type: path
    required: true
  run:
    description:
      - The run's name, and that of its folder in the storage. One run is about one category of one platform.
    type: str
    required: true
  category:
    description:
      - With O(state=planned) and O(state=archived), the category, by one of the following. It must be exactly one category.
      - V({start}) and V({end}) in it stand for the years in which today's session begins and ends, V({start2}) and V({end2}) for their
        last two digits. A run that was begun keeps its category, whatever year it is when it goes on.
    type: dict
    suboptions:
      id:
        description:
          - Its number in Moodle.
        type: int
      path:
        description:
          - Its name after those of its parents, with slashes between, for example V(Faculty of Law/2025-2026).
        type: str
      idnumber:
        description:
          - Its ID number, as teachers see it.
        type: str
      name:
        description:
          - Its name.
        type: str
  state:
    description:
      - V(planned) writes down which courses belong to the run, and how much room their files take.
      - V(archived) does that too, and backs up every course that is not backed up yet.
      - V(restored) makes every course that is backed up in the archive platform, in the same sub-tree of categories, with names, ID numbers
        and order. A course that a failed or killed restore left half made is removed.
      - V(verified) compares every restored course with what it held when it was backed up. All differences are in C(reports) in the run's
        folder, one file a course; a course with a difference that may not be has failed.
      - V(purged) removes the courses from the platform, or their backups from the storage, as O(side) says.
      - V(given_back) brings O(courses) back to the source, out of their backups. What else the run knows of them stays.
      - V(stopped) asks whoever acts on the run at this moment to begin nothing more. Later calls are not concerned.
    type: str
    choices:
      - planned
      - archived
      - restored
      - verified
      - purged
      - given_back
      - stopped
    required: true
  into:
    description:
      - With O(state=restored), the category of the archive platform under which the sub-tree is made, by one of the following. When not
        set, the tree is made at the top, with the categories above it.
    type: dict
    suboptions:
      id:
        description:
          - Its number in Moodle.
        type: int
      path:
        description:
          - Its name after those of its parents, with slashes between.
        type: str
      idnumber:
        description:
          - Its ID number.
        type: str
      name:
        description:
          - Its name.
        type: str
  first_month:
    description:
      - The month in which a session begins.
    type: int
    default: 9
  year_offset:
    description:
      - Which session is meant, in years from today's, for example V(-1) for the one before.
    type: int
    default: 0
  select:
    description:
      - With O(state=planned) and O(state=archived), a JMESPath query over the courses of the category that returns those that belong to the
        run, for example V([?session=='{start}-{end}' && visible]). The years of O(category) may stand in it too.
      - A course has C(id), C(shortname), C(fullname), C(idnumber), C(visible), C(category), C(startdate), C(enddate) and C(timemodified) as
        seconds, C(session) in which it begins, and C(estimate) in bytes.
      - Needs the Python library jmespath on the host.
    type: str
  pre_script:
    description:
      - Run for each course before its backup (O(state=archived)) or its restore (O(state=restored)); when it fails, so does the course.
      - A path inside Moodle's code that ends in C(.php) is one of its scripts, which gets C(--courseid). A program gets the course's number
        as its argument. Any other file is given to C(local_moodlescript), where that is installed, with the number as C(courseid).
      - The environment names C(LMS_MOODLE_COURSE) (in the platform that acts; 0 before a restore), C(LMS_MOODLE_SOURCE_COURSE),
        C(LMS_MOODLE_SHORTNAME), C(LMS_MOODLE_FULLNAME) and C(LMS_MOODLE_RUN).
    type: str
  post_script:
    description:
      - As O(pre_script), after the backup or the restore. A backup whose script fails does not count and is made again. A course whose
        script ran well after its restore is C(processed); one whose script failed is not verified before it ran well.
    type: str
  any_version:
    description:
      - With O(state=restored), restore although Moodle or its plugins are not the same as in the source. What differs is a warning then.
    type: bool
    default: false
  again:
    description:
      - With O(state=archived), back up anew what failed on its further way, for example because it was changed since. The old backup counts
        until the new one does.
      - With O(state=restored), make anew what did not verify. The old copy goes when the new one is whole.
    type: bool
    default: false
  accept:
    description:
      - With O(state=verified) and O(side=archive), further differences that may be, as patterns over C(section/key), for example
        V(rows/quiz_*).
    type: list
    elements: str
    default: []
  side:
    description:
      - With O(state=purged), V(source) removes the courses from the platform that they are from, V(archive) from the archive platform.
      - For V(source), each course must be verified, its backup whole, and nothing changed since. For V(archive), each must still be
        what was archived.
      - V(backups) removes the backups of the courses from the storage, with what tells of people beside them (what each course held,
        the report of its comparison). For this each course must be verified and removed from the source, and O(older_than) reached.
        Courses that are not keep their backups, and RV(courses) says why. From then on the archive platform alone has the course, and it
        can neither be given back nor compared again.
    type: str
    choices:
      - source
      - archive
      - backups
    default: source
  older_than:
    description:
      - With O(state=purged) and O(side=archive), a day. A run that was planned in the archive platform itself is of an outgoing category of
        which no run has backups; its courses are removed when nothing in them was changed on that day or later. So are courses whose
        backups were removed.
      - With O(state=purged) and O(side=backups), where it is required, the day before which a course must have been verified.
    type: str
  confirm:
    description:
      - With O(state=purged), the run's name once more, on each side. Check mode, which is the test mode, needs none.
    type: str
  recycle_bin:
    description:
      - With O(state=purged), whether the courses go to Moodle's recycle bin, if that is switched on. It would keep a backup of its own.
    type: bool
    default: false
  empty_categories:
    description:
      - With O(state=purged) and O(side=source), remove the categories of the run that hold nothing any more.
    type: bool
    default: false
  courses:
    description:
      - With O(state=given_back), the courses, each by its number in the source, its short name or its ID number.
    type: list
    elements: str
    default: []
  window:
    description:
      - The hours in which courses may be begun, for example V(22:00-06:00). Outside of them nothing new begins, and RV(stopped) says so.
    type: str
  timezone:
    description:
      - The time zone of O(window), for example V(Europe/Paris). When not set, the host's own.
    type: str
  max_seconds:
    description:
      - Begin nothing new after so many seconds.
    type: int
  users:
    description:
      - Whether the backups hold people and all that is theirs (enrolments, submissions, grades, logs). One run has it one way.
    type: bool
    default: true
  workers:
    description:
      - How many courses are worked on at the same time. When not set, as many as the host has processors.
    type: int
  max_courses:
    description:
      - Stop after so many courses. RV(finished) tells whether any are left.
    type: int

notes:
  - Run it as the user of the web server (C(become_user)), or the files that Moodle writes belong to somebody else.
  - One process acts on a run at a time, whatever host it is on. A lease file in the run's folder names it.

author:
  - the lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: See which courses are concerned, and how big they are
  lms.moodle.course_archive:
    moodle: /srv/campus/current
    storage: /mnt/archive
    run: 2025-2026
    category:
      path: Faculty of Law/2025-2026
    state: planned
  become: true
  become_user: www-data

- name: Back them up, 200 tonight
  lms.moodle.course_archive:
    moodle: /srv/campus/current
    storage: /mnt/archive
    run: 2025-2026
    category:
      path: Faculty of Law/2025-2026
    state: archived
    workers: 2
    max_courses: 200
    window: 22:00-06:00
    timezone: Europe/Paris
  become: true
  become_user: www-data

- name: Make them in the archive platform
  lms.moodle.course_archive:
    moodle: /srv/archive/current
    storage: /mnt/archive
    run: 2025-2026
    into:
      idnumber: archives
    state: restored
  become: true
  become_user: www-data

- name: Compare them with their sources
  lms.moodle.course_archive:
    moodle: /srv/archive/current
    storage: /mnt/archive
    run: 2025-2026
    state: verified
  become: true
  become_user: www-data

- name: See what would be removed from the source
  lms.moodle.course_archive:
    moodle: /srv/campus/current
    storage: /mnt/archive
    run: 2025-2026
    state: purged
  check_mode: true
  become: true
  become_user: www-data

- name: Remove it
  lms.moodle.course_archive:
    moodle: /srv/campus/current
    storage: /mnt/archive
    run: 2025-2026
    state: purged
    confirm: 2025-2026
    empty_categories: true
  become: true
  become_user: www-data

- name: Remove the backups of what was verified before the new year
  lms.moodle.course_archive:
    storage: /mnt/archive
    run: 2025-2026
    state: purged
    side: backups
    older_than: 2027-01-01
    confirm: 2025-2026
  become: true
  become_user: www-data

- name: Bring one back
  lms.moodle.course_archive:
    moodle: /srv/campus/current
    storage: /mnt/archive
    run: 2025-2026
    state: given_back
    courses: [LAW101]
  become: true
  become_user: www-data
"""

RETURN = r"""
run:
  description: The run's name.
  returned: always, except when nothing could be started at all
  type: str
  sample: 2025-2026
finished:
  description: Whether every course has reached the state that was asked for.
  returned: always, except when nothing could be started at all
  type: bool
  sample: false
remaining:
  description: How many have not.
  returned: always, except when nothing could be started at all
  type: int
  sample: 1040
stopped:
  description: Why nothing more was begun although courses are left; empty otherwise.
  returned: always, except when nothing could be started at all
  type: str
  sample: after 200 courses, as 'max_courses' says
counts:
  description: The courses by state. Each is counted once, in the state that it is in.
  returned: always, except when nothing could be started at all
  type: dict
  sample: {planned: 0, estimated: 1040, backed_up: 200, restored: 0, processed: 0, verified: 0, purged: 0, failed: 0}
bytes:
  description: Room in the storage.
  returned: always, except when nothing could be started at all
  type: dict
  contains:
    estimated:
      description: The size of the courses' files in Moodle, as far as each course counts a file once.
      type: int
      sample: 91268055040
    foreseen:
      description: What the backups to come will take, from their estimate and from what the others really took.
      type: int
      sample: 83126491022
    written:
      description: The size of the backups that are there.
      type: int
      sample: 17179869184
    freed:
      description: The size of the backups that were removed.
      type: int
      sample: 0
categories:
  description: With O(state=purged) and O(empty_categories), the categories of the run and what they still hold.
  returned: with state purged, from a platform
  type: list
  elements: dict
  sample: [{id: 12, name: First year, removed: true, holds: {}}]
courses:
  description: All courses of the run.
  returned: always, except when nothing could be started at all
  type: list
  elements: dict
  contains:
    id:
      description: The course's number in the platform.
      type: int
      sample: 42
    shortname:
      description: Its short name.
      type: str
      sample: LAW101
    category:
      description: The path of its category.
      type: str
      sample: Faculty of Law/2025-2026/First year
    state:
      description: How far it is.
      type: str
      sample: backed_up
    file:
      description: The backup, relative to the run's folder.
      type: str
      sample: backups/42/9f86d081/course.mbz
    backup_removed:
      description: When the backup was removed from the storage.
      type: str
      sample: null
    kept:
      description: With O(side=backups), why the backup stays.
      type: str
      sample: it was verified on 2026-07-03, not before 2026-07-01
    size:
      description: The backup's size in bytes.
      type: int
      sample: 20229
    checksum:
      description: The backup's SHA-256.
      type: str
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    target:
      description: The course in the archive platform.
      type: int
      sample: 17
    warnings:
      description: What its restore warned of.
      type: list
      elements: str
      sample: []
    error:
      description: Why it failed.
      type: str
      sample: files of the course are missing in the site's file pool
    history:
      description: When it came to each of its states last.
      type: dict
      sample: {planned: "2026-07-01T22:00:05+02:00", backed_up: "2026-07-01T22:10:41+02:00"}
    seconds:
      description: How long its last step took.
      type: float
      sample: 0.42
"""

import os
import typing as t
from datetime import date
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.archive.expire import ExpireRun
from ansible_collections.lms.moodle.plugins.module_utils.archive.give_back import GiveBackRun
from ansible_collections.lms.moodle.plugins.module_utils.archive.journal import Journal
from ansible_collections.lms.moodle.plugins.module_utils.archive.operation import Limits
from ansible_collections.lms.moodle.plugins.module_utils.archive.platform import Platform
from ansible_collections.lms.moodle.plugins.module_utils.archive.purge import PurgeRun
from ansible_collections.lms.moodle.plugins.module_utils.archive.restore import RestoreRun
from ansible_collections.lms.moodle.plugins.module_utils.archive.run import ArchiveRun
from ansible_collections.lms.moodle.plugins.module_utils.archive.script import Script, Scripts
from ansible_collections.lms.moodle.plugins.module_utils.archive.sliding import Year
from ansible_collections.lms.moodle.plugins.module_utils.archive.stop import ask_to_stop
from ansible_collections.lms.moodle.plugins.module_utils.archive.verify import VerifyRun
from ansible_collections.lms.moodle.plugins.module_utils.archive.window import Window
from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.conclusion import conclude
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.opcache import opcache_folder
from ansible_collections.lms.moodle.plugins.module_utils.common.php import ARGUMENTS, Php, code_root

KINDS = ("id", "path", "idnumber", "name")


class CourseArchive:
    """One run, brought to the state that was asked for."""

    def __init__(self, parameters: dict[str, t.Any], check_mode: bool, background: Background, warn: t.Callable[[str], None]) -> None:
        self.parameters = parameters
        self.state: str = parameters["state"]
        self.check_mode = check_mode
        self.background = background
        self.warn = warn
        for name in ("workers", "max_courses", "max_seconds"):
            if parameters[name] is not None and parameters[name] < 1:
                raise BadInput(f"'{name}' is {parameters[name]}: it must be 1 or more.")
        if self.state == "purged" and not check_mode and parameters["confirm"] != parameters["run"]:
            what = "Backups" if parameters["side"] == "backups" else "Courses"
            raise BadInput(f"{what} are removed only when 'confirm' is the run's name, {parameters['run']}. Check mode is the test mode.")
        if not 1 <= parameters["first_month"] <= 12:  # noqa: PLR2004 - the months of a year
            raise BadInput(f"'first_month' is {parameters['first_month']}: it must be a month, 1 to 12.")
        if self.state == "given_back" and not parameters["courses"]:
            raise BadInput("'courses' names no course to give back.")
        self.journal = Journal(parameters["storage"], parameters["run"])

    def run(self) -> dict[str, t.Any]:
        """Do it, or say what would be done; the module's result."""
        if self.state == "stopped":
            return {"changed": ask_to_stop(self.journal.folder, write=not self.check_mode), "run": self.journal.folder.name}
        operation = self.operation()
        result = operation.preview() if self.check_mode else operation.run()
        complaint = operation.complaint()
        if complaint and not self.check_mode:
            raise MoodleError(complaint, **result)
        return result

    def operation(self) -> ArchiveRun | RestoreRun | VerifyRun | PurgeRun | ExpireRun | GiveBackRun:
        asked = self.parameters
        if self.state == "purged" and asked["side"] == "backups":
            return self.expiry()
        shared = (self.journal, self.platform(), self.background, self.limits())
        if self.state == "restored":
            into = _named(asked["into"]) if asked["into"] else None
            return RestoreRun(
                *shared, into=into, any_version=asked["any_version"], again=asked["again"], scripts=self.scripts(shared[1]), warn=self.warn
            )
        if self.state == "verified":
            return VerifyRun(*shared, accept=asked["accept"], warn=self.warn)
        if self.state == "purged":
            options = {name: asked[name] for name in ("recycle_bin", "empty_categories", "accept")}
            archive, older_than = asked["side"] == "archive", _day(asked["older_than"])
            return PurgeRun(*shared, archive=archive, older_than=older_than, warn=self.warn, **options)
        if self.state == "given_back":
            return GiveBackRun(*shared, names=asked["courses"], warn=self.warn)
        return ArchiveRun(
            *shared,
            category=_named(asked["category"]),
            users=asked["users"],
            archive=self.state == "archived",
            again=asked["again"],
            year=Year(asked["first_month"], asked["year_offset"]),
            select=asked["select"],
            scripts=self.scripts(shared[1]),
            warn=self.warn,
        )

    def expiry(self) -> ExpireRun:
        older_than = _day(self.parameters["older_than"])
        if not older_than:
            raise BadInput("Backups go by their age: say with 'older_than' before which day their courses were verified.")
        return ExpireRun(self.journal, self.background, self.limits(), older_than=older_than, warn=self.warn)

    def scripts(self, platform: Platform) -> Scripts:
        found = (Script.find(self.parameters[name], platform, self.parameters["run"], name) for name in ("pre_script", "post_script"))
        return Scripts(*found)

    def platform(self) -> Platform:
        asked = self.parameters
        if not asked["moodle"]:
            raise BadInput("'moodle' is missing: set it to the root of the code of the platform that acts.")
        code = code_root(asked["moodle"])
        opcache = opcache_folder(code) if asked["opcache"] else None
        return Platform(Php(asked["php"], Path(asked["_php"] or ""), asked["php_options"], opcache), code, asked["host"])

    def limits(self) -> Limits:
        asked = self.parameters
        return Limits(
            workers=asked["workers"] or os.cpu_count() or 1,
            max_courses=asked["max_courses"],
            window=Window.parse(asked["window"], asked["timezone"]) if asked["window"] else None,
            seconds=asked["max_seconds"],
        )


def _named(category: dict[str, t.Any]) -> dict[str, t.Any]:
    return {kind: value for kind, value in category.items() if value is not None}


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput(f"'older_than' is {text}: write a day, for example 2020-08-31.") from None


def main() -> None:
    category = {
        "type": "dict",
        "options": {kind: {"type": "int" if kind == "id" else "str"} for kind in KINDS},
        "mutually_exclusive": [KINDS],
        "required_one_of": [KINDS],
    }
    states = ["planned", "archived", "restored", "verified", "purged", "given_back", "stopped"]
    module = AnsibleModule(
        argument_spec={
            "moodle": {"type": "path"},
            "host": {"type": "str"},
            "storage": {"type": "path", "required": True},
            "run": {"type": "str", "required": True},
            "category": category,
            "state": {"type": "str", "choices": states, "required": True},
            "into": category,
            "first_month": {"type": "int", "default": 9},
            "year_offset": {"type": "int", "default": 0},
            "select": {"type": "str"},
            "pre_script": {"type": "str"},
            "post_script": {"type": "str"},
            "any_version": {"type": "bool", "default": False},
            "again": {"type": "bool", "default": False},
            "accept": {"type": "list", "elements": "str", "default": []},
            "side": {"type": "str", "choices": ["source", "archive", "backups"], "default": "source"},
            "older_than": {"type": "str"},
            "confirm": {"type": "str"},
            "recycle_bin": {"type": "bool", "default": False},
            "empty_categories": {"type": "bool", "default": False},
            "courses": {"type": "list", "elements": "str", "default": []},
            "window": {"type": "str"},
            "timezone": {"type": "str"},
            "max_seconds": {"type": "int"},
            "users": {"type": "bool", "default": True},
            "workers": {"type": "int"},
            "max_courses": {"type": "int"},
            **ARGUMENTS,
        },
        required_if=[("state", "planned", ("category",)), ("state", "archived", ("category",))],
        supports_check_mode=True,
    )
    background = Background(module.params["_background"], shown=_shown(module.params))
    conclude(
        module, background, lambda: CourseArchive(module.params, module.check_mode, background, module.warn).run(), module.params["storage"]
    )


def _shown(parameters: dict[str, t.Any]) -> Path | None:
    """Where anybody can see how far the work is; the name of the run is checked before anything is written there."""
    return Path(parameters["storage"]) / parameters["run"] / "progress.json"


if __name__ == "__main__":
    main()
