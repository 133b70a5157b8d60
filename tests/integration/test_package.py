# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive that users install: nothing in it that they never run, and it works from an empty place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml
from support.campus import make_campus

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the tracked files alone, as a release is."""
    clean = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():
            (clean / name).parent.mkdir(parents=True, exist_ok=True)
            (clean / name).write_bytes((ROOT / name).read_bytes())
    (clean / "out").mkdir()
    (clean / "out" / "ansible.cfg").touch()
    command = [BIN / "ansible-galaxy", "collection", "build", "--output-path", clean / "out", clean]
    subprocess.run(command, env={**os.environ, "ANSIBLE_CONFIG": str(clean / "out" / "ansible.cfg")}, stdout=subprocess.PIPE, check=True)
    (built,) = (clean / "out").glob("lms-moodle-*.tar.gz")
    return built


def test_the_archive_holds_what_users_run_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
    tops = {name.partition("/")[0] for name in names}
    unwanted = {"tests", "scripts", ".ci", ".cache", ".git", "Makefile", "pyproject.toml", "ansible.cfg", "requirements-test.txt"}
    assert not tops & unwanted
    assert not [name for name in names if name.startswith("extensions/molecule") or "__pycache__" in name]
    assert {
        "plugins/modules/moodle_delivery.py",
        "plugins/php/registry.php",
        "playbooks/deliver.yml",
        "roles/site/templates/config.php.j2",
    } <= names
    assert {"README.md", "LICENSE", "CHANGELOG.md", "meta/runtime.yml", "requirements.txt", "bindep.txt"} <= names


def test_what_git_ignores_stays_out_too() -> None:
    listed = yaml.safe_load((ROOT / "galaxy.yml").read_text())["build_ignore"]
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]
    assert not [name for name in ignored if name not in listed and name.partition("/")[0] not in listed]


def test_installed_from_the_archive_into_an_empty_place_it_delivers(archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "collections"
    env = {
        **os.environ,
        "ANSIBLE_CONFIG": str(archive.with_name("ansible.cfg")),
        "ANSIBLE_COLLECTIONS_PATH": str(place),
        "ANSIBLE_NOCOLOR": "1",
    }
    install = [BIN / "ansible-galaxy", "collection", "install", archive, "--collections-path", place, "--no-deps", "--offline"]
    subprocess.run(install, env=env, stdout=subprocess.PIPE, check=True)
    campus = make_campus(tmp_path / "campus")
    campus.declare("4.2.0")
    inventory = tmp_path / "hosts.json"
    inventory.write_text(json.dumps({"all": {"children": campus.inventory()}}))
    command = [BIN / "ansible-playbook", "lms.moodle.deliver", "-i", inventory, "-e", json.dumps(campus.variables())]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert campus.version() == "4.2"
