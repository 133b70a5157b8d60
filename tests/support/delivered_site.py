# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site with a database, delivered by the playbooks."""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

from .campus import Campus
from .mariadb import MariaDB

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "Adm1n; 'quoted' $ecret"  # noqa: S105 - of a site that lives as long as a test


class Played(t.NamedTuple):
    code: int
    said: str


class Site:
    """A campus whose config.php names a database of the private server."""

    def __init__(
        self, campus: Campus, server: MariaDB, name: str = "site_under_delivery", programs: Path = Path(sys.executable).parent
    ) -> None:
        self.campus = campus
        self.programs = programs
        self.server = server
        self.name = name
        server.create(self.name)
        (campus.folder / "hosts.json").write_text(json.dumps({"all": {"children": campus.inventory()}}))

    def play(self, playbook: str, **more: t.Any) -> Played:
        done = subprocess.run(
            self.command(playbook, **more),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return Played(done.returncode, done.stdout.decode(errors="replace"))

    def begin(self, playbook: str, **more: t.Any) -> subprocess.Popen[bytes]:
        """The play as a process group, which can be killed as a whole."""
        nothing = subprocess.DEVNULL
        command = self.command(playbook, **more)
        return subprocess.Popen(command, cwd=ROOT, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)

    def command(self, playbook: str, **more: t.Any) -> list[str]:
        database = {
            "type": "mariadb",
            "host": self.server.host,
            "socket": str(self.server.socket),
            "name": self.name,
            "user": self.server.user,
            "password": self.server.password,
        }
        variables = self.campus.variables(moodle_site_database=database, moodle_site_admin_password=PASSWORD, **more)
        command = [str(self.programs / "ansible-playbook"), f"lms.moodle.{playbook}", "-vv", "--diff"]
        return [*command, "-i", str(self.campus.folder / "hosts.json"), "-e", json.dumps(variables)]

    def database_version(self) -> str | None:
        return self.server.execute("SELECT value FROM mdl_config WHERE name = 'release'", self.name)[0]["value"]

    def setting(self, name: str) -> str | None:
        rows = self.server.execute("SELECT name, value FROM mdl_config", self.name)
        return {row["name"]: row["value"] for row in rows}.get(name)

    def dumps(self) -> list[Path]:
        return sorted(self.campus.site.with_name("site-dumps").glob("*.sql.gz"))

    def previous(self) -> str:
        """The release that was served before, which nobody asked over HTTP and so is not the safe one."""
        previous: str = json.loads((self.campus.site / ".delivery" / "state.json").read_text())["previous"]
        return previous

    def goes_wrong(self, **points: str) -> None:
        (self.campus.folder / "data" / "minimoodle.json").write_text(json.dumps(points))

    @property
    def closed(self) -> bool:
        return (self.campus.folder / "data" / "climaintenance.html").exists()

    def nothing_is_open(self) -> None:
        assert not self.closed
        assert self.setting("cron_enabled") == "1"
        assert not [word for word in ("closed", "cron_paused") if (self.campus.site / ".delivery" / word).exists()]
