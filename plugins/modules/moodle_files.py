#!/usr/bin/python
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: moodle_files
short_description: Put several small files into a folder at once
version_added: 0.1.0
description:
  - Brings files that differ to the content and the mode that they should have, each by one rename. What else lies in the folder stays.
  - One task takes the place of one for each file.
  - A link in the place of a file is replaced, never followed.
options:
  path:
    description: The folder. It has to be there.
    type: path
    required: true
  files:
    description: The text of each file by its name, which is no path.
    type: dict
    required: true
  mode:
    description: Their mode.
    type: str
    default: '0644'
extends_documentation_fragment:
  - lms.moodle.attributes
attributes:
  diff_mode:
    support: none
  idempotent:
    support: full
author:
  - The lms.moodle contributors (@lms-moodle)
"""

EXAMPLES = r"""
- name: Put the tools in place
  lms.moodle.moodle_files:
    path: /srv/moodle
    files:
      caches.php: "{{ lookup('ansible.builtin.file', 'caches.php', rstrip=false) }}"
      preflight.php: "{{ lookup('ansible.builtin.file', 'preflight.php', rstrip=false) }}"
"""

RETURN = r"""
written:
  description: The names of the files that differed.
  returned: success
  type: list
  elements: str
  sample: [preflight.php]
"""

import stat
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.common.files import write_atomically


def plan(folder: Path, files: dict[str, str], mode: int) -> dict[str, bytes]:
    """The files that are not as they should be, with what they should hold."""
    for name in files:
        if name in ("", ".", "..") or "/" in name or "\0" in name:
            raise BadInput(f"'{name}' in 'files' is no name of a file: give one name, and its folder in 'path'.")
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder on this host: make it first, or correct 'path'.")
    wanted = {name: str(text).encode(errors="surrogateescape") for name, text in files.items()}
    return {name: content for name, content in wanted.items() if _found(folder / name) != (mode, content)}


def _found(path: Path) -> tuple[int, bytes] | None:
    try:
        status = path.lstat()
        return (stat.S_IMODE(status.st_mode), path.read_bytes()) if stat.S_ISREG(status.st_mode) else None
    except FileNotFoundError:
        return None


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
            "mode": {"type": "str", "default": "0644"},
        },
        supports_check_mode=True,
    )
    folder = Path(module.params["path"])
    try:
        mode = _mode(module.params["mode"])
        written = plan(folder, module.params["files"], mode)
        if not module.check_mode:
            for name, content in written.items():
                write_atomically(folder / name, content, mode)
        module.exit_json(changed=bool(written), written=sorted(written))
    except BadInput as error:
        module.fail_json(msg=error.message)
    except OSError as error:
        module.fail_json(msg=f"{error.filename or folder}: {error.strerror or error}.")


def _mode(text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:  # noqa: PLR2004
        raise BadInput(f"'{text}' in 'mode' is no mode of a file: write it in octal digits, for example '0644'.")
    return mode


if __name__ == "__main__":
    main()
