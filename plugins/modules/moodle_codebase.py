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
requirements:
  - git
  - GitPython
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
timings:
  description: Seconds spent in each phase.
  returned: success
  type: dict
  sample: {repository: 0.01, fetch: 1.2, compose: 0.1, publish: 0.9}
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE, BOOLEANS_TRUE

from ansible_collections.lms.moodle.plugins.module_utils.codebase.build import Build
from ansible_collections.lms.moodle.plugins.module_utils.codebase.manifest import Manifest, parse_manifest
from ansible_collections.lms.moodle.plugins.module_utils.codebase.repository import Repository
from ansible_collections.lms.moodle.plugins.module_utils.codebase.store import Store
from ansible_collections.lms.moodle.plugins.module_utils.codebase.third_party import MISSING
from ansible_collections.lms.moodle.plugins.module_utils.codebase.yaml_file import read_yaml
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.process import secrets_in


class CodebaseModule:
    """Turns the module's parameters into a build."""

    def __init__(self, module: AnsibleModule) -> None:
        self.check_mode: bool = module.check_mode
        self.manifest: str | None = module.params["manifest"]
        self.definition: dict[str, t.Any] | None = module.params["definition"]
        self.lock_file: str | None = module.params["lock_file"]
        self.store: str = module.params["store"]
        self.repository: str = module.params["repository"]
        self.update: list[str] = module.params["update"]
        self.offline: bool = module.params["offline"]
        self.tag: str = module.params["tag"]

    def run(self) -> dict[str, t.Any]:
        manifest = self.read_manifest()
        store = Store(Path(self.store), self.offline)
        try:
            repository = Repository(store, self.repository, manifest.project)
            return Build(manifest, store, repository, self.lock_path(), self.update, self.tag_name(), self.check_mode).run()
        finally:
            store.close()

    def read_manifest(self) -> Manifest:
        if self.manifest is None:
            return parse_manifest(self.definition, "definition")
        try:
            text = Path(self.manifest).read_text(encoding="utf-8")
        except OSError as error:
            raise BadInput(f"The code base file {self.manifest} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise BadInput(f"The code base file {self.manifest} is not UTF-8 text (byte {error.start}).") from error
        data, lines = read_yaml(text, self.manifest)
        return parse_manifest(data, self.manifest, lines)

    def lock_path(self) -> Path | None:
        if self.lock_file is not None:
            return Path(self.lock_file)
        return Path(self.manifest).with_suffix(".lock.yml") if self.manifest is not None else None

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
        },
        mutually_exclusive=[("manifest", "definition")],
        required_one_of=[("manifest", "definition")],
        supports_check_mode=True,
    )
    if MISSING:
        module.fail_json(msg=missing_required_lib(" and ".join(MISSING)))
    # A password in a URL must not come back with the module's arguments.
    module.no_log_values.update(secrets_in(module.params["repository"]), *map(secrets_in, sources_of(module.params["definition"])))
    try:
        module.exit_json(**CodebaseModule(module).run())
    except MoodleError as error:
        module.fail_json(msg=error.message, **error.result)
    except OSError as error:
        module.fail_json(msg=f"{error.filename or module.params['store']}: {error.strerror or error}. Run again when that is mended.")


def sources_of(definition: object) -> t.Iterator[str]:
    """Every text in a definition that is a URL."""
    if isinstance(definition, dict):
        for value in definition.values():
            yield from sources_of(value)
    elif isinstance(definition, str) and "://" in definition:
        yield definition


if __name__ == "__main__":
    main()
