# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes single values as YAML, in quotes wherever some reader would take them for something else."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Sequence

from .third_party import yaml

Value = t.Union[str, bool, Sequence[str]]

# PyYAML knows the numbers of YAML 1.1; editors read those of 1.2, where 1e5 is one.
NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9A-Fa-f]+")


def written(value: Value, quote: str = "") -> str:
    """A value on one line; text in ``quote`` marks, or in those that it needs."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _dumped(value, _quote(value) or quote)
    return f"[{', '.join(_in_a_list(item) for item in value)}]"


def _in_a_list(item: str) -> str:
    return _dumped(item, _quote(item)) if _quote(item) else _dumped([item])[1:-1]


def _quote(value: str) -> str:
    if not value.isprintable():
        return '"'
    return "'" if NUMBER.fullmatch(value) else ""


def _dumped(value: object, quote: str = "") -> str:
    visible = str(value).isprintable()
    text: str = yaml.safe_dump(value, default_style=quote or None, default_flow_style=True, allow_unicode=visible, width=float("inf"))
    return text.removesuffix("...\n").rstrip("\n")
