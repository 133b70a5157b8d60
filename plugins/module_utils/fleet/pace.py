# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a run goes through its nodes: canary first, in batches, and until too many have failed."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from ..common.errors import BadInput
from .nodes import Node


@dataclass(frozen=True)
class Wave:
    """Nodes that are run together; the next wave begins when all of them have ended."""

    nodes: Sequence[Node]
    canary: bool = False


def waves(nodes: Sequence[Node], *, canary: int, batch: int) -> t.Iterator[Wave]:
    """The canary, if one is wanted, then batches of the given size (0: all at once)."""
    if canary:
        yield Wave(nodes[:canary], canary=True)
    rest = nodes[canary:]
    size = batch or len(rest) or 1
    for start in range(0, len(rest), size):
        yield Wave(rest[start : start + size])


@dataclass(frozen=True)
class Budget:
    """How many failures a run may have: ``None`` is none at its end, but nothing stops before all were tried."""

    allowed: int | None

    @classmethod
    def parse(cls, text: str | None, total: int) -> Budget:
        """From a count or a share of all nodes (``5%``)."""
        if text is None:
            return cls(None)
        found = re.fullmatch(r"\s*(\d+)\s*(%?)\s*", text)
        if not found or (found[2] and int(found[1]) > 100):  # noqa: PLR2004 - percent
            raise BadInput(f"'{text}' is no value for 'max_failures': write a count (3) or a share of the nodes (5%).")
        return cls(total * int(found[1]) // 100 if found[2] else int(found[1]))

    def stops(self, failures: int) -> bool:
        """Whether nothing new may begin."""
        return self.allowed is not None and failures > self.allowed

    def fails(self, failures: int) -> bool:
        """Whether the whole run has failed."""
        return failures > (self.allowed or 0)
