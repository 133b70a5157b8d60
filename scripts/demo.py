#!/usr/bin/env python3
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job from end to end on this machine: build, deliver, change the file, deliver again, go back."""

from __future__ import annotations

import collections
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / ".cache" / "demo"
SITE = DEMO / "site"
MOODLE = "https://github.com/moodle/moodle.git"
PLUGINS = {
    "mod_attendance": "https://github.com/danmarsden/moodle-mod_attendance",
    "tool_redis": "https://github.com/moodle-an-hochschulen/moodle-tool_redis",
}
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")

sys.path.insert(0, str(ROOT / "tests"))


def readable(source: str) -> bool:
    command = ["git", "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=10", "ls-remote", "--exit-code", source, "HEAD"]
    try:
        done = subprocess.run(command, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"}, capture_output=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def declared(version: str, core: str, plugins: dict[str, str]) -> str:
    """A code base file that names no revision of any plugin: the newest that fits is chosen."""
    listed = "".join(f"  {component}:\n    source: {source}\n" for component, source in plugins.items()) or "  {}\n"
    return f"project: campus\nmoodle:\n  version: '{version}'\n  source: {core}\nplugins:\n{listed}"


def chosen() -> str:
    """The plugins of the last build, and the refs that were chosen for them."""
    lines = (DEMO / "codebase.lock.yml").read_text().splitlines()
    found = [line.split(": ", 1)[1] for line in lines if line.startswith(("- component: ", "  ref: "))]
    return ", ".join(f"{component} {ref}" for component, ref in zip(found[2::2], found[3::2])) or "no plugin"


def choose_sources() -> tuple[bool, str, dict[str, str]]:
    """Whether it is the real Moodle, its repository, and those of the plugins."""
    if readable(MOODLE):
        return True, MOODLE, {component: source for component, source in PLUGINS.items() if readable(source)}
    from minimoodle.generate import generate  # noqa: PLC0415 - only where it is needed

    made = generate(DEMO / "sources")
    return False, str(made["moodle"]), {component: str(made[component]) for component in ("mod_board", "tool_steward")}


class Visitor(threading.Thread):
    """Asks the site for its front page all the time, as users do, and counts the answers."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.leaving = threading.Event()
        self.answers: collections.Counter[str] = collections.Counter()

    def run(self) -> None:
        while not self.leaving.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
                self.answers[str(answer.status)] += 1
            except (OSError, http.client.HTTPException) as error:
                self.answers[type(error).__name__] += 1
            finally:
                connection.close()
            time.sleep(0.05)


class WebServer:
    """PHP's own web server; the file it runs looks up where ``current`` leads at each request."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        php = ["php", "-d", "realpath_cache_size=0", "-d", "opcache.enable_cli=0", "-d", "max_input_vars=5000"]
        command = [*php, "-S", f"127.0.0.1:{self.port}", str(ROOT / "scripts" / "demo_router.php")]
        with (DEMO / "logs" / "web.log").open("wb") as log:
            self.process = subprocess.Popen(command, env={**os.environ, "DEMO_CURRENT": str(SITE / "current")}, stdout=log, stderr=log)
        self.visitor = Visitor(self.port)

    def stop(self) -> None:
        self.visitor.leaving.set()
        if self.visitor.is_alive():
            self.visitor.join(10)
        self.process.terminate()
        self.process.wait(10)


def play(playbook: str, log: str, *variables: str) -> float:
    """Run a playbook as its users do; what it printed goes to a log, and to the terminal when it fails."""
    command = [str(PLAYBOOK), f"playbooks/{playbook}.yml", *(word for variable in variables for word in ("-e", variable))]
    shown = " ".join(["ansible-playbook", "-i inventories/demo", *command[1:2]])
    print(f"  $ {shown}", flush=True)
    start = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    (DEMO / "logs" / f"{log}.log").write_bytes(done.stdout)
    if done.returncode != 0:
        sys.stdout.write(done.stdout.decode(errors="replace"))
        raise SystemExit(f"demo: {playbook} failed, see {DEMO.relative_to(ROOT) / 'logs' / log}.log")
    return time.monotonic() - start


def served() -> str:
    return os.readlink(SITE / "current").partition("/")[2]  # noqa: PTH115


def release_in_words() -> str:
    text = (SITE / "current" / "version.php").read_text()
    line = next(line for line in text.splitlines() if line.startswith("$release"))
    return line.split("'")[1]


def main() -> None:
    for name in ("site", "campus.git", "data", "logs", "sources", "codebase.yml", "codebase.lock.yml"):
        remove(DEMO / name)
    (DEMO / "logs").mkdir(parents=True)
    real, core, plugins = choose_sources()
    print(f"Moodle: {'the real one, ' + MOODLE if real else 'the bundled stand-in, since ' + MOODLE + ' cannot be read from here'}")
    web = WebServer() if shutil.which("php") else None
    print(f"Web:    {f'http://127.0.0.1:{web.port}/, asked all the time' if web else 'none, since PHP is not installed'}")
    try:
        account = story(real, core, plugins, web)
    finally:
        if web:
            web.stop()
    print("\nWhat happened")
    print("\n".join(f"  {line}" for line in account))
    print("Where to look")
    for path, what in (
        ("codebase.yml", "the declared file; beside it the lock: what was decided, commit by commit"),
        ("campus.git", "the code base repository: git log campus"),
        ("site", "current, safe and releases/"),
        ("site/.delivery/journal.jsonl", "every step, written before it was taken"),
        ("logs", "what the playbooks printed"),
    ):
        print(f"  .cache/demo/{path:29} {what}")
    bad = {answer: count for answer, count in web.visitor.answers.items() if answer not in ("200", "302", "303")} if web else {}
    if bad:
        raise SystemExit(f"demo: the site did not answer every request: {bad}")


def story(real: bool, core: str, plugins: dict[str, str], web: WebServer | None) -> list[str]:
    variables = [json.dumps({"moodle_health_url": f"http://127.0.0.1:{web.port}/", "moodle_health_status": [200, 302, 303]})] if web else []
    if not real:  # a real Moodle wants a database behind its config.php; without one it shows its installer
        (DEMO / "data").mkdir()
        address = f"http://127.0.0.1:{web.port}" if web else "http://127.0.0.1"
        variables.append(json.dumps({"moodle_site_wwwroot": address, "moodle_site_dataroot": str(DEMO / "data")}))
    account = []

    print("\n1. A file declares the code base; it is built and delivered")
    (DEMO / "codebase.yml").write_text(declared("4.2", core, plugins))
    seconds = play("deliver", "1-deliver", *variables)
    first = served()
    account.append(f"Moodle {release_in_words()} was built and delivered as release {first} ({seconds:.1f} s).")
    account.append(f"The newest plugins that fit it were chosen: {chosen()}.")
    if web:
        web.visitor.start()

    print("2. The file changes; the new code base is delivered beside the old one, and one rename switches")
    (DEMO / "codebase.yml").write_text(declared("4.3", core, plugins))
    seconds = play("deliver", "2-deliver", *variables)
    account.append(f"The file was changed: Moodle {release_in_words()} became release {served()} ({seconds:.1f} s).")
    account.append(f"It needs other plugins, and got them: {chosen()}.")

    print("3. Nothing changed: nothing is done")
    before = served()
    seconds = play("deliver", "3-again", *variables)
    if served() != before:
        raise SystemExit(f"demo: nothing had changed, and yet {served()} took the place of {before}")
    account.append(f"The same file once more: nothing was touched ({seconds:.1f} s).")

    print("4. Back to the release that was good")
    back = variables if web else [json.dumps({"moodle_release_id": first})]
    seconds = play("rollback", "4-rollback", *back)
    if served() != first:
        raise SystemExit(f"demo: after the rollback {served()} is served, not {first}")
    account.append(f"Rolled back to {first}, Moodle {release_in_words()} ({seconds:.1f} s).")
    if web:
        time.sleep(0.2)
        answers = web.visitor.answers
        account.append(f"{sum(answers.values())} requests were made before, during and after the swaps; answers: {dict(answers)}.")
    return account


def remove(path: Path) -> None:
    """Releases are sealed: their directories must be opened before they can go."""
    if path.is_dir() and not path.is_symlink():
        for directory, _, _ in os.walk(path):
            Path(directory).chmod(0o700)
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
