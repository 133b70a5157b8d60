#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: moodle_codebase
short_description: Build one immutable code base in Git from one declared file
version_added: 0.1.0
description:
  - Takes a code base file that names a Moodle version and plugins, and makes of it one commit that holds core and plugins together.
  - The commit's tree is composed inside Git; no file is checked out. The same file and lock give the same tree on any machine.
  - What was decided is written to a lock file beside the manifest and to C(refs/moodle/<project>) in the repository, and stays
    decided until the manifest changes or O(update) names it.
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
    description:
      - Where the decisions are kept.
      - Beside the manifest by default, C(codebase.yml) having C(codebase.lock.yml).
      - With O(definition) only the repository keeps them, unless this is set.
    type: path
  store:
    description: Bare repository that caches every source, shared by all projects of the host. It is made when missing and may be deleted.
    type: path
    required: true
  repository:
    description: Where the built commits go, as a path on the host (made as a bare repository when missing) or a Git URL.
    type: str
    required: true
  update:
    description: Components to decide afresh (V(moodle) for the core, V(all) for everything). Otherwise what the lock holds stays.
    type: list
    elements: str
    default: []
  offline:
    description: Never ask the sources; what the store lacks is an error.
    type: bool
    default: false
  tag:
    description:
      - Name of the tag for a new commit, V(true) for C(<project>-<timestamp>), V(false) for none.
      - An existing tag is never moved.
    type: str
    default: 'true'
  plugin_list:
    description:
      - The plugin directory's list, as a URL or as the path of a file, to find the repository of a plugin that declares no source.
      - Never asked when every source is declared. Empty means never. Kept in the store for a day.
      - A list that asks for a token gets the one in the environment variable E(MOODLE_PLUGIN_LIST_TOKEN), over HTTPS only.
    type: str
    default: ''
  resolve_dependencies:
    description:
      - Whether plugins that others need, and that the code base file does not name, are looked up in O(plugin_list) and added.
      - Otherwise a missing one is an error that names it.
    type: bool
    default: false
  lint:
    description:
      - Whether C(php -l) checks every PHP file that differs from the core's own and from the last build, before anything is committed.
    type: bool
    default: true
  lint_exclude:
    description: Shell patterns of paths in the code base that are not checked, such as files that are wrong on purpose.
    type: list
    elements: str
    default: ['*/tests/fixtures/*']
  php:
    description: The PHP that checks them; best the version that the sites run.
    type: str
    default: php
  trial:
    description:
      - A scratch database on which the built code is tried before anything is committed.
      - What fails there is neither committed nor tagged.
    type: dict
    suboptions:
      mode:
        description:
          - V(install) installs Moodle and its plugins in an empty database, and empties it again.
          - V(upgrade) upgrades a copy of a site's database, which is used up by that.
        type: str
        choices: [install, upgrade]
        default: install
      type:
        description: Kind of database, in Moodle's words.
        type: str
        choices: [mariadb, mysqli, pgsql]
        default: mariadb
      host:
        description: Where it is.
        type: str
        default: localhost
      port:
        description: Its port.
        type: int
      socket:
        description: Its socket.
        type: str
      name:
        description: Its name.
        type: str
        required: true
      user:
        description: The user.
        type: str
        required: true
      password:
        description: The password. It stands in a file that only the module's user may read, and on no command line.
        type: str
        default: ''
      prefix:
        description: What the names of the tables begin with.
        type: str
        default: mdl_
  _php:
    description: Where the PHP file of this module is on the host. Set by the action plugin, not by you.
    type: path
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
    details: The store may be filled in check mode, the repository and the lock file are not touched.
  diff_mode:
    support: full
  idempotent:
    support: full
author:
  - The lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Build the code base of the campus
  lms.moodle.moodle_codebase:
    manifest: /srv/build/codebase.yml
    store: /var/cache/moodle/store.git
    repository: /srv/git/campus.git
  register: built

- name: Take the newest commit of one plugin's branch, and leave the rest as it is
  lms.moodle.moodle_codebase:
    manifest: /srv/build/codebase.yml
    store: /var/cache/moodle/store.git
    repository: git@git.example.org:moodle/campus.git
    update: [mod_attendance]
"""

RETURN = r"""
project:
  description: The project's name; its branch in the repository has the same.
  returned: success
  type: str
  sample: campus
commit:
  description: The commit that holds the code base. Empty in check mode when a new one would be made.
  returned: success
  type: str
  sample: 0f4c2d1a7b9e8c6d5f4a3b2c1d0e9f8a7b6c5d4e
tree:
  description: The commit's tree; equal trees are equal code, byte for byte.
  returned: success
  type: str
  sample: 8a7b6c5d4e0f4c2d1a7b9e8c6d5f4a3b2c1d0e9f
tag:
  description: The tag of the commit; the existing one when nothing changed.
  returned: success
  type: str
  sample: campus-20261121T060000Z
moodle:
  description: The core.
  returned: success
  type: dict
  contains:
    version: {description: "Moodle's version number.", type: float, sample: 2023100900.0}
    release: {description: Its release in words., type: str, sample: "4.3 (Build: 20231009)"}
    branch: {description: Its branch number., type: str, sample: "403"}
    ref: {description: The ref that was taken., type: str, sample: v4.3.0}
    commit: {description: The commit that the ref named., type: str, sample: fe7aff80932f0e1d2c3b4a5968778695a4b3c2d1}
components:
  description: The core and each plugin.
  returned: success
  type: list
  elements: dict
  contains:
    component: {description: Its name., type: str, sample: mod_attendance}
    path: {description: Where it lies in the code base., type: str, sample: mod/attendance}
    version: {description: Its version number., type: float, sample: 2023020108}
    release: {description: Its release in words., type: str, sample: 2023020108}
    ref: {description: The ref that was taken., type: str, sample: MOODLE_402_STABLE}
    commit: {description: The commit that the ref named., type: str, sample: d6c5b4a392817060f1e2d3c4b5a69788796a5b4c}
    reason: {description: Why this ref., type: str, sample: asked for by branch MOODLE_402_STABLE}
    rejected: {description: Refs that were left and why., type: list, elements: dict, sample: []}
added:
  description: Components that the last build did not have.
  returned: success
  type: list
  elements: str
  sample: [mod_attendance]
removed:
  description: Components that the last build had.
  returned: success
  type: list
  elements: str
  sample: []
updated:
  description: Components at another commit than in the last build.
  returned: success
  type: list
  elements: str
  sample: [moodle]
linted:
  description: How many PHP files were checked.
  returned: success
  type: int
  sample: 112
timings:
  description: Seconds spent in each phase.
  returned: success
  type: dict
  sample: {repository: 0.01, fetch: 1.2, compose: 0.1, lint: 0.3, publish: 0.9}
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from ansible_collections.lms.moodle.plugins.module_utils.codebase.build import Build
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.declared import lock_path, read_manifest, urls_in
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.manifest import Manifest
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.third_party import MISSING
from ansible_collections.lms.moodle.plugins.module_utils.codebase.git.mending import with_whole_store
from ansible_collections.lms.moodle.plugins.module_utils.codebase.git.store import Store
from ansible_collections.lms.moodle.plugins.module_utils.codebase.lint import Lint
from ansible_collections.lms.moodle.plugins.module_utils.codebase.listing.directory import Directory
from ansible_collections.lms.moodle.plugins.module_utils.codebase.repository import Repository
from ansible_collections.lms.moodle.plugins.module_utils.codebase.trial import Trial
from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.conclusion import conclude
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.common.process import secrets_in


class CodebaseModule:
    """Turns the module's parameters into a build."""

    def __init__(self, parameters: dict[str, t.Any], check_mode: bool, background: Background) -> None:
        self.check_mode = check_mode
        self.background = background
        self.manifest: str | None = parameters["manifest"]
        self.definition: dict[str, t.Any] | None = parameters["definition"]
        self.lock_file: str | None = parameters["lock_file"]
        self.store: str = parameters["store"]
        self.repository: str = parameters["repository"]
        self.update: list[str] = parameters["update"]
        self.offline: bool = parameters["offline"]
        self.tag: str = parameters["tag"]
        self.plugin_list: str = parameters["plugin_list"]
        self.resolve_dependencies: bool = parameters["resolve_dependencies"]
        self.lint: Lint | None = self._lint(parameters) if parameters["lint"] else None
        self.trial: Trial | None = self._trial(parameters) if parameters["trial"] else None

    def run(self) -> dict[str, t.Any]:
        manifest = read_manifest(self.manifest, self.definition)
        return with_whole_store(Path(self.store), self.offline, lambda store: self.build(manifest, store))

    def build(self, manifest: Manifest, store: Store) -> dict[str, t.Any]:
        directory = Directory(self.plugin_list, store.path, self.offline)
        return Build(
            manifest,
            store,
            Repository(store, self.repository, manifest.project),
            lock_path(self.lock_file, self.manifest),
            self.update,
            self.tag_name(),
            self.check_mode,
            self.lint,
            self.trial,
            directory.repository_of if self.plugin_list else None,
            self.resolve_dependencies,
            self.background.counter("sources"),
            warnings=directory.warnings,
        ).run()

    def _trial(self, parameters: dict[str, t.Any]) -> Trial:
        if not parameters["_php"]:
            raise BadInput("trial: call the module from a play, where its action plugin brings the PHP that it needs.")
        wish = dict(parameters["trial"])
        return Trial(wish.pop("mode"), wish, parameters["php"], Path(parameters["_php"]) / "scratch.php")

    def _lint(self, parameters: dict[str, t.Any]) -> Lint:
        syntax = Path(parameters["_php"]) / "syntax.php" if parameters["_php"] else None
        return Lint(parameters["php"], parameters["lint_exclude"], syntax, self.background.counter("PHP files"))

    def tag_name(self) -> str | None:
        if self.tag.lower() in BOOLEANS_TRUE:
            return ""
        return None if self.tag.lower() in BOOLEANS_FALSE else self.tag


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "manifest": {"type": "path"},
            "definition": {"type": "dict"},
            "lock_file": {"type": "path"},
            "store": {"type": "path", "required": True},
            "repository": {"type": "str", "required": True},
            "update": {"type": "list", "elements": "str", "default": []},
            "offline": {"type": "bool", "default": False},
            "tag": {"type": "str", "default": "true"},
            "plugin_list": {"type": "str", "default": ""},
            "resolve_dependencies": {"type": "bool", "default": False},
            "lint": {"type": "bool", "default": True},
            "lint_exclude": {"type": "list", "elements": "str", "default": ["*/tests/fixtures/*"]},
            "php": {"type": "str", "default": "php"},
            "trial": {
                "type": "dict",
                "options": {
                    "mode": {"type": "str", "choices": ["install", "upgrade"], "default": "install"},
                    "type": {"type": "str", "choices": ["mariadb", "mysqli", "pgsql"], "default": "mariadb"},
                    "host": {"type": "str", "default": "localhost"},
                    "port": {"type": "int"},
                    "socket": {"type": "str"},
                    "name": {"type": "str", "required": True},
                    "user": {"type": "str", "required": True},
                    "password": {"type": "str", "no_log": True, "default": ""},
                    "prefix": {"type": "str", "default": "mdl_"},
                },
            },
            # Set by the action plugin: where it put the PHP files, and where it watches the work.
            "_php": {"type": "path"},
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
    conclude(module, background, lambda: CodebaseModule(module.params, module.check_mode, background).run(), module.params["store"])


if __name__ == "__main__":
    main()
