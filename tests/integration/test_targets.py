# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs every role below targets/ on this machine; those with a file needs_site against a stand-in site of their own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from support.mariadb import MariaDB
from support.moodle import installed_site
from support.platforms import Platform
from support.process import run

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
TARGETS = sorted(path.name for path in (HERE / "targets").iterdir() if (path / "tasks/main.yml").is_file())


@pytest.mark.parametrize("target", TARGETS)
def test_target(target: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    variables: dict[str, object] = {"target_folder": str(tmp_path), "ansible_python_interpreter": sys.executable}
    if (HERE / "targets" / target / "needs_site").exists():
        standin_platform: Platform = request.getfixturevalue("standin_platform")
        database_server: MariaDB = request.getfixturevalue("database_server")
        site = installed_site(standin_platform, tmp_path / "site", database_server)
        nodes = {name: site.add_node(name, enabled=name != "closed") for name in ("alpha", "beta", "gamma", "closed")}
        variables["target_site"] = {
            "code": str(site.code),
            "wwwroot": site.wwwroot,
            "php_options": [f"{name}={value}" for name, value in site.php_settings().items()],
            "courses": [site.make_course(f"course-{number}") for number in range(4)],
            "nodes": {name: {"wwwroot": node.wwwroot, "dataroot": str(node.dataroot)} for name, node in nodes.items()},
            "dataroot": str(site.dataroot),
        }
    playbook = tmp_path / "playbook.json"
    playbook.write_text(
        json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "roles": [{"role": target}]}])
    )
    env = {"ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "ANSIBLE_ROLES_PATH": str(HERE / "targets"), "PATH": os.environ["PATH"]}
    # What the modules keep below the temporary folder goes with the test.
    (tmp_path / "tmp").mkdir()
    env["TMPDIR"] = str(tmp_path / "tmp")
    ended = run(
        [Path(sys.executable).with_name("ansible-playbook"), "--inventory", "localhost,", playbook], env=env, cwd=REPOSITORY, timeout=600
    )
    assert ended.rc == 0, ended.text[-6000:]
