# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder where the costly things (fetched commits, installed databases) wait for the next run."""

from __future__ import annotations

import os
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]


def cache_directory() -> Path:
    """`LMS_MOODLE_CACHE`, or `.cache/real` in the checkout; safe to delete."""
    directory = Path(os.environ.get("LMS_MOODLE_CACHE") or _REPOSITORY / ".cache" / "real")
    directory.mkdir(parents=True, exist_ok=True)
    return directory
