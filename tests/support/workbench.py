# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources of a small core and a plugin, and the module moodle_codebase at work on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.modules.moodle_codebase import CodebaseModule

from .repositories import Source, call_module, git

DEFAULTS: dict[str, Any] = {
    "manifest": None,
    "definition": None,
    "lock_file": None,
    "update": [],
    "offline": False,
    "tag": "true",
    "plugin_list": "",
    "resolve_dependencies": False,
    "lint": False,
    "lint_exclude": [],
    "php": "php",
    "trial": None,
    "_php": str(Path(__file__).resolve().parents[2] / "plugins" / "php"),
}
COMPONENTS = '{"plugintypes": {"mod": "mod", "local": "local"}}'
VERSION = "<?php\n$version = %s;\n$release = '%s';\n$branch = '%s';\n"


def core_files(version: str, release: str, branch: str) -> dict[str, str]:
    return {
        "version.php": VERSION % (version, release, branch),
        "lib/components.json": COMPONENTS,
        "mod/readme.txt": "m",
        "run*": "#!x",
        "l@": "run",
    }


def plugin_files(component: str, version: int) -> dict[str, str]:
    return {"version.php": f"<?php\n$plugin->component = '{component}';\n$plugin->version = {version};\n"}


class Workbench:
    """Sources of a core and a plugin, and the module's arguments."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.core, self.board = Source(folder / "core"), Source(folder / "board")
        self.core.commit(core_files("1.0", "4.4.1", "404"), tag="v4.4.1", branch="MOODLE_404_STABLE")
        self.core.commit(core_files("2.0", "4.4.2", "404"), tag="v4.4.2")
        self.board.commit(plugin_files("mod_board", 1), branch="stable", tag="v1")
        self.definition: dict[str, Any] = {
            "project": "campus",
            "moodle": {"source": str(self.core.path), "version": "4.4"},
            "plugins": {"mod_board": {"source": str(self.board.path), "branch": "stable"}},
        }
        self.arguments: dict[str, Any] = {
            "store": str(folder / "store.git"),
            "repository": str(folder / "built.git"),
            "lock_file": str(folder / "lock.yml"),
        }

    def build(self, *, check: bool = False, **more: Any) -> dict[str, Any]:
        """What the module's class returns, or what main() would make of an error; in this process, as most tests need no other."""
        params = {**DEFAULTS, "definition": self.definition, **self.arguments, **more}
        try:
            return CodebaseModule(params, check, Background(None)).run()
        except MoodleError as error:
            return {"failed": True, "msg": error.message}

    def run_module(self, *, environment: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        return call_module("moodle_codebase", {"definition": self.definition, **self.arguments, **more}, check=False, **environment or {})

    def refused(self, **more: Any) -> str:
        result = self.build(**more)
        assert result.get("failed"), result
        message: str = result["msg"]
        assert "\n" not in message
        return message

    def built(self, *arguments: str) -> str:
        return git(self.folder / "built.git", *arguments)
