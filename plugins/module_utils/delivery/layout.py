# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where everything lies below a delivery root."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.files import locked

# As a web server tells the name that was asked for: in small letters, without a port.
NODE = re.compile(r"[a-z0-9_]([a-z0-9_-]|\.(?=[a-z0-9_])){0,252}")
RELEASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
PARTIAL = ".partial"


def check_release_id(release: str) -> str:
    """A release's name becomes the name of a directory and of a ref: nothing in it may lead elsewhere."""
    if not RELEASE_ID.fullmatch(release) or release.endswith((PARTIAL, ".json", ".lock", ".")) or ".." in release:
        raise BadInput(
            f"'{release}' cannot be the name of a release: letters, digits and . _ + - are allowed, an ending such as .lock is not."
        )
    return release


@dataclass(frozen=True)
class Layout:
    root: Path

    @classmethod
    def at(cls, path: str) -> Layout:
        if not os.path.isabs(path):  # noqa: PTH117 - still a text
            raise BadInput(f"path: an absolute path is expected, '{path}' was found.")
        return cls(Path(path))

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def private(self) -> Path:
        return self.root / ".delivery"

    @property
    def repository(self) -> Path:
        return self.private / "repo.git"

    @property
    def state(self) -> Path:
        return self.private / "state.json"

    @property
    def journal(self) -> Path:
        return self.private / "journal.jsonl"

    @property
    def lock(self) -> Path:
        return self.private / "lock"

    @property
    def rendered(self) -> Path:
        return self.private / "rendered"

    @property
    def descriptions(self) -> Path:
        return self.private / "releases"

    @property
    def sessions(self) -> Path:
        return self.private / "sessions"

    @property
    def hot_fixes(self) -> Path:
        return self.private / "hotfixes"

    @property
    def seen(self) -> Path:
        return self.private / "seen"

    def link(self, name: str) -> Path:
        """One of the links ``current``, ``safe``, ``supersafe`` and ``work``."""
        return self.root / name

    @property
    def nodes(self) -> Path:
        """Links of virtual nodes that do not follow ``current``."""
        return self.root / "nodes"

    def routes(self) -> dict[str, str]:
        """The virtual nodes that have a release of their own, by host name."""
        if not self.nodes.is_dir():
            return {}
        found = {link.name: os.path.split(os.readlink(link)) for link in sorted(self.nodes.iterdir()) if link.is_symlink()}  # noqa: PTH115
        return {name: release for name, (folder, release) in found.items() if NODE.fullmatch(name) and folder == "../releases"}

    def release(self, release: str) -> Path:
        return self.releases / release

    def partial(self, release: str) -> Path:
        return self.releases / f"{release}{PARTIAL}"

    def linked(self, name: str) -> str | None:
        """The release that a link names, or None when there is no such link."""
        link = self.link(name)
        if not link.is_symlink():
            if link.exists():
                raise MoodleError(
                    f"{link} is not a symbolic link: move it away; the delivery makes this name itself and replaces nothing else."
                )
            return None
        directory, release = os.path.split(os.readlink(link))  # noqa: PTH115 - the text itself, not a resolved path
        if directory != "releases":
            raise MoodleError(f"{link} points to {os.readlink(link)}, not into {self.releases}: it was not made by a delivery.")  # noqa: PTH115
        return release.removesuffix(PARTIAL)

    def prepare(self) -> None:
        """Make the directories; what a delivery remembers may hold secrets and is for its owner alone."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.releases.mkdir(exist_ok=True)
        for directory in (self.private, self.rendered, self.descriptions, self.hot_fixes):
            directory.mkdir(mode=0o700, exist_ok=True)

    def taken(self, begins: bool, wait: int) -> contextlib.AbstractContextManager[None]:
        """One call at a time. Where nothing is, only a call that begins something makes something, and needs the lock."""
        if not (begins or self.private.is_dir()):
            return contextlib.nullcontext()
        self.prepare()
        return locked(self.lock, wait, f"the delivery in {self.root}")
