# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Code from Subversion, CVS or an archive becomes a commit in the delivery's own repository; from there on it is like any other."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import typing as t
from collections.abc import Callable
from pathlib import Path

from ..common.errors import BadInput
from ..common.fast_import import fast_import_stream
from . import archive_file, cvs, subversion
from .history import COMMIT, History
from .history import check_revision as check_name
from .snapshot import Snapshot


class Kind(t.NamedTuple):
    check_location: Callable[[str], str]
    check_revision: Callable[[str], str]
    ask: Callable[[str, str], Snapshot]


KINDS = {
    "svn": Kind(subversion.check_location, subversion.check_revision, subversion.ask),
    "cvs": Kind(cvs.check_location, cvs.check_revision, cvs.ask),
    "archive": Kind(archive_file.check_location, archive_file.check_revision, archive_file.ask),
}


class Source(t.Protocol):
    """Where code comes from: ``find`` brings it here, ``look_up`` only says which commit it is, or nothing where that cannot be known."""

    def find(self, source: str | None, revision: str) -> str: ...

    def look_up(self, source: str | None, revision: str) -> str: ...


def source_of(control: str, history: History) -> Source:
    return history if control == "git" else Imports(KINDS[control], history)


def check_source(control: str, location: str | None, revision: str | None) -> None:
    """What can be told to be wrong without asking anybody."""
    if control == "git":
        if revision is not None:
            check_name(revision)
        return
    kind = KINDS[control]
    if location is not None:
        kind.check_location(location)
    if revision is not None and not is_commit(revision):
        kind.check_revision(revision)


def is_commit(revision: str) -> bool:
    """A commit that was made here may be asked for by its id, whatever it came from. (64 digits are an archive's checksum.)"""
    return bool(COMMIT.fullmatch(revision)) and len(revision) == 40  # noqa: PLR2004 - the length of a commit's id


class Imports:
    def __init__(self, kind: Kind, history: History) -> None:
        self.kind = kind
        self.history = history

    def find(self, source: str | None, revision: str) -> str:
        known = self._known(revision)
        if known:
            return known
        snapshot = self._ask(source, revision)
        ref = _ref(snapshot)
        known = self.history.commit(ref) if snapshot.lasting else None
        return known or self._bring(snapshot, ref)

    def look_up(self, source: str | None, revision: str) -> str:
        """Empty where only an import can tell. From CVS nothing can be known without one, so that is made elsewhere, and thrown away."""
        known = self._known(revision)
        if known or is_commit(revision):
            return known or revision
        snapshot = self._ask(source, revision)
        if snapshot.lasting:
            return self.history.commit(_ref(snapshot)) or ""
        with tempfile.TemporaryDirectory() as scratch:
            elsewhere = History(Path(scratch) / "repo.git")
            elsewhere.prepare()
            return Imports(self.kind, elsewhere)._bring(snapshot, _ref(snapshot))

    def _known(self, revision: str) -> str | None:
        return self.history.commit(revision) if is_commit(revision) else None

    def _ask(self, source: str | None, revision: str) -> Snapshot:
        if source is None:
            raise BadInput(f"'repository' is missing: the revision {revision} is not here.")
        return self.kind.ask(source, revision)

    def _bring(self, snapshot: Snapshot, ref: str) -> str:
        """The same files and the same words make the same commit, here and on every other host."""
        scratch = self.history.scratch()
        try:
            self.history.take_in(fast_import_stream(snapshot.files(scratch), ref, snapshot.message))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return t.cast(str, self.history.commit(ref))


def _ref(snapshot: Snapshot) -> str:
    return f"refs/imports/{hashlib.sha256(snapshot.key.encode()).hexdigest()}"
