# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ten web hosts wait at the same time: together they wait as long as the slowest of them, not one after the other."""

from __future__ import annotations

import getpass
import grp
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.repositories import Source

ROOT = Path(__file__).resolve().parents[2]
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
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    there = [f"--base-path={source.path.parent}", "--export-all", str(source.path)]
    command = ["git", "daemon", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}", f"--access-hook={hook}", *there]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as server:
        try:
            for _each in range(PATIENCE * 10):
                with socket.socket() as trial:
                    if trial.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"git://127.0.0.1:{port}/{source.path.name}"
        finally:
            server.terminate()


def test_ten_hosts_are_brought_the_code_at_the_same_time(tmp_path: Path) -> None:
    source = Source(tmp_path / "source")
    source.commit({"version.php": "new\n", "lib/a.php": "a"}, tag="new")
    sites = [tmp_path / f"web{number}" for number in range(HOSTS)]
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    hosts = {site.name: {**here, "moodle_path": str(site)} for site in sites}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"children": {"moodle_web": {"hosts": hosts}}}}))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "lms.moodle.deliver", "-i", str(tmp_path / "hosts.json")]
    with served(source, tmp_path) as repository:
        variables = {
            "moodle_repository": repository,
            "moodle_revision": "new",
            "moodle_owner": getpass.getuser(),
            "moodle_group": grp.getgrgid(os.getgid()).gr_name,
        }
        done = subprocess.run(
            [*command, "-e", json.dumps(variables)], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout[-3000:]
    assert len(list((tmp_path / "waiting").iterdir())) == HOSTS, "each asked once, and none was answered before the last had come"
    assert [(site / "current/version.php").read_text() for site in sites] == ["new\n"] * HOSTS
