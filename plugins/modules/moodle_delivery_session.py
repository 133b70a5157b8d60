#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: moodle_delivery_session
short_description: Open, continue and close the session of a delivery, and note what was done
version_added: 0.1.0
description:
  - A session says in words what a delivery is for. While it is open, each line that a delivery writes to its journal carries its name.
  - One session is open at a time in a delivery root. Opening where one is open continues it.
  - What a play did besides (commands, their output, changed files) is noted in the journal with O(entries), with a session or without.
  - User and password in URLs, values of options such as C(--adminpass=), and control characters are taken out of all that is kept.
options:
  path:
    description: The delivery root of M(lms.moodle.moodle_delivery).
    type: path
    required: true
  state:
    description:
      - V(open) continues the session that is open, or opens one.
      - V(closed) closes the session that is open. When none is, nothing changes.
      - Left out, only O(entries) are noted.
    type: str
    choices: [open, closed]
  session:
    description:
      - Name of the session, so that it is the same on all hosts. By default it is the one that is open, or is made from the time.
      - With O(state=open) a session that was closed is open again; another one that is open is closed.
    type: str
  title:
    description: What is done, in one line.
    type: str
  description:
    description: Why and how.
    type: str
  impact:
    description: What users will notice.
    type: str
  followup:
    description: What is left to do.
    type: str
  entries:
    description: What was done, to be noted in the journal, in this order.
    type: list
    elements: dict
    default: []
    suboptions:
      step:
        description: Name of the step, such as V(upgrade).
        type: str
        required: true
      time:
        description: When it began, as ISO 8601; without a zone it is the host's own time. By default now.
        type: str
      command:
        description: The command that was run.
        type: str
      rc:
        description: Its exit code; anything but 0 is a failure.
        type: int
      seconds:
        description: How long it took.
        type: float
      output:
        description: What it printed. The last 16000 characters are kept.
        type: str
      output_file:
        description: A file on the host that holds more of it, such as a log or a patch.
        type: path
      files:
        description: Changed files, as lists called C(added), C(modified) and C(removed). 5000 of each are kept.
        type: dict
  holder:
    description: Who is at work. By default the user, and the address that the user came from.
    type: str
  wait:
    description: Seconds to wait for a delivery that works in the same root at this moment.
    type: int
    default: 30
extends_documentation_fragment:
  - lms.moodle.attributes
attributes:
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: Entries are noted each time.
seealso:
  - module: lms.moodle.moodle_delivery
  - module: lms.moodle.moodle_delivery_info
author:
  - The lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Open a session, or continue the open one
  lms.moodle.moodle_delivery_session:
    path: /srv/moodle
    state: open
    title: Upgrade to Moodle 4.5
    description: Asked for by the faculty of arts
    impact: Closed from 06:00 to 06:10

- name: Note what a command did
  lms.moodle.moodle_delivery_session:
    path: /srv/moodle
    entries:
      - {step: warm up, command: "{{ warmed.cmd | join(' ') }}", rc: "{{ warmed.rc }}", output: "{{ warmed.stdout }}"}

- name: Close it
  lms.moodle.moodle_delivery_session:
    path: /srv/moodle
    state: closed
    followup: Tell the help desk about the new editor
"""

RETURN = r"""
session:
  description: The session that was opened, continued or closed; none where there never was one.
  returned: success
  type: dict
  contains:
    id: {description: Its name., type: str, sample: 20261121T060000Z}
    state: {description: V(open) or V(closed)., type: str, sample: open}
    title: {description: What is done., type: str, sample: Upgrade to Moodle 4.5}
    description: {description: Why and how., type: str, sample: Asked for by the faculty of arts}
    impact: {description: What users will notice., type: str, sample: Closed from 06:00 to 06:10}
    followup: {description: What is left to do., type: str, sample: ''}
    opened: {description: When it was opened., type: str, sample: "2026-11-21T06:00:00+00:00"}
    closed: {description: When it was closed., type: str, sample: null}
    by: {description: Who opened it., type: str, sample: ann from 192.0.2.7}
    log:
      description: The journal's lines that belong to it.
      type: list
      elements: dict
      sample: [{"time": "2026-11-21T06:05:00+00:00", "event": "done", "step": "switch", "session": "20261121T060000Z", "by": "deploy"}]
"""

import contextlib
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.holder import default_holder
from ansible_collections.lms.moodle.plugins.module_utils.delivery.layout import Layout
from ansible_collections.lms.moodle.plugins.module_utils.delivery.logbook import Logbook, Wish


class SessionModule:
    """Turns the module's parameters into one call of the logbook."""

    def __init__(self, module: AnsibleModule) -> None:
        self.check_mode: bool = module.check_mode
        self.params: dict[str, t.Any] = module.params
        self.layout = Layout.at(self.params["path"])

    def run(self) -> dict[str, t.Any]:
        wish = Wish.read(self.params, self.params["holder"] or default_holder())
        with self.lock(wish):
            return Logbook(self.layout, wish, self.check_mode).run()

    def lock(self, wish: Wish) -> contextlib.AbstractContextManager[None]:
        """Check mode only looks, and only what is to be kept makes something."""
        if self.check_mode:
            return contextlib.nullcontext()
        return self.layout.taken(wish.state == "open" or bool(wish.notes), self.params["wait"])


def main() -> None:
    texts = {key: {"type": "str"} for key in ("session", "title", "description", "impact", "followup", "holder")}
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["open", "closed"]},
            **texts,
            "entries": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "step": {"type": "str", "required": True},
                    "time": {"type": "str"},
                    "command": {"type": "str"},
                    "rc": {"type": "int"},
                    "seconds": {"type": "float"},
                    "output": {"type": "str"},
                    "output_file": {"type": "path"},
                    "files": {"type": "dict"},
                },
            },
            "wait": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**SessionModule(module).run())
    except MoodleError as error:
        module.fail_json(msg=error.message, **error.result)
    except OSError as error:
        module.fail_json(msg=f"{error.filename or module.params['path']}: {error.strerror or error}. Run again when that is mended.")


if __name__ == "__main__":
    main()
