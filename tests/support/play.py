# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs one of the collection's modules on this machine as a play does, action plugin included; or the delivery of code alone."""

from __future__ import annotations

import getpass
import grp
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from .process import run

_REPOSITORY = Path(__file__).resolve().parents[2]


def run_module(module: str, arguments: t.Mapping[str, t.Any], folder: Path, *, check: bool = False) -> dict[str, t.Any]:
    """The module's result, a failure's too; `folder` receives the playbook."""
    folder.mkdir(parents=True, exist_ok=True)
    answer = folder / "result.json"
    answer.unlink(missing_ok=True)
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable},
        "tasks": [
            {"name": "Run", f"lms.moodle.{module}": dict(arguments), "register": "answer", "ignore_errors": True},
            {
                "name": "Keep",
                "ansible.builtin.copy": {"content": "{{ answer | to_json }}", "dest": str(answer), "mode": "0600"},
                "check_mode": False,
            },
        ],
    }
    playbook = folder / "playbook.json"
    playbook.write_text(json.dumps([play]))
    ansible = Path(sys.executable).with_name("ansible-playbook")
    command: list[str | Path] = [ansible, "--inventory", "localhost,", playbook, *(["--check"] if check else [])]
    # What the modules keep below the temporary folder goes with the test.
    scratch = folder / "tmp"
    scratch.mkdir(exist_ok=True)
    env = {"ANSIBLE_CONFIG": str(_REPOSITORY / "ansible.cfg"), "PATH": os.environ["PATH"], "TMPDIR": str(scratch)}
    ended = run(command, env=env, cwd=_REPOSITORY, timeout=1800)
    if not answer.exists():
        ended.must_succeed()
    result: dict[str, t.Any] = json.loads(answer.read_text())
    return result


def deliver(hosts: t.Mapping[str, t.Any], repository: str, revision: str, inventory: Path) -> tuple[int, str]:
    """Bring code that needs no site to web hosts: how the play ended, and what it said."""
    inventory.write_text(json.dumps({"all": {"children": {"moodle_web": {"hosts": hosts}}}}))
    variables = {
        "moodle_repository": repository,
        "moodle_revision": revision,
        "moodle_owner": getpass.getuser(),
        "moodle_group": grp.getgrgid(os.getgid()).gr_name,
    }
    ansible = str(Path(sys.executable).with_name("ansible-playbook"))
    command = [ansible, "lms.moodle.deliver", "-i", str(inventory), "-e", json.dumps(variables)]
    done = subprocess.run(command, cwd=_REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
