# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet: one script on every virtual node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.mariadb import MariaDB
from support.moodle import installed_site
from support.platforms import Platform
from support.play import run_module
from support.process import SupportError

from .measure import Race, Row, Way
from .workspace import PHP, checked, module, title

SCRIPT = "local/vmoodle/cli/purge_caches.php"


def race(platform: Platform, server: MariaDB, folder: Path, rounds: int, nodes: int = 4) -> Race:
    site = installed_site(platform, folder / "fleet", server)
    fleet = [site.add_node(f"node{number}") for number in range(1, nodes + 1)]
    arguments = {
        "moodle": str(site.code),
        "script": SCRIPT,
        "nodes": [node.wwwroot for node in fleet],
        "php_options": [f"{name}={value}" for name, value in site.php_settings().items()],
    }

    def judged(result: dict[str, Any]) -> None:
        if checked("vmoodle_cli", result, changed=True)["summary"]["ok"] != nodes:
            raise SupportError(f"vmoodle_cli: {result['summary']} on {nodes} nodes")

    def one_after_another(_round: int) -> None:
        for node in fleet:
            said = site.php(site.code / SCRIPT, f"--host={node.wwwroot}").must_succeed()
            if f"playing for {node.wwwroot}" not in said.out:
                raise SupportError(f"{SCRIPT} did not run for {node.wwwroot}: {said.text}")

    alone = Way("module alone", lambda _: judged(module("vmoodle_cli", {**arguments, "_php": str(PHP)}, changed=True)))
    play = Way("whole play, Ansible's start included", lambda _: judged(run_module("vmoodle_cli", arguments, folder / "fleet-play")))
    loop = Way("loop over the script", one_after_another)
    note = "The module works on as many nodes at a time as there are cores; PHP's compiled scripts are shared from its first run on."
    start = "What Ansible itself takes, to start and to end, is the same for four nodes and for a thousand."
    work = f"`purge_caches` on {nodes} virtual nodes"
    return Race(title(platform), rounds, [Row(work, alone, loop, note), Row(work, play, loop, start)])
