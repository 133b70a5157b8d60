#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: moodle_codebase_info
short_description: Compare what a code base file asks for with what is locked, built and deployed
version_added: 0.1.0
description:
  - Tells what the code base file desires, what the lock holds, what was built last, and what the sources offer that is newer.
  - Changes nothing but the store, in which it caches what it reads.
options:
  manifest:
    description:
      - Path of the code base file, on the host where the module runs.
      - Exactly one of O(manifest) and O(definition) is needed.
    type: path
  definition:
    description: The content of a code base file, as a dictionary. Versions must be text, in quotes.
    type: dict
  lock_file:
    description: Where the decisions are kept; by default beside the manifest, C(codebase.yml) having C(codebase.lock.yml).
    type: path
  store:
    description: Bare repository that caches every source.
    type: path
    required: true
  repository:
    description: The repository of built code bases, as a path on the host or a Git URL.
    type: str
    required: true
  offline:
    description: Never ask the sources; then RV(outdated) is what the store knows.
    type: bool
    default: false
  plugin_list:
    description: The plugin directory's list, as a URL or as the path of a file, for plugins that declare no source.
    type: str
    default: ''
  resolve_dependencies:
    description: Whether missing dependencies are looked up in O(plugin_list), as for M(lms.moodle.moodle_codebase).
    type: bool
    default: false
  revisions:
    description: Commits of the repository that hosts serve, to be compared component by component.
    type: list
    elements: str
    default: []
  _background:
    description: The folder through which the action plugin watches the work. Set by the action plugin, not by you.
    type: path
requirements:
  - git (2.30 or newer)
  - PyYAML
extends_documentation_fragment:
  - lms.moodle.attributes.info
seealso:
  - module: lms.moodle.moodle_codebase
author:
  - The lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Is there anything new for the campus?
  lms.moodle.moodle_codebase_info:
    manifest: /srv/build/codebase.yml
    store: /var/cache/moodle/store.git
    repository: /srv/git/campus.git
  register: campus

- name: Show it
  ansible.builtin.debug:
    var: campus.outdated
"""

RETURN = r"""
project:
  description: The project's name.
  returned: success
  type: str
  sample: campus
desired:
  description: What the code base file asks for.
  returned: success
  type: list
  elements: dict
  sample: [{component: moodle, source: "https://github.com/moodle/moodle.git", wanted: version 4.5+}]
locked:
  description: What the lock holds, in the lock file or else in the repository.
  returned: success
  type: list
  elements: dict
  sample: [{component: mod_attendance, ref: MOODLE_405_STABLE, commit: d6c5b4a392817060f1e2d3c4b5a69788796a5b4c}]
built:
  description:
    - The project's last build, as commit, tree, tag and the components of its lock. Before the first only the last, empty.
    - For each component, C(same) tells whether all of its files are what a build would hold now, patches and own files included.
  returned: success
  type: dict
  sample:
    commit: 0f4c2d1a7b9e8c6d5f4a3b2c1d0e9f8a7b6c5d4e
    tag: campus-20261121T060000Z
    components: [{component: mod_attendance, ref: MOODLE_405_STABLE, commit: d6c5b4a392817060f1e2d3c4b5a69788796a5b4c, same: true}]
planned:
  description: What a build would hold now, as RV(lms.moodle.moodle_codebase#module:components).
  returned: success
  type: list
  elements: dict
  sample: []
outdated:
  description: Components for which a build with C(update=all) would take another commit.
  returned: success
  type: list
  elements: dict
  sample: [{component: mod_attendance, current: 2024020500 (MOODLE_403_STABLE), available: 2024020501 (MOODLE_403_STABLE), reason: newest}]
deployed:
  description:
    - For each of O(revisions), the version of each component there, and whether all of its files are what a build would hold now.
    - Components that were built into it and that the code base file does not name any more come last. Empty for a commit that the
      repository does not have.
  returned: success
  type: dict
  sample:
    d6c5b4a392817060f1e2d3c4b5a69788796a5b4c: [{component: mod_attendance, version: 2024020500, same: false}]
in_sync:
  description: Whether a build would change nothing, neither code nor lock.
  returned: success
  type: bool
  sample: true
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.declared import lock_path, read_manifest, urls_in
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.manifest import Manifest
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.third_party import MISSING
from ansible_collections.lms.moodle.plugins.module_utils.codebase.git.mending import with_whole_store
from ansible_collections.lms.moodle.plugins.module_utils.codebase.git.store import Store
from ansible_collections.lms.moodle.plugins.module_utils.codebase.listing.directory import Directory
from ansible_collections.lms.moodle.plugins.module_utils.codebase.repository import Repository
from ansible_collections.lms.moodle.plugins.module_utils.codebase.survey import Survey
from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.conclusion import conclude
from ansible_collections.lms.moodle.plugins.module_utils.common.process import secrets_in


class CodebaseInfo:
    """Turns the module's parameters into a survey."""

    def __init__(self, parameters: dict[str, t.Any], background: Background) -> None:
        self.parameters = parameters
        self.background = background

    def run(self) -> dict[str, t.Any]:
        manifest = read_manifest(self.parameters["manifest"], self.parameters["definition"])
        return with_whole_store(Path(self.parameters["store"]), self.parameters["offline"], lambda store: self.survey(manifest, store))

    def survey(self, manifest: Manifest, store: Store) -> dict[str, t.Any]:
        directory = Directory(self.parameters["plugin_list"], store.path, store.offline)
        return Survey(
            manifest,
            store,
            Repository(store, self.parameters["repository"], manifest.project),
            lock_path(self.parameters["lock_file"], self.parameters["manifest"]),
            self.parameters["revisions"],
            directory.repository_of if self.parameters["plugin_list"] else None,
            self.parameters["resolve_dependencies"],
            self.background.counter("sources"),
            directory.warnings,
        ).run()


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "manifest": {"type": "path"},
            "definition": {"type": "dict"},
            "lock_file": {"type": "path"},
            "store": {"type": "path", "required": True},
            "repository": {"type": "str", "required": True},
            "offline": {"type": "bool", "default": False},
            "plugin_list": {"type": "str", "default": ""},
            "resolve_dependencies": {"type": "bool", "default": False},
            "revisions": {"type": "list", "elements": "str", "default": []},
            # Set by the action plugin: where it watches the work.
            "_background": {"type": "path"},
        },
        mutually_exclusive=[("manifest", "definition")],
        required_one_of=[("manifest", "definition")],
        supports_check_mode=True,
    )
    if MISSING:
        module.fail_json(msg=missing_required_lib(" and ".join(MISSING)))
    # A password in a URL must not come back with the module's arguments.
    urls = [module.params["repository"], module.params["plugin_list"], *urls_in(module.params["definition"])]
    module.no_log_values.update(*map(secrets_in, urls))
    background = Background(module.params["_background"])
    conclude(module, background, CodebaseInfo(module.params, background).run, module.params["store"])


if __name__ == "__main__":
    main()
