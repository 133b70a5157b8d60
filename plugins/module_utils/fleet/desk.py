# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Orders about nodes (node_orders.php): the registry, and the nodes' databases."""

from __future__ import annotations

import contextlib
import json
import typing as t

from ..common.errors import MoodleError
from .registry import Registry


class Desk(Registry):
    """The registry, and what is done about it, by one PHP process of the master's."""

    THEN = "orders"
    WRITES = True

    def order(self, do: str, about: str, **words: t.Any) -> t.Any:
        """Have something done; ``about`` begins the sentence in which it is told that it could not be."""
        with contextlib.suppress(BrokenPipeError):
            self._asking.write(json.dumps({"do": do, **words}) + "\n")
            self._asking.flush()
        answer = self._line()
        if "error" in answer:
            raise MoodleError(f"{about}: {answer['error']}")
        return answer["done"]
