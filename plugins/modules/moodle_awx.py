#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: moodle_awx

short_description: Make the job templates, surveys and schedules of this collection in AWX

version_added: 0.1.0

description:
  - Makes, over AWX's REST API, the organisation, the execution environment, the project, the inventory with its source, a job template
    with a survey for each playbook, and schedules. What is there under its name is changed only where it is not as wanted.
  - Nothing is ever removed. Fields that are not named here, further questions of a survey, further extra variables and further
    credentials stay as they are. A job template that was given another name is told and left alone.
  - Run again, it goes on where it was.

extends_documentation_fragment:
  - lms.moodle.attributes

attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full

options:
  host:
    description:
      - Address of AWX. When not set, E(CONTROLLER_HOST) or E(TOWER_HOST).
    type: str
  token:
    description:
      - Token of a user of AWX who may make all this, with the scope Write. When not set, E(CONTROLLER_OAUTH_TOKEN) or E(TOWER_OAUTH_TOKEN).
    type: str
  api:
    description:
      - Where the API begins below O(host). C(/api/controller/v2) behind the gateway of the Ansible Automation Platform.
    type: str
    default: /api/v2
  validate_certs:
    description:
      - Whether the certificate of O(host) must be trusted.
    type: bool
    default: true
  ca_path:
    description:
      - File with the certificates of another authority.
    type: path
  timeout:
    description:
      - Seconds to wait for an answer.
    type: int
    default: 30
  name:
    description:
      - Name of the project, the inventory, its source and the execution environment, and what the names of the job templates begin with.
    type: str
    default: Moodle
  organization:
    description:
      - The organisation, made when it is not there.
    type: str
    default: Default
  project:
    description:
      - URL of the Git repository with the playbooks. When empty, the project must be there, and is left as it is.
    type: str
    default: ''
  revision:
    description:
      - Its branch, tag or commit. The repository's own default when empty.
    type: str
    default: ''
  project_credential:
    description:
      - Credential of AWX for that repository, by name or number.
    type: str
    default: ''
  folder:
    description:
      - Where in the project the playbooks are, each as C(<name>.yml).
    type: str
    default: playbooks
  wait:
    description:
      - Seconds to wait until AWX has fetched the project.
    type: int
    default: 300
  inventory:
    description:
      - An inventory's name, where it is not O(name).
    type: str
    default: ''
  inventory_path:
    description:
      - The inventory's file or folder in the project. When empty, the inventory has no source of ours.
    type: str
    default: ''
  image:
    description:
      - Image of the execution environment that the jobs run in. When empty, the jobs run in the one that AWX chooses.
    type: str
    default: ''
  image_credential:
    description:
      - Credential of AWX for its registry, by name or number.
    type: str
    default: ''
  credentials:
    description:
      - Credentials of AWX that all templates get, by name or number.
    type: list
    elements: str
    default: []
  templates:
    description:
      - The playbooks by their names, each with its C(description), its C(survey), a list of variables, and whether it may be C(sliced).
    type: dict
    required: true
  questions:
    description:
      - What surveys ask, by variable. Each has C(ask), the question, and may have C(help), C(choices), C(default) and C(required).
    type: dict
    required: true
  playbooks:
    description:
      - Those of O(templates) that get a job template. All of them when empty.
    type: list
    elements: str
    default: []
  names:
    description:
      - Names of job templates by playbook, where they are not O(name) and the playbook's.
    type: dict
    default: {}
  surveys:
    description:
      - What the survey of a playbook asks, a list of variables by playbook, where it is not what O(templates) say. The survey of a playbook
        with an empty list is left as it is.
    type: dict
    default: {}
  answers:
    description:
      - What stands in the surveys as an answer beforehand, by variable.
    type: dict
    default: {}
  variables:
    description:
      - Extra variables of the job templates, a dict by playbook. No secrets, AWX shows them.
    type: dict
    default: {}
  slices:
    description:
      - Into how many jobs a job is sliced, by playbook.
    type: dict
    default: {}
  schedules:
    description:
      - When job templates are started by themselves.
    type: list
    elements: dict
    default: []
    suboptions:
      playbook:
        description: The playbook.
        type: str
        required: true
      name:
        description: Name of the schedule. By default it is made of the template's name and O(schedules[].at).
        type: str
      at:
        description: The hour, for example C(22:00).
        type: str
      days:
        description: Days of the week. All of them when empty.
        type: list
        elements: str
        default: []
      timezone:
        description: Time zone of O(schedules[].at).
        type: str
        default: UTC
      rrule:
        description: The whole rule instead, as iCal has it, with C(DTSTART;TZID=…) and C(INTERVAL).
        type: str
      variables:
        description: Extra variables of the job.
        type: dict
        default: {}
      enabled:
        description: Whether it is switched on. When not set, it is made switched off, and stays afterwards as somebody switches it.
        type: bool

author:
  - the lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Have a job template that purges caches, and start it every night
  lms.moodle.moodle_awx:
    host: https://awx.example.org
    token: "{{ vault_awx_token }}"
    project: https://git.example.org/moodle/operations.git
    templates:
      fleet_run:
        description: Run a script on the fleet
        survey: [moodle_script]
    questions:
      moodle_script:
        ask: Which script?
        required: true
    schedules:
      - playbook: fleet_run
        at: '03:00'
        timezone: Europe/Paris
        variables:
          moodle_script: local/vmoodle/cli/purge_caches.php
        enabled: true
  delegate_to: localhost
"""

RETURN = r"""
objects:
  description: What is in AWX now, in the order in which it was looked at. In check mode, what would be.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description: What it is.
      type: str
      sample: job template
    name:
      description: Its name.
      type: str
      sample: Moodle deliver
    action:
      description: C(made), C(changed) or C(kept).
      type: str
      sample: made
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule, env_fallback

from ansible_collections.lms.moodle.plugins.module_utils.awx.api import Api
from ansible_collections.lms.moodle.plugins.module_utils.awx.configuration import Configuration
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError


def configure(params: dict[str, t.Any], check_mode: bool) -> dict[str, t.Any]:
    configuration = Configuration(
        Api(
            params["host"] or "",
            params["token"] or "",
            params["api"],
            verify=params["validate_certs"],
            ca_path=params["ca_path"],
            timeout=params["timeout"],
        ),
        params,
        check_mode=check_mode,
    )
    return configuration.run()


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "host": {"type": "str", "fallback": (env_fallback, ["CONTROLLER_HOST", "TOWER_HOST"])},
            "token": {"type": "str", "no_log": True, "fallback": (env_fallback, ["CONTROLLER_OAUTH_TOKEN", "TOWER_OAUTH_TOKEN"])},
            "api": {"type": "str", "default": "/api/v2"},
            "validate_certs": {"type": "bool", "default": True},
            "ca_path": {"type": "path"},
            "timeout": {"type": "int", "default": 30},
            "name": {"type": "str", "default": "Moodle"},
            "organization": {"type": "str", "default": "Default"},
            "project": {"type": "str", "default": ""},
            "revision": {"type": "str", "default": ""},
            "project_credential": {"type": "str", "default": ""},
            "folder": {"type": "str", "default": "playbooks"},
            "wait": {"type": "int", "default": 300},
            "inventory": {"type": "str", "default": ""},
            "inventory_path": {"type": "str", "default": ""},
            "image": {"type": "str", "default": ""},
            "image_credential": {"type": "str", "default": ""},
            "credentials": {"type": "list", "elements": "str", "default": []},
            "templates": {"type": "dict", "required": True},
            "questions": {"type": "dict", "required": True},
            "playbooks": {"type": "list", "elements": "str", "default": []},
            "names": {"type": "dict", "default": {}},
            "surveys": {"type": "dict", "default": {}},
            "answers": {"type": "dict", "default": {}},
            "variables": {"type": "dict", "default": {}},
            "slices": {"type": "dict", "default": {}},
            "schedules": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "playbook": {"type": "str", "required": True},
                    "name": {"type": "str"},
                    "at": {"type": "str"},
                    "days": {"type": "list", "elements": "str", "default": []},
                    "timezone": {"type": "str", "default": "UTC"},
                    "rrule": {"type": "str"},
                    "variables": {"type": "dict", "default": {}},
                    "enabled": {"type": "bool"},
                },
            },
        },
        supports_check_mode=True,
    )
    try:
        result = configure(module.params, module.check_mode)
    except MoodleError as error:
        for warning in t.cast("list[str]", error.result.pop("warnings", [])):
            module.warn(warning)
        module.fail_json(msg=error.message, **error.result)
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
