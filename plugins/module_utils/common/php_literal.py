# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values as PHP source, so that no password and no path can become code."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence


def php_literal(value: t.Any) -> str:
    """The PHP literal of a value: text, numbers, booleans, null, lists and dictionaries of these; TypeError for anything else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    if isinstance(value, Mapping):
        return "[" + ", ".join(f"{php_literal(str(key))} => {php_literal(item)}" for key, item in value.items()) + "]"
    if isinstance(value, Sequence):
        return "[" + ", ".join(php_literal(item) for item in value) + "]"
    raise TypeError(f"a {type(value).__name__} has no literal in PHP")
