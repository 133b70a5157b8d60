#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: moodle_plugin
short_description: Add a plugin to a code base file, or take it out
version_added: 0.1.0
description:
  - Edits the text of a code base file, and keeps its comments and its order.
  - Where no ref is named and O(store) is, the newest ref that fits the Moodle and the other plugins of the file is found and written.
  - Nothing is built. M(lms.moodle.moodle_codebase) does that.
options:
  manifest:
    description: Path of the code base file, on the host where the module runs.
    type: path
    required: true
  name:
    description: The plugin, as C(type_name) or C(moodle-type_name).
    type: str
    required: true
  state:
    description: Whether the file names the plugin.
    type: str
    choices: [present, absent]
    default: present
  source:
    description: URL or path of its Git repository. Looked up in O(plugin_list) when neither this nor the file names it.
    type: str
  branch:
    description: The branch to take.
    type: str
  tag:
    description: The tag to take.
    type: str
  commit:
    description: The whole id of the commit to take.
    type: str
  version:
    description: The version or release to take, as its C(version.php) has it.
    type: str
  store:
    description:
      - Bare repository that caches every source, the same as for M(lms.moodle.moodle_codebase).
      - Without it no ref is chosen, and each decision of a build takes the newest that fits then.
    type: path
  lock_file:
    description: Where the decisions for the other plugins are kept; by default beside the manifest, as for M(lms.moodle.moodle_codebase).
    type: path
  plugin_list:
    description: The plugin directory's list, as a URL or as the path of a file.
    type: str
    default: ''
  offline:
    description: Never ask the sources.
    type: bool
    default: false
  _background:
    description: The folder through which the action plugin watches the work. Set by the action plugin, not by you.
    type: path
requirements:
  - git (2.30 or newer)
  - PyYAML
extends_documentation_fragment:
  - lms.moodle.attributes
attributes:
  check_mode:
    details: The store may be filled in check mode, the file is not touched.
  diff_mode:
    support: full
  idempotent:
    support: full
    details: A plugin that the file names already stays as it is, unless something else is asked for.
seealso:
  - module: lms.moodle.moodle_codebase
author:
  - The lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Add a plugin at the newest ref that fits
  lms.moodle.moodle_plugin:
    manifest: /srv/build/codebase.yml
    name: mod_attendance
    source: https://github.com/danmarsden/moodle-mod_attendance
    store: /var/cache/lms.moodle/store.git

- name: Take a plugin out
  lms.moodle.moodle_plugin:
    manifest: /srv/build/codebase.yml
    name: mod_attendance
    state: absent
"""

RETURN = r"""
component:
  description: The plugin.
  returned: success
  type: str
  sample: mod_attendance
chosen:
  description: What was chosen, where the choice was the module's.
  returned: when no ref was named and the plugin was not in the file
  type: dict
  contains:
    kind: {description: The kind of ref., type: str, sample: branch}
    ref: {description: The ref., type: str, sample: MOODLE_405_STABLE}
    commit: {description: The commit that it names., type: str, sample: d6c5b4a392817060f1e2d3c4b5a69788796a5b4c}
    version: {description: Its version., type: float, sample: 2024100700}
    reason: {description: Why this ref., type: str, sample: newest compatible with Moodle 4.5}
    rejected: {description: Newer refs that were left and why., type: list, elements: dict, sample: []}
"""

import typing as t
from contextlib import ExitStack
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.lms.moodle.plugins.module_utils.codebase.add_plugin import PluginEdit
from ansible_collections.lms.moodle.plugins.module_utils.codebase.decide import Decided
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.declared import lock_path
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.third_party import MISSING
from ansible_collections.lms.moodle.plugins.module_utils.codebase.git.store import Store, opened
from ansible_collections.lms.moodle.plugins.module_utils.codebase.listing.directory import Directory
from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.conclusion import conclude
from ansible_collections.lms.moodle.plugins.module_utils.common.files import write_atomically
from ansible_collections.lms.moodle.plugins.module_utils.common.process import secrets_in, without_secrets

VALUES = ("source", "branch", "tag", "commit", "version")


class PluginModule:
    """Turns the module's parameters into an edit of the file."""

    def __init__(self, parameters: dict[str, t.Any], check_mode: bool, background: Background) -> None:
        self.parameters = parameters
        self.check_mode = check_mode
        self.background = background

    def run(self) -> dict[str, t.Any]:
        with ExitStack() as stack:
            store = stack.enter_context(self._store()) if self.parameters["store"] else None
            return self._edit(store)

    def _store(self) -> t.ContextManager[Store]:
        return opened(Path(self.parameters["store"]), self.parameters["offline"])

    def _edit(self, store: Store | None) -> dict[str, t.Any]:
        manifest, place = self.parameters["manifest"], Path(self.parameters["manifest"])
        directory = Directory(self.parameters["plugin_list"], store.path if store else None, self.parameters["offline"])
        edit = PluginEdit(
            manifest,
            self.parameters["name"],
            lock_path(self.parameters["lock_file"], manifest),
            directory.repository_of if self.parameters["plugin_list"] else None,
            self.background.counter("sources"),
        )
        decided: Decided | None = None
        if self.parameters["state"] == "absent":
            text = edit.absent()
        else:
            text, decided = edit.present({key: self.parameters[key] for key in VALUES}, store)
        changed = text != edit.text
        if changed and not self.check_mode:
            real = place.resolve()
            write_atomically(real, text.encode(), real.stat().st_mode & 0o7777)
        return {
            "changed": changed,
            "component": edit.component,
            **({"chosen": _chosen(decided)} if decided else {}),
            "warnings": directory.warnings,
            "diff": {
                "before": without_secrets(edit.text),
                "after": without_secrets(text),
                "before_header": manifest,
                "after_header": manifest,
            },
        }


def _chosen(decided: Decided) -> dict[str, t.Any]:
    return {
        "kind": decided.kind,
        "ref": decided.locked.ref,
        "commit": decided.locked.commit,
        "version": decided.facts.get("version", {}).get("version"),
        "reason": decided.locked.reason,
        "rejected": [{"ref": left.ref, "reason": left.reason} for left in decided.rejected],
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "manifest": {"type": "path", "required": True},
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "source": {"type": "str"},
            "branch": {"type": "str"},
            "tag": {"type": "str"},
            "commit": {"type": "str"},
            "version": {"type": "str"},
            "store": {"type": "path"},
            "lock_file": {"type": "path"},
            "plugin_list": {"type": "str", "default": ""},
            "offline": {"type": "bool", "default": False},
            # Set by the action plugin: where it watches the work.
            "_background": {"type": "path"},
        },
        mutually_exclusive=[("branch", "tag", "commit", "version")],
        supports_check_mode=True,
    )
    if MISSING:
        module.fail_json(msg=missing_required_lib(" and ".join(MISSING)))
    # A password in a URL must not come back with the module's arguments.
    module.no_log_values.update(*map(secrets_in, [module.params["source"] or "", module.params["plugin_list"]]))
    background = Background(module.params["_background"])
    conclude(module, background, PluginModule(module.params, module.check_mode, background).run, module.params["manifest"])


if __name__ == "__main__":
    main()
