# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One round of the fleet's cron: each enabled node once, the one that has waited longest first, so many at a time.

fleet_cron.py SETTINGS, a JSON file with code, php, php_options, forks (0 is as many as processors) and timeout. A SIGTERM lets those that
run come to their end and starts no other. Needs no Ansible: what it imports lies beside it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from module_utils.common.errors import MoodleError  # noqa: E402
from module_utils.common.opcache import opcache_folder  # noqa: E402
from module_utils.common.php import Php  # noqa: E402
from module_utils.fleet.execution import Execution, Wish  # noqa: E402
from module_utils.fleet.nodes import Node, choose  # noqa: E402
from module_utils.fleet.registry import Registry  # noqa: E402
from module_utils.fleet.routes import Routes  # noqa: E402
from module_utils.fleet.script import Script  # noqa: E402


def main() -> int:
    """The exit code: 1 when cron failed on a node."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_dummy: stop.set())
    settings: dict[str, t.Any] = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        return go_round(settings, stop)
    except MoodleError as error:
        print(error, file=sys.stderr)
        return 1


def go_round(settings: dict[str, t.Any], stop: threading.Event) -> int:
    routes = Routes.from_root(settings["code"])
    php = Php(settings["php"], HERE / "php", settings["php_options"], opcache_folder(routes.code))
    nodes = due(php, routes)
    forks = max(1, min(settings["forks"] or os.cpu_count() or 1, len(nodes)))
    ran = failed = 0
    with contextlib.ExitStack() as stack:
        crews = {}
        for code, theirs in routes.by_code(nodes).items():
            # Moodle's cron waits for further tasks for minutes, which here is the next node's time.
            wish = Wish(Script.find(code, "admin/cli/cron.php", ["--keep-alive=0"]), code, timeout=settings["timeout"] or None)
            crew = stack.enter_context(Execution(wish, php.for_code(code), forks=forks, must_stop=stop.is_set))
            crews.update((node.wwwroot, crew) for node in theirs)
        pool = stack.enter_context(ThreadPoolExecutor(forks))
        for record in pool.map(lambda node: None if stop.is_set() else crews[node.wwwroot].run(node), nodes):
            if record is None:
                continue
            ran += 1
            if record["verdict"] != "ok":
                failed += 1
                say(f"{record['wwwroot']}: {record['verdict']}: {record['reason']}")
    say(f"cron ran on {ran} of {len(nodes)} nodes, and failed on {failed} of them")
    return int(failed > 0)


def due(php: Php, routes: Routes) -> list[Node]:
    """The nodes whose cron may run; of the others it is said why not."""
    waiting = []
    with Registry.open(php, routes.code, states=True) as registry:
        selection = routes.lead(choose(registry.nodes))
        for refusal in selection.refused:
            say(f"{refusal.wwwroot!r}: left out: {refusal.reason}")
        for node, state in routes.states(registry, selection.nodes, php):
            if obstacle := why_not(state):
                say(f"{node.wwwroot}: left out: {obstacle}")
            else:
                waiting.append((state["lastcron"], node.wwwroot, node))
    waiting.sort(key=lambda one: one[:2])
    if waiting and waiting[0][0]:
        say(f"longest waiting: {waiting[0][1]}, for {max(0, int(time.time()) - waiting[0][0])} s")
    return [node for _dummy, _address, node in waiting]


def why_not(state: dict[str, t.Any]) -> str:
    if not state["reachable"]:
        return str(state["error"])
    if state["maintenance"]:
        return "it is closed"
    return "its upgrade is pending" if state["upgrade_pending"] else ""


def say(sentence: str) -> None:
    print(" ".join(sentence.split()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
