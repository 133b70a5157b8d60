# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plugin directory: asked only when a plugin's repository is not declared, and then once."""

from __future__ import annotations

import tempfile
import typing as t
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ...common.errors import BadInput

if t.TYPE_CHECKING:
    from .plugin_list import PluginList


@dataclass
class Directory:
    where: str
    cache: Path | None  # where the list is kept for the next call
    offline: bool
    warnings: list[str] = field(default_factory=list)

    def repository_of(self, component: str) -> str:
        """The Git repository of a plugin; BadInput where the list knows none, with what it knows."""
        found = self._list.repository(component)
        if found is None:
            raise BadInput(f"{component}: {self._list.why_none(component)}: declare its source.")
        return found

    @cached_property
    def _list(self) -> PluginList:
        from .plugin_list import fetch_plugin_list  # noqa: PLC0415 - brings all of HTTP, and few builds need it

        with tempfile.TemporaryDirectory(prefix="lms-moodle-") as folder:
            found, warnings = fetch_plugin_list(self.where, self.cache or Path(folder), self.offline)
        self.warnings += warnings
        return found
