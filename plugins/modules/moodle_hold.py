#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: moodle_hold

short_description: Hold a piece of work that one play does at a time

version_added: 0.1.0

description:
  - Writes into a file on the host who is at work, since when, and until when others wait. A play that asks for what another one holds
    is refused in one sentence.
  - A play that was killed cannot let go. Where it ran on the same machine as the one that asks, that is seen, and the work is taken
    over at once; otherwise when it has expired, or with O(take_over).

extends_documentation_fragment:
  - lms.moodle.attributes

attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full

options:
  path:
    description:
      - The file, in a folder that is there.
    type: path
    required: true
  state:
    description:
      - V(held) gets hold of the work, V(released) lets go of it. What another play holds is left alone.
    type: str
    choices: [held, released]
    default: held
  what:
    description:
      - The work in words, for what is told.
    type: str
    default: The work
  holder:
    description:
      - Who is at work, for what is told. When not set, the user on the host, and from where.
    type: str
  expiry:
    description:
      - Seconds after which another play may take the work over.
    type: int
    default: 14400
  take_over:
    description:
      - Take the work over, whoever holds it. Only right when that play is over.
    type: bool
    default: false
  _play:
    description:
      - Which play asks. Set by the action plugin, not by you.
    type: dict
  _gone:
    description:
      - The play that is known to be over. Set by the action plugin, not by you.
    type: dict

author:
  - the lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Work alone
  block:
    - name: Get hold of the work
      lms.moodle.moodle_hold:
        path: /var/lib/lms-moodle-fleet/held.json
        what: The upgrade of the fleet

    - name: Do it
      ansible.builtin.import_role:
        name: our.own.upgrade
  always:
    - name: Let go of it
      lms.moodle.moodle_hold:
        path: /var/lib/lms-moodle-fleet/held.json
        state: released
"""

RETURN = r"""
hold:
  description: Who holds the work now; null when nobody does.
  returned: always
  type: dict
  contains:
    holder:
      description: Who it is.
      type: str
      sample: alice from AWX
    since:
      description: Since when.
      type: str
      sample: '2026-11-21T21:08:32+00:00'
    expiry:
      description: When another play may take it over.
      type: str
      sample: '2026-11-22T01:08:32+00:00'
"""

import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.conclusion import conclude
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.hold import Hold, HoldFile
from ansible_collections.lms.moodle.plugins.module_utils.common.holder import default_holder


class MoodleHold:
    """The hold on one piece of work."""

    def __init__(self, parameters: dict[str, t.Any], check_mode: bool) -> None:
        self.parameters = parameters
        self.check_mode = check_mode
        if parameters["expiry"] < 1:
            raise BadInput(f"'expiry' is {parameters['expiry']}: it cannot be less than 1.")
        if parameters["_play"] is None:
            raise BadInput("The play that asks is not known: call this module from a play, where its action plugin tells it.")
        self.file = HoldFile(Path(parameters["path"]), parameters["what"])

    def run(self) -> dict[str, t.Any]:
        """The module's result."""
        if self.parameters["state"] == "released":
            released = self.file.release(self.parameters["_play"], only_look=self.check_mode)
            return {"changed": released, "hold": None if released else _told(self.file.read())}
        now = datetime.now(timezone.utc).replace(microsecond=0)
        until = now + timedelta(seconds=self.parameters["expiry"])
        holder = self.parameters["holder"] or default_holder()
        wanted = Hold(holder, now.isoformat(), until.isoformat(), self.parameters["_play"])
        decision = self.file.take(wanted, take_over=self.parameters["take_over"], gone=self.parameters["_gone"], only_look=self.check_mode)
        found = self.file.read()
        if decision.refusal:
            raise MoodleError(decision.refusal, hold=_told(found), play=dict(found.play) if found else None)
        return {
            "changed": decision.taken,
            "hold": wanted.told() if decision.taken else _told(found),
            "warnings": [decision.warning] if decision.warning else [],
        }


def _told(hold: Hold | None) -> dict[str, str] | None:
    return hold.told() if hold else None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
            "what": {"type": "str", "default": "The work"},
            "holder": {"type": "str"},
            "expiry": {"type": "int", "default": 14400},
            "take_over": {"type": "bool", "default": False},
            # Set by the action plugin: which play asks, and which one is over.
            "_play": {"type": "dict"},
            "_gone": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    conclude(module, Background(None), lambda: MoodleHold(module.params, module.check_mode).run(), module.params["path"])


if __name__ == "__main__":
    main()
