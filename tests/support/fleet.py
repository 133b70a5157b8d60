# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A VMoodle with two nodes, for jobs as AWX runs them, by the user of the web server where a test may become it."""

from __future__ import annotations

import contextlib
import getpass
import os
import shlex
import shutil
import sys
import tempfile
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .awx import Job, launch
from .mariadb import MariaDB
from .moodle import Site, installed_site
from .nodes import Node
from .platforms import Platform
from .process import run
from .repositories import listing

# As a host's administrators would set it: a user without a shell of its own, and no sudo.
BECOME = {"ansible_become_method": "su", "ansible_become_flags": "-s /bin/sh"}


def worker() -> tuple[str, str]:
    """Who runs the modules, and the Python that they use: the web server's user, where root can become it and it reaches a Python."""
    for python in (sys.executable, "/usr/bin/python3") if os.geteuid() == 0 else ():
        command = shlex.join([python, "-c", "import sys; sys.exit(sys.version_info < (3, 9))"])
        if run(["su", "-s", "/bin/sh", "www-data", "-c", command]).rc == 0:
            return "www-data", python
    return "", sys.executable


@dataclass(frozen=True)
class Fleet:
    """A VMoodle in a folder that its web server's user reaches and owns."""

    folder: Path
    site: Site
    nodes: dict[str, Node]
    user: str
    """Whom the jobs become; empty where nobody can be become."""
    python: str

    @property
    def run_by(self) -> str:
        return self.user or getpass.getuser()

    def php(self) -> list[str]:
        """PHP as the user of the web server, with what it needs to reach the database."""
        become = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"] if self.user else []
        settings = [word for name, value in self.site.php_settings().items() for word in ("-d", f"{name}={value}")]
        return [*become, "php", *settings]

    def give_away(self) -> None:
        """Leave all files to the web server's user, as on a host."""
        for path in (self.folder, *self.folder.rglob("*")) if self.user else ():
            shutil.chown(path, self.user, self.user)

    def job(self, playbook: str, name: str, cmdline: str = "", *, slice_of: tuple[str, ...] = (), **variables: t.Any) -> Job:
        """``slice_of``: the nodes that are hosts of this slice of a job, beside the web hosts or without them."""
        here = {"ansible_connection": "local", "ansible_python_interpreter": self.python}
        # The second host must be left alone: nodes and courses are the whole site's.
        groups: dict[str, t.Any] = {"moodle_web": {"hosts": {"web1": here, "web2": here}, "vars": BECOME}}
        if slice_of:
            hosts = {node: {**here, "moodle_node": {"wwwroot": self.nodes[node].wwwroot}} for node in slice_of}
            groups["moodle_nodes"] = {"hosts": hosts, "vars": BECOME}
        given = {
            "moodle_code": str(self.site.code),
            "moodle_web_user": self.user,
            "moodle_php_options": [f"{name}={value}" for name, value in self.site.php_settings().items()],
            **variables,
        }
        done = launch(self.folder.parent / f"job-{name}", playbook, groups, given, cmdline, TMPDIR=str(self.folder / "tmp"))
        assert done.hosts() == {slice_of[0] if slice_of else "web1"}, done.log[-3000:]
        assert not [line for line in done.lines() if "\r" in line], "a log has whole lines: nothing is overwritten in it"
        return done

    def files(self) -> dict[str, tuple[t.Any, ...]]:
        """All that a job may have written, but for temporary files and the caches that any start of Moodle may write."""
        return {name: found for name, found in listing(self.folder).items() if Path(name).parts[0] != "tmp" and "/cache" not in name}

    def purged(self) -> dict[str, str | None]:
        return {name: self.site.config("lastpurge", node) for name, node in self.nodes.items()}


@contextlib.contextmanager
def a_fleet(standin_platform: Platform, database_server: MariaDB) -> Iterator[Fleet]:
    """As long as it is wanted, in a folder that goes with it."""
    # Below pytest's own folders another user reaches nothing.
    home = Path(tempfile.mkdtemp(prefix="lms-moodle-awx-"))
    home.chmod(0o755)
    (user, python), socket = worker(), database_server.directory
    try:
        site = installed_site(standin_platform, home / "site", database_server)
        nodes = {name: site.add_node(name) for name in ("alpha", "beta")}
        for number in range(2):
            site.make_course(f"awx-{number}")
        for name in ("tmp", "storage"):
            (home / "site" / name).mkdir()
        if user:
            shutil.chown(socket, group=user)
            socket.chmod(0o710)
        fleet = Fleet(home / "site", site, nodes, user, python)
        fleet.give_away()
        yield fleet
    finally:
        socket.chmod(0o700)
        shutil.rmtree(home)
