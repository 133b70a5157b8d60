# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenarios of extensions/molecule; those that take longest are in tests/stories."""

from __future__ import annotations

import pytest

from hosts.machines import Run
from hosts.scenarios import STORIES, play, scenarios


@pytest.mark.parametrize("scenario", sorted(scenarios() - STORIES))
def test_scenario(scenario: str, hosts_run: Run) -> None:
    play(scenario, hosts_run)
