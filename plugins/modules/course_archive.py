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
  - Plans the courses of one category with all that is below it, hidden courses included, and backs them up into a storage that
    the source and the archive platform share.
  - Each course has its own small file in the run's folder that says how far it is. Run again with the same parameters, the module
    goes on where it was, after a failure, a stop or a crash.
  - A backup counts only after its archive was read back to the last byte and found to be that of the course. Size and SHA-256 are
    recorded. Moodle's own copy of the backup is removed.
  - While it works, a line shows how far it is. When the play is stopped, the work on the host ends after the courses that are being
    done.

extends_documentation_fragment:
  - lms.moodle.attributes

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
      - The root of the code of the platform whose courses are archived, where C(config.php) is.
    type: path
    required: true
  host:
    description:
      - The address of the virtual node whose courses they are, on a VMoodle. When not set, the site itself.
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
      - The category, by one of the following. It must be exactly one category.
    type: dict
    required: true
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
    type: str
    choices:
      - planned
      - archived
    required: true
  users:
    description:
      - Whether the backups hold people and all that is theirs (enrolments, submissions, grades, logs). One run has it one way.
    type: bool
    default: true
  workers:
    description:
      - How many courses are backed up at the same time. When not set, as many as the host has processors.
    type: int
  max_courses:
    description:
      - Stop after so many courses. RV(finished) tells whether any are left.
    type: int
  php:
    description:
      - The PHP interpreter.
    type: str
    default: php
  php_options:
    description:
      - Settings for PHP, each as C(name=value). C(max_input_vars=5000), which Moodle asks for, is set already.
    type: list
    elements: str
    default: []
  opcache:
    description:
      - Share compiled scripts between the processes, in a private folder below the host's temporary folder.
    type: bool
    default: true
  _php:
    description:
      - Where the PHP files of this module are on the host. Set by the action plugin, not by you.
    type: path
  _background:
    description:
      - The folder through which the action plugin watches the work. Set by the action plugin, not by you.
    type: path

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
    written:
      description: The size of the backups that were made.
      type: int
      sample: 17179869184
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
    size:
      description: The backup's size in bytes.
      type: int
      sample: 20229
    checksum:
      description: The backup's SHA-256.
      type: str
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    target:
      description: The course in the archive platform; not yet set by any state.
      type: int
      sample: null
    error:
      description: Why it failed.
      type: str
      sample: files of the course are missing in the site's file pool
    seconds:
      description: How long its last step took.
      type: float
      sample: 0.42
"""

import os
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.archive.journal import Journal
from ansible_collections.lms.moodle.plugins.module_utils.archive.platform import Platform
from ansible_collections.lms.moodle.plugins.module_utils.archive.run import ArchiveRun, complaint
from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.conclusion import conclude
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.opcache import opcache_folder
from ansible_collections.lms.moodle.plugins.module_utils.common.php import Php, code_root


class CourseArchive:
    """One run, brought to the state that was asked for."""

    def __init__(self, parameters: dict[str, t.Any], check_mode: bool, background: Background, warn: t.Callable[[str], None]) -> None:
        self.archive: bool = parameters["state"] == "archived"
        self.check_mode = check_mode
        for name in ("workers", "max_courses"):
            if parameters[name] is not None and parameters[name] < 1:
                raise BadInput(f"'{name}' is {parameters[name]}: it must be 1 or more.")
        code = code_root(parameters["moodle"])
        opcache = opcache_folder(code) if parameters["opcache"] else None
        php = Php(parameters["php"], Path(parameters["_php"] or ""), parameters["php_options"], opcache)
        self.background = background
        self.run_of_courses = ArchiveRun(
            Journal(parameters["storage"], parameters["run"]),
            Platform(php, code, parameters["host"]),
            self.background,
            category={kind: value for kind, value in parameters["category"].items() if value is not None},
            users=parameters["users"],
            workers=parameters["workers"] or os.cpu_count() or 1,
            max_courses=parameters["max_courses"],
            warn=warn,
        )

    def run(self) -> dict[str, t.Any]:
        """Do it, or say what would be done; the module's result."""
        run = self.run_of_courses
        result = run.preview(archive=self.archive) if self.check_mode else run.run(archive=self.archive)
        if run.failed() and self.archive and not self.check_mode:
            raise MoodleError(complaint(run.failed()), **result)
        return result


def main() -> None:
    kinds = ("id", "path", "idnumber", "name")
    module = AnsibleModule(
        argument_spec={
            "moodle": {"type": "path", "required": True},
            "host": {"type": "str"},
            "storage": {"type": "path", "required": True},
            "run": {"type": "str", "required": True},
            "category": {
                "type": "dict",
                "required": True,
                "options": {kind: {"type": "int" if kind == "id" else "str"} for kind in kinds},
                "mutually_exclusive": [kinds],
                "required_one_of": [kinds],
            },
            "state": {"type": "str", "choices": ["planned", "archived"], "required": True},
            "users": {"type": "bool", "default": True},
            "workers": {"type": "int"},
            "max_courses": {"type": "int"},
            "php": {"type": "str", "default": "php"},
            "php_options": {"type": "list", "elements": "str", "default": []},
            "opcache": {"type": "bool", "default": True},
            # Set by the action plugin: where it put the PHP files, and where it watches the work.
            "_php": {"type": "path"},
            "_background": {"type": "path"},
        },
        supports_check_mode=True,
    )
    background = Background(module.params["_background"])
    conclude(
        module, background, lambda: CourseArchive(module.params, module.check_mode, background, module.warn).run(), module.params["storage"]
    )


if __name__ == "__main__":
    main()
