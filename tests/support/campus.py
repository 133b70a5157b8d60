# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A campus on this machine: the stand-in's sources, a code base file, and the variables that the playbooks are given."""

from __future__ import annotations

import getpass
import grp
import json
import os
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

from minimoodle.generate import generate


@dataclass(frozen=True)
class Campus:
    folder: Path
    sources: dict[str, Path]

    @property
    def site(self) -> Path:
        return self.folder / "site"

    @property
    def manifest(self) -> Path:
        return self.folder / "codebase.yml"

    def declare(self, version: str, **plugins: str) -> None:
        """Write the code base file; plugins by component, each with the tag that is wanted, or the newest that fits when it is empty."""
        lines = ["project: campus", "moodle:", f"  version: '{version}'", f"  source: {self.sources['moodle']}", "plugins:"]
        for component, tag in plugins.items():
            lines += [f"  {component}:", f"    source: {self.sources[component]}", *([f"    tag: {tag}"] if tag else [])]
        self.manifest.write_text("\n".join(lines if plugins else lines[:-1]) + "\n")

    def variables(self, **more: t.Any) -> dict[str, t.Any]:
        """What the playbooks are given; nobody else is become, and the front page needs no database. None takes one away."""
        given = {
            "moodle_manifest": str(self.manifest),
            "moodle_repository": str(self.folder / "campus.git"),
            "moodle_store": str(self.folder / "store.git"),
            "moodle_path": str(self.site),
            "moodle_owner": getpass.getuser(),
            "moodle_group": grp.getgrgid(os.getgid()).gr_name,
            "moodle_web_user": "",
            "moodle_site_wwwroot": "http://127.0.0.1",
            "moodle_site_dataroot": str(self.folder / "data"),
            **more,
        }
        return {name: value for name, value in given.items() if value is not None}

    def inventory(self) -> dict[str, t.Any]:
        """This machine as build host and web host."""
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        return {group: {"hosts": {"localhost": here}} for group in ("moodle_build", "moodle_web")}

    def served(self) -> str:
        return (self.site / "current").readlink().name

    def version(self) -> str:
        return (self.site / "current" / "version.php").read_text().split("$release")[1].split("'")[1].split(" ")[0]


def make_campus(folder: Path) -> Campus:
    folder.mkdir(parents=True, exist_ok=True)
    return Campus(folder, generate(folder / "sources"))


def sessions_of(site: Path) -> list[dict[str, t.Any]]:
    """What each session in a delivery root says of itself, in their order."""
    return [json.loads(path.read_text()) for path in sorted((site / ".delivery/sessions").glob("*.json"))]
