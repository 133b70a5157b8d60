# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A code base with a bit of everything, to be built while things go wrong, and what must hold of it at every instant."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from .repositories import Source, git, module_input, write
from .workbench import Workbench, plugin_files

PATCH = """\
--- a/lib.php
+++ b/lib.php
@@ -1 +1 @@
-board
+patched
"""


class CodebaseBench(Workbench):
    """A core, a plugin that is pinned to a branch and patched, one that is chosen, and own files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.shelf = Source(folder / "shelf")
        for number in (1, 2):
            self.shelf.commit(plugin_files("local_shelf", number), tag=f"v{number}")
        self.move_branch(1)
        write(folder / "own", {"extra.php": "own", "run*": "#!x", "link@": "run"})
        write(folder, {"board.patch": PATCH})
        self.store, self.repository, self.lock = folder / "store.git", folder / "built.git", folder / "lock.yml"
        self.definition["plugins"]["mod_board"]["patches"] = [str(folder / "board.patch")]
        self.definition["plugins"]["local_shelf"] = {"source": str(self.shelf.path)}
        self.definition["overlays"] = [{"path": str(folder / "own"), "to": "local/own"}]

    def move_branch(self, version: int) -> str:
        """The branch of the pinned plugin goes on."""
        return self.board.commit({**plugin_files("mod_board", version), "lib.php": "board\n"}, branch="stable")

    def done(self, **more: Any) -> dict[str, Any]:
        result = self.build(**more)
        assert not result.get("failed"), result["msg"]
        return result

    def input(self, **more: Any) -> bytes:
        """What the module reads, to be run in a process of its own."""
        return module_input({"definition": self.definition, **self.arguments, "lint": False, **more})

    # What is there

    def tree(self) -> str | None:
        """The tree of the last build, None before the first."""
        if not (self.repository / "refs/heads/campus").exists():
            return None
        return self.built("rev-parse", "campus^{tree}")

    def assert_whole(self) -> None:
        """Store and repository can be read to the last object, and each build in it names the lock that it was built by."""
        made = [path for path in (self.store, self.repository) if (path / "objects/info").is_dir() and (path / "HEAD").exists()]
        for path in made:
            assert "missing" not in git(path, "fsck", "--no-dangling", "--no-progress")
        if self.repository not in made:
            return
        for commit in {*self.built("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/tags").splitlines()}:
            lock = yaml.safe_load(self.built("show", self.built("log", "-1", "--format=%(trailers:key=Lock,valueonly)", commit).strip()))
            assert lock["tree"] == self.built("rev-parse", f"{commit}^{{tree}}")
        if self.lock.exists():
            assert yaml.safe_load(self.lock.read_text())["project"] == "campus"

    def assert_in_step(self) -> None:
        """After a call that came to its end: branch, tag, lock and file say the same, and nothing of Git's is left locked."""
        assert self.built("show", "refs/moodle/campus") == self.lock.read_text().rstrip("\n")
        assert yaml.safe_load(self.lock.read_text())["tree"] == self.tree()
        assert self.built("tag", "--points-at", "campus")
        left = [path for place in (self.store, self.repository) for path in place.rglob("*.lock") if path.name != "lms.lock"]
        assert not [path for path in left if "incoming" not in path.parts]

    # Before and after

    def save(self) -> Path:
        """Keep what was built so far."""
        saved = self.folder / "saved"
        saved.mkdir()
        for place in (self.store, self.repository, self.lock):
            if place.exists():
                subprocess.run(["cp", "-a", str(place), str(saved)], check=True)
        return saved

    def restore(self, saved: Path) -> None:
        for place in (self.store, self.repository, self.lock):
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink(missing_ok=True)
            if (saved / place.name).exists():
                subprocess.run(["cp", "-a", str(saved / place.name), str(place)], check=True)
