# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def oldest() -> Path:
    """The programs of the oldest ansible-core that meta/runtime.yml allows, in an environment of their own."""
    (version,) = re.findall(r"^requires_ansible: '>=(\d+\.\d+)\.0'$", (ROOT / "meta/runtime.yml").read_text(), re.MULTILINE)
    programs = ROOT / ".cache" / f"ansible-{version}" / "bin"
    if not (programs / "ansible-playbook").exists():
        subprocess.run([sys.executable, "-m", "venv", str(programs.parent)], check=True)
        wanted = [f"ansible-core=={version}.*", "-r", "requirements.txt", "-r", "requirements-host.txt"]
        got = subprocess.run([str(programs / "pip"), "install", "--quiet", *wanted], cwd=ROOT, capture_output=True, text=True, check=False)
        if got.returncode != 0:
            pytest.skip(f"ansible-core {version} cannot be installed: {got.stderr.strip()[-200:]}")
    said = subprocess.run([str(programs / "ansible-playbook"), "--version"], capture_output=True, text=True, check=True).stdout
    assert f"[core {version}." in said
    return programs
