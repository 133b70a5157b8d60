# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what each part of a code base may be made of: the commits of its refs, fetched where they are not here, several sources at once."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from ..common.errors import MoodleError
from ..common.process import without_secrets
from .declaration.manifest import Part
from .git.fetch import Fetch, sweep
from .git.gitrepo import explained, git
from .git.store import Store, ref_of
from .resolving.versions import core_ref

AT_ONCE = 8
BEAT = 1.0
LONGEST_REF = 200
SETTLED = ("tag", "commit", "zip")
REFS = ("tag", "branch")
CHOICES = ("newest", "version")  # of a plugin: all refs of its source are candidates
Names = list[tuple[str, str]]


class Ref(t.NamedTuple):
    """A ref of a source and the commit that it names."""

    kind: str
    name: str
    commit: str


@dataclass
class Sources:
    """Asks the sources of many parts at once; what is settled and here is not asked for again."""

    store: Store
    report: Callable[[int, int], None] = lambda done, total: None
    warnings: list[str] = field(default_factory=list)

    def find(self, parts: Sequence[Part], strict: Iterable[str] = ()) -> dict[str, list[Ref]]:
        """The refs that each part may be taken from: one where the manifest names it, all of the source where it leaves the choice.

        A source that is down is no obstacle while the store knows its refs, unless ``strict`` names the part: that one has to be asked.
        """
        found = {part.component: self._known(part) for part in parts if part.wanted.kind in SETTLED}
        asked = [part for part in parts if not found.get(part.component)]
        if self.store.offline:
            found.update((part.component, self._stored(part)) for part in asked)
            return found
        problems: list[MoodleError] = []
        for part, answer in self._ask(asked):
            if not isinstance(answer, MoodleError):
                found[part.component] = answer
                continue
            known = [] if part.component in strict else self._known(part)
            if known:
                self.warnings.append(f"{answer.message} What the store knows of it is taken.")
                found[part.component] = known
            else:
                problems.append(answer)
        if problems:
            raise type(problems[0])(" ".join(dict.fromkeys(problem.message for problem in problems)))
        return found

    # The store

    def _known(self, part: Part) -> list[Ref]:
        """What the store has of it."""
        tags, branches = (self.store.refs_of(part.source, kind) for kind in REFS)
        if part.wanted.kind in CHOICES:
            try:
                return self._refs(part, _candidates(part, tags, branches))
            except MoodleError:
                return []
        refs = self._refs(part, [(part.wanted.kind, part.wanted.value)])
        if not refs and part.wanted.kind == "commit":
            commit = self.store.commit_of(part.wanted.value)
            return [Ref("commit", part.wanted.value, commit)] if commit else []
        return refs

    def _stored(self, part: Part) -> list[Ref]:
        found = self._known(part)
        if not found:
            source = without_secrets(part.source)
            raise MoodleError(f"{part.component}: {part.wanted} of {source} is not in the store, and 'offline' forbids to fetch it.")
        return found

    def _refs(self, part: Part, names: Names) -> list[Ref]:
        commits = ((kind, name, self.store.refs.get(ref_of(part.source, kind, name))) for kind, name in names)
        return [Ref(kind, name, commit) for kind, name, commit in commits if commit]

    # The sources

    def _ask(self, parts: Sequence[Part]) -> t.Iterator[tuple[Part, list[Ref] | MoodleError]]:
        """The answer or the failure of each source, as they come."""
        if not parts:
            return
        sweep(self.store.path)
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch") as pool:
            at_work = {pool.submit(self._fetched, part): part for part in parts}
            try:
                while at_work:
                    self.report(len(parts) - len(at_work), len(parts))
                    for future in wait(at_work, timeout=BEAT, return_when=FIRST_COMPLETED).done:
                        part = at_work.pop(future)
                        try:
                            yield part, self._taken_over(part, *future.result())
                        except MoodleError as error:
                            yield part, error
            finally:
                for future in at_work:  # left early: what was not begun is not begun any more
                    future.cancel()
            self.report(len(parts), len(parts))

    def _taken_over(self, part: Part, names: Names, fetch: Fetch | None) -> list[Ref]:
        if fetch is not None:
            with fetch:
                fetch.take_over()
        refs = self._refs(part, names)
        if not refs:
            raise MoodleError(f"{part.component}: {without_secrets(part.source)} has no {part.wanted}.")
        return refs

    def _fetched(self, part: Part) -> tuple[Names, Fetch | None]:
        """In a thread: which refs answer the wish, and the fetch of those that are not here."""
        gone: Names = []
        if part.wanted.kind not in CHOICES:
            names = missing = [(part.wanted.kind, part.wanted.value)]
        else:
            listed = remote_refs(part)
            tags, branches = ({name: oid for (kind, name), oid in listed.items() if kind == wanted} for wanted in REFS)
            names = _candidates(part, tags, branches)
            known = self.store.refs
            refs = {pair: known.get(ref_of(part.source, *pair)) for pair in names}
            missing = [pair for pair, here in refs.items() if here is None or (pair[0] == "branch" and here != listed[pair])]
            gone = [(kind, name) for kind in REFS for name in self.store.refs_of(part.source, kind) if (kind, name) not in listed]
        if not missing and not gone:
            return names, None
        way = _way_of(part)
        fetch = way(self.store, part.source, tuple(missing), f"{part.component}, {part.wanted}", tuple(gone))
        try:
            fetch.run()
        except BaseException:
            fetch.close()
            raise
        return names, fetch


def remote_refs(part: Part) -> dict[tuple[str, str], str]:
    """What each branch and tag of a source names at this moment."""
    with explained("read", f"{part.component} at {part.source}"):
        listed = git("ls-remote", "--tags", "--heads", "--", part.source, cwd=Path("/"), inherit=())
    refs: dict[tuple[str, str], str] = {}
    for line in listed.decode(errors="replace").split("\n"):
        oid, _dummy, ref = line.partition("\t")
        for prefix, kind in (("refs/tags/", "tag"), ("refs/heads/", "branch")):
            if ref.startswith(prefix) and _can_be_named(ref):
                refs[kind, ref[len(prefix) :].removesuffix("^{}")] = oid  # the commit of an annotated tag follows the tag itself
    return refs


def _way_of(part: Part) -> type[Fetch]:
    if part.wanted.kind != "zip":
        return Fetch
    from .zips.importing import ZipImport  # noqa: PLC0415 - brings all of HTTP, and few builds need it

    return ZipImport


def _can_be_named(ref: str) -> bool:
    """Not what is no UTF-8, which no file of ours can name, nor what is too long for a file name."""
    return "\ufffd" not in ref and len(quote(ref)) <= LONGEST_REF


def _candidates(part: Part, tags: t.Mapping[str, str], branches: t.Mapping[str, str]) -> Names:
    """The refs that a wish leaves open: one for a version of the core, all of them for a plugin."""
    if part.component == "moodle":
        return [core_ref(part.wanted.value, tags, branches)]
    return [("tag", name) for name in tags] + [("branch", name) for name in branches]
