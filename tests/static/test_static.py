# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make sanity` and `make lint` do, beside the other tests: neither keeps both processors busy."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.process import run

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.mark.parametrize("script", ["sanity", "lint"])
def test_script(script: str) -> None:
    ended = run([SCRIPTS / script], timeout=1800)
    assert ended.rc == 0, ended.text[-6000:]
