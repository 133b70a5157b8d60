# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns what the caller asks for into the release that should be served in the end."""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import stat
import typing as t
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..common.errors import BadInput
from .disk import Ownership
from .history import check_revision
from .imports import check_source
from .layout import NODE, check_release_id
from .memory import Rendered
from .steps import STATES
from .trees import leads_out, shown

SEALED = ~0o222


@dataclass(frozen=True)
class Request:
    """What the caller asks for, checked as far as it can be without looking at the delivery root."""

    state: str
    holder: str
    source: str | None = None  # a repository's path or URL, or the path of a bundle or an archive
    source_control: str = "git"
    repository: str | None = None  # a repository of Git that can be pushed to
    revision: str | None = None
    release_id: str | None = None
    shared_files: Sequence[Mapping[str, t.Any]] = ()
    drift: str = "keep"
    comment: str | None = None
    expiry: int = 14400
    keep_releases: int = 5
    good: bool = False
    component: str | None = None
    supersafe: bool = False
    join: bool = True  # nodes that have a link to what is served to all now follow it from then on
    adopt: Path | None = None
    nodes: Sequence[str] | None = None  # host names of virtual nodes that alone are switched; of none, the release is only made complete
    backport: str | None = None
    grace: int = 900
    owner: Ownership = field(default_factory=Ownership)

    @property
    def begins(self) -> bool:
        """Whether it can be the first call for a delivery root; others look at one that is there."""
        return self.state in ("secured", "delivering") or (self.state in ("updated", "live") and self.revision is not None)

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise BadInput(f"'{self.state}' is no state of a delivery: {', '.join(STATES)} are.")
        if self.release_id is not None:
            check_release_id(self.release_id)
        check_source(self.source_control, self.source, self.revision)
        if self.component is not None:
            check_component(self.component)
        if self.nodes is not None:
            if self.state not in ("live", "rolled_back"):
                raise BadInput(f"nodes: single virtual nodes are switched by the states live and rolled_back, not by '{self.state}'.")
            for node in self.nodes:
                check_node(node)
        if self.backport is not None:
            check_revision(self.backport)
        if self.keep_releases < 1:
            raise BadInput(f"keep_releases is {self.keep_releases}: at least the release that is served stays.")


def check_node(name: str) -> None:
    """The host name of a virtual node; it becomes the name of a link."""
    if not NODE.fullmatch(name):
        raise BadInput(f"nodes: '{shown(name)}' is no host name of a node: small letters, digits and . _ - only, without scheme and port.")


def check_component(component: str) -> None:
    """A directory of the code, by its path; it becomes a path in a tree of Git and leads nowhere else."""
    parts = component.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or not component.isprintable():
        raise BadInput(f"component: '{shown(component)}' is no path of a directory inside the code, such as mod/attendance.")


def read_shared_files(files: Sequence[Mapping[str, t.Any]]) -> tuple[dict[str, Rendered], dict[str, bytes]]:
    """The rendered files by destination, and their contents by hash."""
    rendered: dict[str, Rendered] = {}
    contents: dict[str, bytes] = {}
    for file in files:
        dest = destination(str(file["dest"]))
        if dest in rendered:
            raise BadInput(f"shared_files: {dest} is named twice.")
        if not (file.get("link") or file.get("src")):
            raise BadInput(f"shared_files: {dest} is neither given a file ('src') nor leads anywhere ('link').")
        if file.get("link"):
            content, mode = os.fsencode(_target(file["link"], dest)), stat.S_IFLNK
        else:
            content, mode = _read(file["src"]), _mode(file.get("mode"), dest)
        sha256 = hashlib.sha256(content).hexdigest()
        oid = hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
        rendered[dest] = Rendered(sha256, mode, oid)
        contents[sha256] = content
    return rendered, contents


def places_of(rendered: Iterable[str]) -> list[str]:
    """The rendered files, and all that they lie in."""
    return sorted({place for dest in rendered for place in map(str, (PurePosixPath(dest), *PurePosixPath(dest).parents[:-1]))})


def refuse_collisions(rendered: Collection[str], kinds: Mapping[str, str]) -> None:
    """A rendered file must hide nothing of the code base, whose ``kinds`` at their places are known, and must not be led elsewhere."""
    for dest in rendered:
        if dest in kinds or any(path.startswith(f"{dest}/") for path in rendered):
            raise BadInput(f"shared_files: {dest} is part of the code base itself, and a rendered file must not hide it.")
        for parent in map(str, PurePosixPath(dest).parents):
            if parent in rendered or kinds.get(parent) == "blob":
                what = "a rendered file" if parent in rendered else "part of the code base itself"
                raise BadInput(f"shared_files: {dest} cannot lie below {parent}, which is {what}.")


def destination(dest: str) -> str:
    """A path in a release, as the release names it."""
    path = PurePosixPath(dest)
    if path.is_absolute() or not path.parts or {"..", ".git"} & set(path.parts) or not dest.isprintable():
        raise BadInput(f"shared_files: '{shown(dest)}' does not lie inside a release: give a path relative to its root.")
    return str(path)


def _read(source: str | Path) -> bytes:
    try:
        return Path(source).read_bytes()
    except OSError as error:
        raise BadInput(f"shared_files: {source} cannot be read: {error.strerror}.") from error


def _target(target: str, dest: str) -> str:
    # A way back after a name could lead out of what that name leads to.
    if not target.isprintable() or leads_out(dest, target) or posixpath.normpath(target) != target:
        raise BadInput(f"shared_files: the link {dest} leads to '{shown(target)}', out of the release: give a plain path inside it.")
    return target


def _mode(value: object, dest: str) -> int:
    """The mode that is asked for, less the right to write: a release is sealed."""
    text = "0644" if value is None else str(value)
    # The zero in front is asked for: 0640 without quotes is 416 by the time that it comes here.
    if not re.fullmatch("0[0-7]{3}", text):
        raise BadInput(f"shared_files: the mode '{value}' of {dest} is not an octal number such as '0640', in quotes.")
    return int(text, 8) & SEALED
