#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vmoodle_answer_info

short_description: Ask virtual nodes over HTTP whether they answer under their names

version_added: 0.1.0

description:
  - Asks the web server on a host for each node under the node's own name, in the header C(Host) and in TLS. The answer has to be that very
    node's, for VMoodle answers 200 to names that it does not know, and a web server to names that it was not given.
  - A node that does not answer as it should is told of, and does not fail the task.

extends_documentation_fragment:
  - lms.moodle.attributes.info

options:
  nodes:
    description:
      - The addresses of the nodes, which are to be open.
    type: list
    elements: str
    required: true
  connect:
    description:
      - Where the web server is that is asked, C(127.0.0.1) for example. When not set, what each node's name leads to.
    type: str
  plain:
    description:
      - Those of O(nodes) whose HTTPS ends in a proxy before this web server. They are asked with HTTP, as the proxy does, with
        C(X-Forwarded-Proto).
    type: list
    elements: str
    default: []
  url:
    description:
      - Asked instead, where it leads to, but with each node's name. Not who answers counts then, but O(status).
    type: str
  status:
    description:
      - The status codes that are good.
    type: list
    elements: int
    default: [200]
  headers:
    description:
      - Further headers.
    type: dict
    default: {}
  ca_path:
    description:
      - A file with the certificates that are trusted. When not set, what the host trusts.
    type: path
  retries:
    description:
      - How often those that do not answer as they should are asked again, a second later.
    type: int
    default: 3
  timeout:
    description:
      - Seconds to wait for a web server.
    type: int
    default: 30

author:
  - the lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Ask two nodes on this host
  lms.moodle.vmoodle_answer_info:
    nodes: [https://law.example.org, https://art.example.org]
    connect: 127.0.0.1
  register: answers

- name: They answer
  ansible.builtin.assert:
    that: answers.nodes | rejectattr('verdict', 'equalto', 'ok') | length == 0
"""

RETURN = r"""
nodes:
  description: One entry for each node, in the order in which they were asked for.
  returned: success
  type: list
  elements: dict
  contains:
    wwwroot:
      description: The node's address.
      type: str
      sample: https://law.example.org
    verdict:
      description: V(ok), or V(failed).
      type: str
      sample: failed
    reason:
      description: What was answered instead.
      type: str
      sample: "127.0.0.1:443 does not answer: Connection refused"
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.fleet.answers import Inquiry, troubles, trusting


def ask(parameters: dict[str, t.Any]) -> dict[str, t.Any]:
    inquiry = Inquiry(
        trusting(parameters["ca_path"]),
        connect=parameters["connect"] or "",
        url=parameters["url"] or "",
        headers={name: str(value) for name, value in parameters["headers"].items()},
        **{name: parameters[name] for name in ("plain", "status", "timeout")},
    )
    wrong = troubles(parameters["nodes"], inquiry, parameters["retries"])
    told = [
        {"wwwroot": node, "verdict": "failed" if node in wrong else "ok", "reason": wrong.get(node, "")} for node in parameters["nodes"]
    ]
    return {"changed": False, "nodes": told}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "nodes": {"type": "list", "elements": "str", "required": True},
            "connect": {"type": "str"},
            "plain": {"type": "list", "elements": "str", "default": []},
            "url": {"type": "str"},
            "status": {"type": "list", "elements": "int", "default": [200]},
            "headers": {"type": "dict", "default": {}},
            "ca_path": {"type": "path"},
            "retries": {"type": "int", "default": 3},
            "timeout": {"type": "int", "default": 30},
        },
        mutually_exclusive=[("url", "connect")],
        supports_check_mode=True,
    )
    try:
        module.exit_json(**ask(module.params))
    except MoodleError as error:
        module.fail_json(msg=error.message)


if __name__ == "__main__":
    main()
