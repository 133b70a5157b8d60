# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet: one script on every virtual node, beside VMoodle's own bulk scripts."""
# ruff: noqa: S608 - the values are the bench's own

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.mariadb import MariaDB
from support.moodle import Site, installed_site
from support.nodes import Node, register_node
from support.platforms import Platform
from support.play import run_module
from support.process import SupportError, run
from support.repositories import MODULES, module_environment, module_input

from .measure import Counted, Growth, Race, Row, Way
from .workspace import PHP, checked, module, title

PURGE = "local/vmoodle/cli/purge_caches.php"
UPGRADE = "local/vmoodle/cli/upgrade.php"
FAKE_PHP = Path(__file__).resolve().parents[1] / "unit/fleet/fake_php.py"
# Runs a module, and tells the memory that it had at its peak: the kernel's own count of a process that was started has its parent in it.
_PEAK = """
import atexit, pathlib, runpy, sys
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: print([line for line in status.read_text().splitlines() if "VmHWM" in line][0], file=sys.stderr))
runpy.run_module(sys.argv.pop(), run_name="__main__")
"""


def _site(platform: Platform, folder: Path, server: MariaDB, nodes: int) -> Site:
    site = installed_site(platform, folder / "fleet", server)
    for number in range(nodes):
        site.add_node(f"node{number}")
    return site


def _arguments(site: Site, script: str, *args: str, **more: Any) -> dict[str, Any]:
    settings = [f"{name}={value}" for name, value in site.php_settings().items()]
    return {"moodle": str(site.code), "script": script, "args": list(args), "php_options": settings, **more}


def _bulk(site: Site, folder: Path) -> Callable[..., None]:
    """VMoodle's bulk scripts, whose children are started as plain `php`: it gets our settings by its place in PATH."""
    programs = folder / "bin"
    programs.mkdir()
    php = programs / "php"
    settings = " ".join(f"-d {name}={value}" for name, value in site.php_settings().items())
    php.write_text(f'#!/bin/sh\nexec {shutil.which("php")} {settings} "$@"\n')
    php.chmod(0o755)
    path = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

    def bulk(name: str, *options: str) -> None:
        said = run(["php", site.code / f"local/vmoodle/cli/{name}.php", *options], cwd=site.code, env=path).must_succeed()
        if "done with 0 failures" not in said.out.lower():
            raise SupportError(f"{name}: {said.text[-2000:]}")

    return bulk


def race(platform: Platform, server: MariaDB, folder: Path, rounds: int) -> Race:
    nodes = 24 if platform.name == "real" else 200
    site = _site(platform, folder, server, nodes)
    arguments = _arguments(site, PURGE)

    def judged(result: dict[str, Any]) -> None:
        if checked("vmoodle_cli", result, changed=True)["summary"]["ok"] != nodes:
            raise SupportError(f"vmoodle_cli: {result['summary']} on {nodes} nodes")

    alone = Way("module alone", lambda _: judged(module("vmoodle_cli", {**arguments, "_php": str(PHP)}, changed=True)))
    play = Way("whole play, Ansible's start included", lambda _: judged(run_module("vmoodle_cli", arguments, folder / "fleet-play")))
    note = "The module works on as many nodes at a time as there are cores; PHP's compiled scripts are shared from its first run on."
    start = "What Ansible itself takes, to start and to end, is the same for four nodes and for a thousand."
    work = f"`purge_caches` on {nodes} virtual nodes"
    if platform.name == "real":
        bulk = _bulk(site, folder)
        ordinary = Way("`bulkpurgecaches.php`", lambda _: bulk("bulkpurgecaches"))
    else:

        def one_after_another(_round: int) -> None:
            for number in range(nodes):
                site.cli(PURGE, f"--host=http://node{number}.campus.test").must_succeed()

        ordinary = Way("loop over the script", one_after_another)
    return Race(title(platform), rounds, [Row(work, alone, ordinary, note), Row(work, play, ordinary, start)])


def upgrades(platform: Platform, server: MariaDB, folder: Path, nodes: int = 8) -> Race:
    """From the old release to the new one; each way upgrades the same databases, put back in between."""
    old = _site(platform, folder, server, nodes)
    site = old.on(platform.new, folder / "newer")
    bulk = _bulk(site, folder)

    def put_back(_round: int) -> None:
        for number in range(nodes):
            server.load(f"{old.database}_node{number}", old.dump)

    def ours(_round: int) -> None:
        arguments = _arguments(site, UPGRADE, "--non-interactive", "--allow-unstable", pending=True, _php=str(PHP))
        if module("vmoodle_cli", arguments, changed=True)["summary"]["ok"] != nodes:
            raise SupportError("not all nodes were upgraded")

    note = "Both upgrade the same databases, which are put back in between. The module first asks each node whether an upgrade is pending."
    row = Row(
        f"upgrade of {nodes} virtual nodes, {platform.old} to {platform.new}",
        Way("module alone", ours, put_back),
        Way("`bulkupgrade.php`", lambda _: bulk("bulkupgrade", "--allow-unstable"), put_back),
        note,
    )
    return Race(title(platform), 1, [row])


def states(platform: Platform, server: MariaDB, folder: Path, rounds: int, nodes: int = 1000) -> Race:
    """Each with a database of its own that holds what tells a node's state."""
    site = installed_site(platform, folder / "states", server)
    for number in range(nodes):
        node = Node(f"s{number}", f"http://s{number}.test", f"state{number}", site.dataroot.parent / f"s{number}")
        tables = "".join(
            f"CREATE TABLE {node.database}.{table} LIKE {table}; INSERT INTO {node.database}.{table} SELECT * FROM {table};"
            for table in ("mdl_config", "mdl_config_plugins")
        )
        server.execute(f"CREATE DATABASE {node.database}; {tables}", site.database)
        register_node(server, master=site.database, node=node)
    settings = [f"{name}={value}" for name, value in site.php_settings().items()]

    def ours(_round: int) -> None:
        wish = {"moodle": str(site.code), "php_options": settings, "_php": str(PHP)}
        told = checked("vmoodle_node_info", module("vmoodle_node_info", wish, changed=False), changed=False)["nodes"]
        if sum(bool(node["reachable"]) for node in told) != nodes:
            raise SupportError(f"vmoodle_node_info reached too few: {told[:3]}")

    def loop(_round: int) -> None:
        for number in range(_ASKED):
            site.cli("admin/cli/upgrade.php", "--is-pending", node=f"http://s{number}.test")

    note = f"The ordinary way asks one question, and was measured on {_ASKED} of the nodes only."
    row = Row(f"the state of {nodes} nodes", Way("module alone", ours), Way(f"`upgrade.php --is-pending` on {_ASKED} nodes", loop), note)
    return Race(title(platform), rounds, [row])


_ASKED = 50


def simulated(folder: Path, rounds: int) -> Growth:
    """The module on fleets that exist in a registry only, with a program in the place of PHP that does nothing."""

    def way(count: int) -> Way:
        home = _simulation(folder / str(count), count)
        return Way("module alone", lambda _: _simulate(home, count))

    sizes = {count: way(count) for count in (100, 1_000, 10_000)}
    return Growth("simulated nodes,", rounds, "nodes", {"vmoodle_cli, on a program in the place of PHP": sizes})


def memory(folder: Path) -> Counted:
    sizes = (100, 1_000, 10_000)
    peaks = [_simulate(_simulation(folder / f"memory-{count}", count), count) for count in sizes]
    return Counted("kB at vmoodle_cli's peak, simulated nodes", [f"{count} nodes" for count in sizes], {"`results: not_ok`": peaks})


def overhead(platform: Platform, server: MariaDB, folder: Path) -> Counted:
    """What the module takes of the processor for itself, beside what the scripts take."""
    nodes = 24 if platform.name == "real" else 200
    site = _site(platform, folder, server, nodes)

    def taken(count: int) -> tuple[float, float]:
        return _processor(_arguments(site, PURGE, nodes=[f"node{number}" for number in range(count)], _php=str(PHP)))

    # The first run compiles.
    taken(2)
    (few, few_scripts), (many, many_scripts) = taken(2), taken(nodes)
    own, scripts = (many - few) / (nodes - 2), (many_scripts - few_scripts) / (nodes - 2)
    return Counted(
        f"microseconds of processor for one further node, `purge_caches`, {title(platform)}",
        ["the script", "the module"],
        {"vmoodle_cli": [round(scripts * 1e6), round(own * 1e6)]},
    )


def _processor(arguments: dict[str, Any]) -> tuple[float, float]:
    """Seconds of processor that the module took, and that all its children took."""
    code = (
        "import atexit, json, resource, runpy, sys\n"
        "used = lambda who: sum(resource.getrusage(who)[:2])\n"
        "who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)\n"
        "atexit.register(lambda: print(json.dumps([used(one) for one in who]), file=sys.stderr))\n"
        "runpy.run_module(sys.argv.pop(), run_name='__main__')\n"
    )
    own, children = json.loads(_measured(code, "vmoodle_cli", arguments).splitlines()[-1])
    return own, children


def _simulation(home: Path, count: int) -> Path:
    (home / "code/admin/cli").mkdir(parents=True)
    (home / "code/admin/cli/work.php").write_text("<?php")
    (home / "code/config.php").touch()
    (home / "lines.php").touch()
    (home / "php").write_text(f"#!{sys.executable}\n{FAKE_PHP.read_text()}")
    (home / "php").chmod(0o755)
    (home / "nodes.json").write_text(json.dumps({"names": [], "count": count}))
    return home


def _simulate(home: Path, count: int) -> int:
    """Run the module; returns the memory that it had at its peak, in kB."""
    arguments = {
        "moodle": str(home / "code"),
        "script": "admin/cli/work.php",
        "php": str(home / "php"),
        "_php": str(home),
        "opcache": False,
        "records": str(home / "records"),
        "results": "not_ok",
    }
    told = _measured(_PEAK, "vmoodle_cli", arguments)
    if (home / "records").read_bytes().count(b'"ok"') != count:
        raise SupportError(f"not all of {count} simulated nodes are ok")
    return int(told.split()[-2])


def _measured(code: str, name: str, arguments: dict[str, Any]) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, f"{MODULES}.{name}"],
        input=module_input(arguments),
        env=module_environment(),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise SupportError(f"{name}: {done.stdout.decode()[-2000:]}")
    return done.stderr.decode()
