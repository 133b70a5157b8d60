# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a value as PHP source, so that no password and no path can become code."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.lms.moodle.plugins.module_utils.common.php_literal import php_literal


def php_value(value: t.Any) -> str:
    """The PHP literal of a value: text, numbers, booleans, null, lists and dictionaries of these."""
    try:
        return php_literal(value)
    except TypeError as error:
        raise AnsibleFilterError(f"php_value: {error}.") from None


class FilterModule:
    """Filters of lms.moodle."""

    def filters(self) -> dict[str, Callable[[t.Any], str]]:
        return {"php_value": php_value}
