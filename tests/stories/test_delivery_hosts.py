# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A web host that is lost in the middle of a delivery: its connection breaks, what runs there is killed, and it answers no more."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest
from support.play import deliver
from support.repositories import Source

# Stands for ssh: runs what it is given on this machine, until the host is lost.
SSH = """#!/bin/sh
site={site}
lost() {{
    {lost}
}}
! lost || exit 255
for last; do :; done
exec 3<&0
setsid sh -c "$last" <&3 &
while kill -0 $! 2>/dev/null; do
    if lost; then
        kill -9 -- -$!
        exit 255
    fi
    sleep 0.01
done
wait $!
said=$?
! lost || exit 255  # what it did in the last moment, nobody hears of
exit $said
"""
MOMENTS = {
    "while it makes the release": "ls -d $site/releases/*.partial >/dev/null 2>&1",
    "between staging and switch": 'grep -qs \'"phase": "updated"\' $site/.delivery/state.json',
    "after its switch": "grep -qsx {new} $site/current/version.php",
}


class Hosts:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.near, self.far = folder / "near", folder / "far"
        self.source = Source(folder / "source")
        self.ssh = folder / "ssh"
        self.is_lost("false")
        here = {"ansible_python_interpreter": sys.executable}
        ssh = {
            "ansible_connection": "ssh",
            "ansible_ssh_executable": str(self.ssh),
            "ansible_ssh_args": "",
            "ansible_ssh_transfer_method": "piped",
        }
        self.web = {
            "web1": {**here, "ansible_connection": "local", "moodle_path": str(self.near)},
            "web2": {**here, **ssh, "moodle_path": str(self.far)},
        }

    def is_lost(self, condition: str) -> None:
        self.ssh.write_text(SSH.format(site=self.far, lost=condition))
        self.ssh.chmod(0o755)

    def deliver(self, revision: str) -> tuple[int, str]:
        return deliver(self.web, str(self.source.path), revision, self.folder / "hosts.json")

    def served(self) -> tuple[str, str]:
        near, far = ((site / "current/version.php").read_text().strip() for site in (self.near, self.far))
        return near, far

    def record(self) -> t.Any:
        return json.loads((self.near / ".delivery/state.json").read_text()).get("record")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Hosts:
    hosts = Hosts(tmp_path_factory.mktemp("hosts"))
    commit(hosts, "0")
    code, said = hosts.deliver("r0")
    assert code == 0, said[-3000:]
    return hosts


def commit(hosts: Hosts, version: str) -> None:
    files = {f"lib/{number}.php": f"{number} of {version}" for number in range(400)}
    hosts.source.commit({**files, "version.php": version + "\n"}, tag=f"r{version}")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_host_that_is_lost_leaves_the_others_as_they_were_and_follows_later(hosts: Hosts, moment: str) -> None:
    (old, _), new = hosts.served(), str(list(MOMENTS).index(moment) + 1)
    commit(hosts, new)
    hosts.is_lost(MOMENTS[moment].format(new=new))
    code, said = hosts.deliver(f"r{new}")
    assert code != 0
    assert "UNREACHABLE" in said
    assert "web2. No host goes on without the others." in said
    assert hosts.served() == (old, new if moment == "after its switch" else old)
    assert hosts.record() is None
    assert not (hosts.near / "work").is_symlink()

    hosts.is_lost("false")
    code, said = hosts.deliver(f"r{new}")
    assert code == 0, said[-3000:]
    assert hosts.served() == (new, new)
