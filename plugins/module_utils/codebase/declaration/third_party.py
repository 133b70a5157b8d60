# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Python packages that a build host needs, and which of them this one lacks."""

from __future__ import annotations

MISSING: list[str] = []

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]
    MISSING.append("PyYAML")

__all__ = ["MISSING", "yaml"]
