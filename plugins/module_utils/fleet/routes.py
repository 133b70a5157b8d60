# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which code each node runs on: what is served to all, or a release that a link of its own names, which the web server reads, too."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..common.errors import MoodleError
from ..common.php import Php, code_root
from .nodes import Node, Refusal, Selection
from .registry import Registry, State

SERVED, LINKS = "current", "nodes"


@dataclass(frozen=True)
class Routes:
    """The code that nodes run on when nothing else is said, and where their own links are."""

    code: Path
    links: Path | None = None

    @classmethod
    def from_root(cls, moodle: str) -> Routes:
        """From the root of the code as the user named it: only what is served to all has nodes beside it that do not follow."""
        path = Path(moodle)
        follows = path.name == SERVED and path.is_symlink()
        return cls(code_root(moodle), path.parent / LINKS if follows else None)

    def code_of(self, node: Node) -> Path:
        """The root of the node's code, as it really is on the disk."""
        link = self.links / (urlsplit(node.wwwroot).hostname or "") if self.links and not node.master else None
        if link is None or not link.is_symlink():
            return self.code
        try:
            return code_root(str(link))
        except MoodleError as error:
            raise MoodleError(f"its own link to its code leads nowhere: {error.message}") from error

    def lead(self, selection: Selection) -> Selection:
        """The same, but for nodes whose own link leads nowhere: they are refused, for no other code is theirs."""
        nodes, refused = [], list(selection.refused)
        for node in selection.nodes:
            try:
                self.code_of(node)
                nodes.append(node)
            except MoodleError as error:
                refused.append(Refusal(node.wwwroot, node.name, "failed", error.message))
        return Selection(nodes, refused)

    def by_code(self, nodes: Iterable[Node]) -> dict[Path, list[Node]]:
        """The nodes of each code, in their order."""
        found: dict[Path, list[Node]] = {}
        for node in nodes:
            found.setdefault(self.code_of(node), []).append(node)
        return found

    def states(self, registry: Registry, nodes: Sequence[Node], php: Php) -> Iterator[tuple[Node, State]]:
        """Each node with its state, by its own code: pending is what that code would upgrade. ``registry`` is of the code of all others."""
        others = self.by_code(nodes)
        own = others.pop(self.code, [])
        told: dict[int, State] = {}
        for code, group in others.items():
            with Registry.open(php.for_code(code), code, states=True) as theirs:
                told.update((node.id, state) for node, state in theirs.states(group))
        answers = registry.states(own)
        for node in nodes:
            yield from [(node, told[node.id])] if node.id in told else itertools.islice(answers, 1)
        # Asked to the end, so that the registry knows its code even when nobody runs on it.
        next(answers, None)


def sharing(addresses: Iterable[str]) -> set[str]:
    """The sites that share their host name with another one: a web server can only lead them all to the same code."""
    found: dict[str, list[str]] = {}
    for address in addresses:
        found.setdefault(urlsplit(address).hostname or "", []).append(address)
    return {address for sites in found.values() if len(sites) > 1 for address in sites}
