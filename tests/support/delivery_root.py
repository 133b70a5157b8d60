# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A delivery root with a repository of small releases."""

from __future__ import annotations

import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.modules.moodle_delivery import DeliveryModule

from .repositories import Source

DEFAULTS: dict[str, Any] = {
    "repository": None,
    "source_control": "git",
    "bundle": None,
    "revision": None,
    "release_id": None,
    "shared_files": [],
    "component": None,
    "supersafe": False,
    "adopt": None,
    "drift": "keep",
    "backport": None,
    "grace": 0,
    "good": False,
    "nodes": None,
    "join": True,
    "comment": None,
    "holder": "tester",
    "wait": 0,
    "expiry": 14400,
    "keep_releases": 5,
    "owner": None,
    "group": None,
}

OLD = {
    "version.php": "1",
    "lib/a.php": "a",
    "lib/b/c.php": "c",
    "same.php": "same",
    "bin/run*": "#!x",
    "link@": "same.php",
    "turn/into/file": "1",
}
NEW = {"version.php": "2", "lib/a.php": "a", "lib/new.php": "n", "same.php": "same", "bin/run*": "#!x", "link@": "lib/a.php", "turn": "2"}


class Root:
    """A delivery root below ``folder`` and the repository that it is fed from: tags ``old`` and ``new``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "site"
        self.source = Source(folder / "source")
        self.revisions = {"old": self.source.commit(OLD, tag="old"), "new": self.source.commit(NEW, tag="new")}

    def arguments(self, state: str, revision: str | None = None, **more: Any) -> dict[str, Any]:
        source = {"repository": str(self.source.path)} if revision else {}
        return {"path": str(self.path), "state": state, "revision": revision, **source, **more}

    def call(self, state: str, revision: str | None = None, *, check: bool = False, **more: Any) -> dict[str, Any]:
        """What the module's class returns, or what main() would make of an error."""
        params = {**DEFAULTS, **self.arguments(state, revision, **more)}
        try:
            return DeliveryModule(SimpleNamespace(params=params, check_mode=check)).run()  # type: ignore[arg-type]
        except MoodleError as error:
            return {"failed": True, "msg": error.message, **error.result}

    def done(self, state: str, revision: str | None = None, **more: Any) -> dict[str, Any]:
        result = self.call(state, revision, **more)
        assert not result.get("failed"), result["msg"]
        return result

    def refused(self, state: str, revision: str | None = None, **more: Any) -> str:
        result = self.call(state, revision, **more)
        assert result.get("failed"), result
        message: str = result["msg"]
        assert "\n" not in message
        return message

    def linked(self, name: str = "current") -> str | None:
        link = self.path / name
        return link.readlink().name if link.is_symlink() else None

    def served(self, name: str = "current") -> dict[str, str] | None:
        """What a link serves, in the form in which commits are given."""
        link = self.path / name
        return read(link.resolve(strict=True)) if link.is_symlink() else None

    def served_to(self, node: str) -> dict[str, str] | None:
        """What a virtual node is served, as a web server finds it."""
        return self.served(f"nodes/{node}" if (self.path / "nodes" / node).is_symlink() else "current")

    def file(self, path: str, name: str = "current") -> Path:
        """A file of a release, made writable as somebody with rights would."""
        found = (self.path / name).resolve() / path
        if not found.parent.exists():
            found.parent.parent.chmod(0o755)
            found.parent.mkdir()
        found.parent.chmod(0o755)
        if found.exists() and not found.is_symlink():
            found.chmod(0o644)
        return found

    def partials(self) -> list[str]:
        return sorted(path.name for path in self.path.glob("releases/*.partial"))

    def good(self, revision: str, **more: Any) -> dict[str, Any]:
        """Delivered and seen to work."""
        self.done("live", revision, **more)
        return self.done("live", revision, good=True, **more)


def read(directory: Path) -> dict[str, str]:
    found = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[f"{name}@"] = str(path.readlink())
        elif path.is_file():
            found[name + ("*" if path.stat().st_mode & stat.S_IXUSR else "")] = path.read_text()
    return found
