# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each scenario of extensions/molecule. What goes wrong on hosts takes long, and is in tests/stories."""

from __future__ import annotations

import pytest

from hosts.machines import Run
from hosts.scenarios import play, scenarios


@pytest.mark.parametrize("scenario", [name for name in scenarios() if not name.endswith("_failure")])
def test_scenario(scenario: str, hosts_run: Run) -> None:
    play(scenario, hosts_run)
