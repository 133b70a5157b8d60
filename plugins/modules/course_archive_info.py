#!/usr/bin/python
#
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: course_archive_info

short_description: See how far a run of the archive is

version_added: 0.1.0

description:
  - Tells from the journal in the shared storage alone how far the courses of a run are, whether somebody acts on it at this moment, how
    fast that goes and when it will have ended. No Moodle is asked, and whoever acts on the run is not disturbed.

extends_documentation_fragment:
  - lms.moodle.attributes

attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full

options:
  storage:
    description:
      - The shared folder.
    type: path
    required: true
  run:
    description:
      - The run's name.
    type: str
    required: true

notes:
  - The run's folder belongs to the user of the web server alone (C(become_user)).

seealso:
  - module: lms.moodle.course_archive

author:
  - the lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: See how far the archive is
  lms.moodle.course_archive_info:
    storage: /mnt/archive
    run: 2025-2026
  become: true
  become_user: www-data
"""

RETURN = r"""
run:
  description: The run's name.
  returned: success
  type: str
  sample: 2025-2026
about:
  description: What the run is for.
  returned: success
  type: dict
  sample: {wwwroot: "https://campus.example.org", path: "Faculty of Law/2025-2026", users: true, begun: "2026-07-01T22:00:03+02:00"}
running:
  description: Whether somebody acts on it at this moment.
  returned: success
  type: bool
  sample: true
holder:
  description: Who holds the run's lease, since when, and the seconds since its last sign; empty when nobody does.
  returned: success
  type: dict
  sample: {host: web1, process: "4711:88172 0e1b", since: "2026-07-02T22:00:01+02:00", age: 3.1}
progress:
  description: How far the work is that is going on, courses a second, the seconds that are left and the end to be expected.
  returned: success
  type: dict
  sample: {done: 120, total: 1040, failed: 1, rate: 0.8, left: 1150.0, ends: "2026-07-02T22:41:10+02:00"}
counts:
  description: The courses by state. Each is counted once, in the state that it is in.
  returned: success
  type: dict
  sample: {planned: 0, estimated: 920, backed_up: 120, restored: 0, processed: 0, verified: 0, purged: 0, failed: 0}
bytes:
  description: Room in the storage, as M(lms.moodle.course_archive) tells it.
  returned: success
  type: dict
  sample: {estimated: 91268055040, foreseen: 83126491022, written: 17179869184, freed: 0}
courses:
  description: All courses of the run, as M(lms.moodle.course_archive) returns them.
  returned: success
  type: list
  elements: dict
"""

from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.archive.journal import Journal
from ansible_collections.lms.moodle.plugins.module_utils.archive.status import status_of
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError


def main() -> None:
    module = AnsibleModule(
        argument_spec={"storage": {"type": "path", "required": True}, "run": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    try:
        journal = Journal(module.params["storage"], module.params["run"])
        module.exit_json(changed=False, **status_of(journal, datetime.now(timezone.utc).astimezone()))
    except MoodleError as error:
        module.fail_json(msg=error.message)
    except OSError as error:
        module.fail_json(msg=f"{error.filename or module.params['storage']}: {error.strerror or error}.")


if __name__ == "__main__":
    main()
