#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: moodle_delivery_info
short_description: Tell what a delivery root serves, keeps and prepares
version_added: 0.1.0
description:
  - Reads a delivery root made by M(lms.moodle.moodle_delivery) and changes nothing.
options:
  path:
    description: The delivery root.
    type: path
    required: true
  drift:
    description: Also compare every file that is served with its commit.
    type: bool
    default: false
  journal_lines:
    description: How many of the journal's last lines to return.
    type: int
    default: 20
requirements:
  - git and GNU find
extends_documentation_fragment:
  - lms.moodle.attributes.info
seealso:
  - module: lms.moodle.moodle_delivery
  - module: lms.moodle.moodle_delivery_session
author:
  - The lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Look for hot fixes in what is served
  lms.moodle.moodle_delivery_info:
    path: /srv/moodle
    drift: true
  register: delivery
"""

RETURN = r"""
state:
  description: Where the delivery stands. V(live) when none is open, V(empty) when nothing was ever delivered.
  returned: success
  type: str
  sample: live
current:
  description: The release that is served.
  returned: success
  type: str
  sample: 20261121T060500Z
safe:
  description: The release to go back to first.
  returned: success
  type: str
  sample: 20261114T060500Z
supersafe:
  description: The third copy.
  returned: success
  type: str
  sample:
work:
  description: The release being prepared.
  returned: success
  type: str
  sample:
nodes:
  description: The virtual nodes that have a release of their own, by host name.
  returned: success
  type: dict
  sample: {"law.example.org": "20261121T060500Z"}
releases:
  description: The complete releases, the oldest first.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: Its name., type: str, sample: 20261121T060500Z}
    revision: {description: Its commit., type: str, sample: 0f4c2d1a7b9e8c6d5f4a3b2c1d0e9f8a7b6c5d4e}
    tree: {description: Its tree in Git., type: str, sample: 8a7b6c5d4e0f4c2d1a7b9e8c6d5f4a3b2c1d0e9f}
    created: {description: When it was made., type: str, sample: "2026-11-21T06:05:00+00:00"}
    size: {description: Bytes of its files., type: int, sample: 412345678}
    sealed: {description: Whether nobody may write in it., type: bool, sample: true}
    good: {description: Whether it was seen to work., type: bool, sample: true}
record:
  description: Who holds an open delivery.
  returned: success
  type: dict
  contains:
    holder: {description: Who., type: str, sample: deploy from 192.0.2.7}
    since: {description: Since when., type: str, sample: "2026-11-21T06:05:00+00:00"}
    expiry: {description: When somebody else may take it over., type: str, sample: "2026-11-21T10:05:00+00:00"}
session:
  description: The session that is open; M(lms.moodle.moodle_delivery_session) returns its log.
  returned: success
  type: dict
  contains:
    id: {description: Its name., type: str, sample: 20261121T060000Z}
    state: {description: Always V(open) here., type: str, sample: open}
    title: {description: What is done., type: str, sample: Upgrade to Moodle 4.5}
    description: {description: Why and how., type: str, sample: ''}
    impact: {description: What users will notice., type: str, sample: Closed from 06:00 to 06:10}
    followup: {description: What is left to do., type: str, sample: ''}
    opened: {description: When it was opened., type: str, sample: "2026-11-21T06:00:00+00:00"}
    closed: {description: Always empty here., type: str, sample: null}
    by: {description: Who opened it., type: str, sample: ann from 192.0.2.7}
journal:
  description: The journal's last lines.
  returned: success
  type: list
  elements: dict
  sample: [{"time": "2026-11-21T06:05:00+00:00", "event": "done", "step": "switch", "release": "20261121T060500Z", "by": "deploy"}]
drift:
  description: How what is served differs from its commit, when asked for.
  returned: success
  type: dict
  contains:
    modified: {description: Files with other content., type: list, elements: str, sample: [lib/moodlelib.php]}
    missing: {description: Files that are gone., type: list, elements: str, sample: []}
    unexpected: {description: Files that nobody delivered., type: list, elements: str, sample: []}
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.delivery.layout import Layout
from ansible_collections.lms.moodle.plugins.module_utils.delivery.survey import survey


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "drift": {"type": "bool", "default": False},
            "journal_lines": {"type": "int", "default": 20},
        },
        supports_check_mode=True,
    )
    layout = Layout(Path(module.params["path"]))
    try:
        module.exit_json(changed=False, **survey(layout, module.params["drift"], module.params["journal_lines"]))
    except MoodleError as error:
        module.fail_json(msg=error.message, **error.result)
    except OSError as error:
        module.fail_json(msg=f"{error.filename or layout.root}: {error.strerror or error}.")


if __name__ == "__main__":
    main()
