# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one bare repository that caches every source; what is composed is made in it too. Safe to delete."""

from __future__ import annotations

import contextlib
import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from ...common.files import locked, write_atomically
from .bare import LOCK, MADE_BY_US, forget_locks, init_bare, is_bare, unfinished
from .gitrepo import Damaged, GitRepository, explained

LOCK_WAIT, AGAIN = 600, "then run this one again"
TAG, COMMIT = "tag", "commit"


class Store(GitRepository):
    """Knows its refs, ``refs/sources/<source>/<kind>/<name>``, and lets one process at a time change them."""

    def __init__(self, path: Path, offline: bool = False) -> None:
        super().__init__(path)
        self.offline = offline
        with explained("open", str(path), ours=True):
            path.mkdir(parents=True, exist_ok=True)
            if not is_bare(path):
                with self.writing():
                    self._make()
        self.refs = self._read_refs()

    def _make(self) -> None:
        if unfinished(self.path):
            new_edition(self.path)
        elif not is_bare(self.path) and edition(self.path) is not None:
            raise Damaged(f"{self.path} is not a whole Git repository any more.")
        init_bare(self.path, "Name another place")

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """For whoever changes refs here: one at a time, as Git itself would fail instead of waiting."""
        return locked(self.path / LOCK, LOCK_WAIT, "the store", AGAIN)

    def _read_refs(self) -> dict[str, str]:
        """The commit of each ref, through tags; nothing where it names something else."""
        form = "%(objectname) %(objecttype) %(*objectname) %(*objecttype) %(refname)"
        with explained("read", f"the store {self.path}", ours=True):
            lines = self.text("for-each-ref", f"--format={form}", "refs/sources").splitlines()
        refs = {}
        for oid, kind, target, target_kind, ref in (line.split(" ") for line in lines):
            if target_kind == TAG:
                refs[ref] = self.commit_of(oid) or ""
            else:
                refs[ref] = oid if kind == COMMIT else target if target_kind == COMMIT else ""
        return refs

    def refs_of(self, source: str, kind: str) -> dict[str, str]:
        """The commit of each ``tag`` or ``branch`` of a source that is here, by its name."""
        prefix = ref_of(source, kind, "")
        return {
            unquote(ref[len(prefix) :], errors="surrogateescape"): commit for ref, commit in self.refs.items() if ref.startswith(prefix)
        }

    def set_refs(self, refs: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        """Set refs to what is here, and drop those that are ``gone``; under ``writing()``."""
        lines = [f"delete {ref}\0\0" for ref in gone] + [f"update {ref}\0{oid}\0\0" for ref, oid in refs.items()]
        if lines:
            self.free([*refs, *gone])
            self.git("update-ref", "--stdin", "-z", stdin="".join(lines).encode())
        self.refs = self._read_refs()

    def fetch(self, location: str, refs: Mapping[str, str], what: str) -> None:
        """Bring what is no source, {ref or id there: ref here}; as one pack, which comes whole or not at all."""
        with self.writing(), explained("fetch", what):
            self.free(refs.values())
            specs = [f"+{there}:{here}" for there, here in refs.items()]
            self.git("-c", "fetch.unpackLimit=1", "fetch", "--quiet", "--no-tags", "--no-auto-maintenance", "--", location, *specs)

    def free(self, refs: Iterable[str]) -> None:
        """Whoever changes refs holds our own lock: one of Git's that is found now was left by a killed process."""
        forget_locks(self.path, [*refs, "packed-refs", "shallow"])

    def know_shallow(self, commits: set[str]) -> None:
        """Remember which commits are here without their parents; under ``writing()``."""
        path = self.path / "shallow"
        known = set(path.read_text().split()) if path.exists() else set()
        if not commits <= known:
            write_atomically(path, "".join(f"{commit}\n" for commit in sorted(known | commits)).encode())


@contextlib.contextmanager
def opened(path: Path, offline: bool) -> Iterator[Store]:
    store = Store(path, offline)
    try:
        yield store
    finally:
        store.close()


def ref_of(source: str, kind: str, name: str) -> str:
    """Each source has refs of its own, named so that a password in the URL cannot be read from them.

    A slash in the name is written otherwise: with a branch `a` a branch `a/b` could not lie beside it, or after it.
    """
    return f"refs/sources/{hashlib.sha256(source.encode()).hexdigest()[:16]}/{kind}/{quote(name, safe='', errors='surrogateescape')}"


def edition(path: Path) -> str | None:
    """Which store this is: emptied and filled again it is another one. None: we have not made it."""
    try:
        return (path / MADE_BY_US).read_text(errors="replace")
    except OSError:
        return None


def new_edition(path: Path) -> None:
    (path / MADE_BY_US).write_text(uuid.uuid4().hex)
