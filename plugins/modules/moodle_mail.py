#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: moodle_mail
short_description: Send a mail about what was done
version_added: 0.1.0
description:
  - Hands one mail in UTF-8, with what is attached to it, to an SMTP server.
  - Subject, addresses and names of attachments are one line each; anything that could begin another header is refused.
options:
  to:
    description: Addresses, alone or as C(Name <address>).
    type: list
    elements: str
    required: true
  subject:
    description: The subject.
    type: str
    required: true
  body:
    description: The text.
    type: str
    required: true
  attachments:
    description: What is attached.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its file name.
        type: str
        required: true
      content:
        description: Its text.
        type: str
        required: true
      type:
        description: Its type.
        type: str
        default: text/html
        choices: [text/html, text/plain, text/csv, application/json]
  sender:
    description: Address of the sender. By default C(lms.moodle) on the host that sends.
    type: str
  host:
    description: The SMTP server.
    type: str
    default: localhost
  port:
    description: Its port.
    type: int
    default: 25
  secure:
    description:
      - V(never) speaks plain text, V(starttls) insists on encryption, V(always) speaks nothing else from the first byte (port 465).
      - A certificate must be valid for O(host). A password is sent as plain text to this host alone.
    type: str
    choices: [never, starttls, always]
    default: never
  user:
    description: User of the server, where it asks for one.
    type: str
  password:
    description: Password of the user.
    type: str
  timeout:
    description: Seconds to wait for the server.
    type: int
    default: 20
  required:
    description: Whether a mail that cannot be sent is a failure. Otherwise it is a warning.
    type: bool
    default: true
extends_documentation_fragment:
  - lms.moodle.attributes
attributes:
  check_mode:
    details: The mail is composed, and not sent.
  diff_mode:
    support: none
  idempotent:
    support: none
seealso:
  - module: lms.moodle.moodle_delivery_session
author:
  - The lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Tell the help desk
  lms.moodle.moodle_mail:
    to: [helpdesk@example.org]
    sender: Moodle <moodle@example.org>
    subject: The site is back
    body: Moodle 4.5 is served since this morning.
    host: smtp.example.org
    port: 587
    secure: starttls
    user: moodle
    password: "{{ vault_smtp_password }}"
  delegate_to: localhost
"""

RETURN = r"""
sent:
  description: Whether the server took the mail.
  returned: always
  type: bool
  sample: true
refused:
  description: The addresses that the server did not take, each with its reason.
  returned: when the mail was sent
  type: dict
  sample: {"nobody@example.org": "550 no such user"}
msg:
  description: What became of the mail.
  returned: always
  type: str
  sample: The mail was handed to smtp.example.org:587 for helpdesk@example.org.
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.mail import Server, compose, default_sender, send


def mail(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    server = Server(
        **{key: params[key] for key in ("host", "port", "secure", "timeout")}, user=params["user"] or "", password=params["password"] or ""
    )
    attached = [(item["name"], item["type"], item["content"].encode(errors="replace")) for item in params["attachments"]]
    message = compose(params["sender"] or default_sender(), params["to"], params["subject"], params["body"], attached)
    where, whom = f"{server.host}:{server.port}", ", ".join(params["to"])
    if module.check_mode:
        return {"changed": True, "sent": False, "msg": f"The mail would be handed to {where} for {whom}."}
    refused = send(message, server)
    if refused:
        module.warn(f"{where} did not take the mail for {', '.join(f'{address} ({said})' for address, said in refused.items())}.")
    return {"changed": True, "sent": True, "refused": refused, "msg": f"The mail was handed to {where} for {whom}."}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "to": {"type": "list", "elements": "str", "required": True},
            "subject": {"type": "str", "required": True},
            "body": {"type": "str", "required": True},
            "attachments": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "content": {"type": "str", "required": True},
                    "type": {
                        "type": "str",
                        "default": "text/html",
                        "choices": ["text/html", "text/plain", "text/csv", "application/json"],
                    },
                },
            },
            "sender": {"type": "str"},
            "host": {"type": "str", "default": "localhost"},
            "port": {"type": "int", "default": 25},
            "secure": {"type": "str", "choices": ["never", "starttls", "always"], "default": "never"},
            "user": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "timeout": {"type": "int", "default": 20},
            "required": {"type": "bool", "default": True},
        },
        required_by={"password": ["user"], "user": ["password"]},
        supports_check_mode=True,
    )
    try:
        module.exit_json(**mail(module))
    except MoodleError as error:
        if module.params["required"]:
            module.fail_json(msg=error.message, sent=False)
        module.warn(error.message)
        module.exit_json(changed=False, sent=False, msg=error.message)


if __name__ == "__main__":
    main()
