# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides which commit each part of a code base is taken from: what the lock holds stays, the rest is found and resolved."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ..common.errors import BadInput
from .declaration.lock import Locked, decision
from .declaration.manifest import Manifest, Part, Wanted
from .describe import Descriptions, Facts
from .resolving.candidates import Candidate, Core, Wish
from .resolving.resolver import Choice, Rejected, missing_message, resolve
from .sources import CHOICES, Ref, Sources


@dataclass(frozen=True)
class Decided:
    """A part, the commit that was decided for it, and what its tree says."""

    part: Part
    locked: Locked
    facts: Facts
    rejected: tuple[Rejected, ...] = ()
    kind: str = ""  # of the ref that was taken: tag, branch …


@dataclass
class Decider:
    """``run()`` gives the core and the plugins in the manifest's order, then what was added for those that need it."""

    manifest: Manifest
    sources: Sources
    descriptions: Descriptions
    locked: Mapping[str, Locked]
    update: Collection[str] = ()
    repository_of: Callable[[str], str] | None = None  # the plugin directory's answer
    resolve_dependencies: bool = False
    warnings: list[str] = field(default_factory=list)

    def run(self) -> list[Decided]:
        parts = [self._with_source(part) for part in self.manifest.plugins]
        core, found = self._core(self.manifest.moodle, [part for part in parts if not self._held(part, None)])
        branch = str(core.facts["version"].get("branch", ""))
        while True:
            found.update(self._find([part for part in parts if part.component not in found and not self._held(part, branch)]))
            found.update(self._bring([part for part in parts if part.component not in found]))
            wishes = [self._wish(part, found[part.component], branch) for part in parts]
            resolution = resolve(_core(core), wishes)
            if not resolution.missing:
                break
            if not self.resolve_dependencies:
                raise BadInput(missing_message(resolution.missing))
            parts += self._missing_parts({missing.component: missing.needed_by for missing in resolution.missing})
        self.warnings += [*self.sources.warnings, *resolution.warnings]
        return [core, *(self._decided(part, resolution.choices[part.component], branch) for part in parts)]

    # What the lock holds

    def _held(self, part: Part, branch: str | None) -> Locked | None:
        """What the lock holds for a part, if it is still the answer. Before the core is known, its branch is taken for unchanged."""
        held = self.locked.get(part.component)
        if held is None or {"all", part.component} & set(self.update):
            return None
        if branch is None and part.wanted.kind in CHOICES:
            branch = held.wanted.rpartition(" ")[2]
        return held if held.answers(part, branch or "") else None

    def _bring(self, parts: Iterable[Part]) -> dict[str, list[Ref]]:
        """The commits of the lock, fetched where the store lacks them."""
        refs: dict[str, list[Ref]] = {}
        for part in parts:
            held = self.locked[part.component]
            kind = part.wanted.kind if part.wanted.kind not in CHOICES else "commit"
            refs[part.component] = [Ref(kind, held.ref, held.commit)]
        lost = [part for part in parts if self.sources.store.commit_of(self.locked[part.component].commit) is None]
        self._find([replace(part, wanted=self._by_commit(part)) for part in lost])
        return refs

    def _by_commit(self, part: Part) -> Wanted:
        return part.wanted if part.wanted.kind == "zip" else Wanted("commit", self.locked[part.component].commit)

    # What is found

    def _find(self, parts: list[Part]) -> dict[str, list[Ref]]:
        strict = {part.component for part in parts} if "all" in self.update else set(self.update)
        return self.sources.find(parts, strict) if parts else {}

    def _core(self, part: Part, others: list[Part]) -> tuple[Decided, dict[str, list[Ref]]]:
        """The core, and in the same turn what else has to be asked for."""
        held = self._held(part, None)
        found = self._find(others if held else [part, *others])
        refs = self._bring([part])[part.component] if held else found.pop(part.component)
        locked = held or decision(part, refs[0].name, refs[0].commit, f"asked for by {part.wanted}")
        tree = self.sources.store.tree_of(locked.commit)
        try:
            facts = self.descriptions.core(tree)
        except BadInput as error:
            raise BadInput(f"moodle: {locked.ref} of {locked.source} cannot be the core: {error.message}") from None
        return Decided(part, locked, facts), found

    def _with_source(self, part: Part) -> Part:
        """The repository of a part that names none is the directory's to tell."""
        if part.source:
            return part
        held = self.locked.get(part.component)
        if held is not None and not {"all", part.component} & set(self.update):
            return replace(part, source=held.source)
        return replace(part, source=self._repository(part.component, "the code base file names no source"))

    def _repository(self, component: str, why: str) -> str:
        if self.repository_of is None:
            raise BadInput(f"{component}: {why}: declare it under plugins with its source, or name a plugin_list to look it up.")
        return self.repository_of(component)

    def _missing_parts(self, missing: Mapping[str, str]) -> list[Part]:
        """A part for each plugin that others need: the lock's, so that a build from it asks nobody, else the directory's."""
        parts = []
        for component, needed_by in sorted(missing.items()):
            held = self.locked.get(component)
            source = held.source if held else self._repository(component, f"{needed_by} needs it")
            parts.append(Part(component, source, Wanted("newest", "")))
        return parts

    # The resolver

    def _wish(self, part: Part, refs: list[Ref], branch: str) -> Wish:
        candidates = [self._candidate(part, ref) for ref in refs]
        exact = part.wanted.value if part.wanted.kind == "version" else ""
        held = self._held(part, branch) is not None
        free = part.wanted.kind in CHOICES and not held
        return Wish(part.component, not free, part.force, part.maturity, exact if free else "", candidates, part.source, held)

    def _candidate(self, part: Part, ref: Ref) -> Candidate:
        facts = self.descriptions.plugin(self.sources.store.tree_of(ref.commit), part.component)
        return Candidate(ref.kind, ref.name, ref.commit, facts.get("version"), facts.get("refused", ""), facts["brings"])

    def _decided(self, part: Part, choice: Choice, branch: str) -> Decided:
        taken = choice.candidate
        held = self._held(part, branch)
        locked = held or decision(part, taken.name, taken.commit, choice.reason, branch)
        facts = self.descriptions.plugin(self.sources.store.tree_of(locked.commit), part.component)
        return Decided(part, locked, facts, () if held else choice.rejected, taken.kind)


def _core(core: Decided) -> Core:
    version: Mapping[str, t.Any] = core.facts["version"]
    return Core(version.get("version"), version.get("branch", ""), str(version.get("release", "")), core.facts["plugins"])
