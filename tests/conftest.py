# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

# The programs that were installed with this pytest are the ones that are tested, however pytest was started.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

pytest_plugins = ["support.fixtures", "hosts.scenarios"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real", action="store_true", help="run the tests on a real Moodle too (fetched with Git, installed once)")


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """The tests of a file share what it has made: one process runs them all, but for files whose tests share nothing and take long."""

    ALONE = ("test_static.py", "test_molecule.py", "test_scenarios.py", "test_targets.py", "test_awx.py", "test_sessions.py")

    def _split_scope(self, nodeid: str) -> str:
        file, _colons, _test = nodeid.partition("::")
        return nodeid if file.endswith(self.ALONE) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> _ByFile:
    return _ByFile(config, log)
