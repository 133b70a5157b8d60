# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether two platforms are alike enough for a restore. Plain data in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping

CORE = "moodle"


def differences(source: Mapping[str, str], archive: Mapping[str, str]) -> list[str]:
    """In words, what the archive platform lacks or has in another version; what only the archive has does no harm."""
    return [
        f"{component} is {version} in the source and {archive.get(component) or 'missing'} in the archive"
        for component, version in sorted(source.items(), key=lambda item: (item[0] != CORE, item[0]))
        if archive.get(component) != version
    ]
