# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ten web hosts wait at the same time: together they wait as long as the slowest of them, not one after the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.play import deliver
from support.repositories import Source
from support.web import free_port, wait_for

HOSTS = 10
PATIENCE = 120  # seconds
# Git's server asks it before it answers: nobody is answered before all have come.
HOOK = """#!/bin/sh
mkdir "{waiting}/$$" || exit 1
for _ in $(seq {tries}); do
    [ "$(ls "{waiting}" | wc -l)" -lt {hosts} ] || exit 0
    sleep 0.1
done
echo "some of {hosts} hosts did not come"
exit 1
"""


@contextmanager
def served(source: Source, folder: Path) -> Iterator[str]:
    waiting, hook = folder / "waiting", folder / "hook"
    waiting.mkdir()
    hook.write_text(HOOK.format(waiting=waiting, tries=PATIENCE * 10, hosts=HOSTS))
    hook.chmod(0o755)
    port = free_port()
    there = [f"--base-path={source.path.parent}", "--export-all", str(source.path)]
    command = ["git", "daemon", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}", f"--access-hook={hook}", *there]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as server:
        try:
            wait_for(port, "git daemon")
            yield f"git://127.0.0.1:{port}/{source.path.name}"
        finally:
            server.terminate()


def test_ten_hosts_are_brought_the_code_at_the_same_time(tmp_path: Path) -> None:
    source = Source(tmp_path / "source")
    source.commit({"version.php": "new\n", "lib/a.php": "a"}, tag="new")
    sites = [tmp_path / f"web{number}" for number in range(HOSTS)]
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {site.name: {**here, "moodle_path": str(site)} for site in sites}
    with served(source, tmp_path) as repository:
        code, said = deliver(hosts, repository, "new", tmp_path / "hosts.json")
    assert code == 0, said[-3000:]
    assert len(list((tmp_path / "waiting").iterdir())) == HOSTS, "each asked once, and none was answered before the last had come"
    assert [(site / "current/version.php").read_text() for site in sites] == ["new\n"] * HOSTS
