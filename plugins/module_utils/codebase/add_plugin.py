# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds a plugin to a code base file, or takes it out: finds its repository and the ref that fits, and edits the text."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..common.errors import BadInput
from ..common.process import without_secrets
from .decide import Decided, Decider
from .declaration.declared import parse_file, read_text
from .declaration.edit import remove_plugin, set_plugin
from .declaration.lock import read_lock
from .declaration.manifest import COMPONENT, REF_KINDS, SOURCE, Manifest, Part, Wanted
from .describe import Descriptions
from .git.store import Store
from .sources import Sources

REFS = (*REF_KINDS, "zip", "sha256")


@dataclass
class PluginEdit:
    """One plugin of one code base file."""

    manifest: str
    name: str
    lock_file: Path | None
    repository_of: Callable[[str], str] | None = None
    report: Callable[[int, int], None] = lambda done, total: None

    def __post_init__(self) -> None:
        match = COMPONENT.fullmatch(self.name)
        if not match:
            raise BadInput(f"name: a plugin is named 'moodle-type_name' or 'type_name', in small letters; '{self.name}' was found.")
        self.component = match.group(1)
        self.text = read_text(self.manifest)

    def absent(self) -> str:
        return remove_plugin(self.text, self.manifest, self.component)

    def present(self, values: Mapping[str, t.Any], store: Store | None) -> tuple[str, Decided | None]:
        """The new text, and what was decided where the choice was ours."""
        parsed = parse_file(self.text, self.manifest)
        known = next((part for part in parsed.plugins if part.component == self.component), None)
        named = {key: value for key, value in values.items() if key in REFS and value}
        if named:
            # Another ref takes the place of the one that is there.
            settled = () if named.keys() == {"version"} else ("maturity",)
            return self._written({**dict.fromkeys((*REFS, *settled)), **named, **self._source(values, known)}), None
        if known is not None and (not values.get("source") or values["source"] == known.source):
            return self.text, None
        if store is None:
            return self._written({**dict.fromkeys((*REFS, "force")), **self._source(values, known)}), None
        part = Part(self.component, self._source(values, known)["source"], Wanted("newest", ""))
        decided = self._decide(parsed, part, store)
        values = {**dict.fromkeys((*REFS, "maturity", "force")), "source": part.source, decided.kind: decided.locked.ref}
        return self._written(values), decided

    def _written(self, values: Mapping[str, t.Any]) -> str:
        return set_plugin(self.text, self.manifest, self.component, values)

    def _source(self, values: Mapping[str, t.Any], known: Part | None) -> dict[str, str]:
        if values.get("zip"):
            return {}
        source = values.get("source") or (known.source if known else "")
        if source and not SOURCE.fullmatch(source):
            raise BadInput(f"source: a Git URL or an absolute path is expected, '{without_secrets(source)}' was found.")
        if not source and self.repository_of is not None:
            source = self.repository_of(self.component)
        if not source:
            raise BadInput(f"{self.component}: name its source, or a plugin_list in which it can be looked up.")
        return {"source": source}

    def _decide(self, parsed: Manifest, part: Part, store: Store) -> Decided:
        """Choose beside the other plugins, which stay as the lock holds them."""
        others = tuple(other for other in parsed.plugins if other.component != part.component)
        wanted = replace(parsed, plugins=(*others, part))
        locked = (
            read_lock(read_text(str(self.lock_file)), str(self.lock_file), parsed.project)
            if self.lock_file and self.lock_file.exists()
            else {}
        )
        descriptions = Descriptions(store)
        try:
            decided = Decider(wanted, Sources(store, self.report), descriptions, locked, [part.component], self.repository_of).run()
        finally:
            descriptions.keep()
        return next(one for one in decided if one.part.component == part.component)
