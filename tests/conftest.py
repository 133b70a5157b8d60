# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# The programs that were installed with this pytest are the ones that are tested, however pytest was started.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

pytest_plugins = ["support.fixtures", "hosts.scenarios"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file share what it has made, so that one process runs them all; those that are ``alone`` share nothing."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(item.nodeid if item.get_closest_marker("alone") else item.path.name))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--real", action="store_true", help="run the tests on a real Moodle too (fetched with Git, installed once)")
