# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in the place of PHP: speaks as registry.php and node_worker.php do, and does with each node what its name says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(sys.argv[0]).resolve().parent
NAMES = ("fail", "hang", "loud", "lost", "stray", "wander", "half", "die", "slow", "ask")


def registry() -> None:
    """As many nodes as the file nodes says, the first of them named in it."""
    wish = json.loads((HERE / "nodes.json").read_text())
    print(json.dumps({"master": "http://master", "name": "Master", "dbname": "master", "vmoodle": True}))
    common = {"dbtype": "mariadb", "dbhost": "localhost", "dbprefix": "mdl_", "description": "", "enabled": True}
    for number in range(wish["count"]):
        name = wish["names"][number] if number < len(wish["names"]) else f"n{number}"
        print(
            json.dumps({**common, "id": number + 1, "wwwroot": f"http://{name}", "name": name, "dbname": name, "datapath": f"/data/{name}"})
        )
    print(json.dumps({"end": True}), flush=True)


def work() -> None:
    control = socket.socket(fileno=int(os.environ["LMS_MOODLE_CONTROL"]))
    lines = control.makefile("r")

    def say(line: object) -> None:
        control.sendall(json.dumps(line).encode() + b"\n")

    can_fork = not (HERE / "cannot-fork").exists()
    gone = os.fork() or os._exit(0)
    os.waitpid(gone, 0)
    for line in lines:
        order = json.loads(line)
        # Forking is what is tested where a name asks for it, and what takes the time where thousands are run.
        name = order["node"].removeprefix("http://")
        child = os.fork() if can_fork and name.startswith(NAMES) else 0
        if child:
            _, status = os.waitpid(child, 0)
            say({"ended": -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)})
            continue
        forked = can_fork and name.startswith(NAMES)
        if forked:
            os.setsid()
        say({"group": os.getpid() if forked or not can_fork else gone})
        if not lines.readline():
            os._exit(1)
        site = {"wwwroot": order["node"], "database": name, "begun": True, "database_error": ""}
        rc = act(name, site)
        say({"site": site})
        if forked or not can_fork:
            sys.stdout.flush()
            os._exit(rc)
        say({"ended": rc})


def act(name: str, site: dict[str, object]) -> int:
    with (HERE / "ran").open("a") as ran:
        ran.write(f"{name} {os.getpid()}\n")
    if name.startswith("fail"):
        print("broken", flush=True)
        return 3
    if name.startswith("hang"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "60"])  # which inherits that
        (HERE / f"pid-{name}").write_text(str(child.pid))
        time.sleep(60)
    if name.startswith("loud"):
        print("x" * 1_000_000 + "\nend", flush=True)
        return 1
    if name.startswith("lost"):
        tries = HERE / f"tries-{name}"
        tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
        if len(tries.read_text()) <= 2:
            print("!!! Datenbankverbindung fehlgeschlagen !!!", flush=True)
            site.update(begun=False, database_error="Connection refused")
            return 1
    if name.startswith("half"):
        print("!!! Erreur de lecture !!!", flush=True)
        site.update(database_error="MySQL server has gone away")
        return 1
    if name.startswith("stray"):
        subprocess.Popen(["sleep", "2"])
    if name.startswith("wander"):
        site.update(wwwroot="http://other")
    if name.startswith("die"):
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("ask"):
        # Whatever one reading gives is one answer, as in Moodle.
        print([os.read(0, 2048).decode() for _ in range(3)], flush=True)
        return 1
    if name.startswith("slow"):
        time.sleep(1)
    return 0


if any(word.endswith("registry.php") for word in sys.argv):
    registry()
else:
    work()
