# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the hosts of one run and removes them again.

A run is known by its directory: the names of what it makes are derived from it, the label that they carry holds it. The run's ssh key,
the keys by which its hosts are known and how each host is reached (as molecule wants to read it) lie there.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hosts import image
from hosts.engine import Engine, MissingError, choose

LABEL = "lms.moodle.hosts.run"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
PATIENCE = 60.0  # seconds for a host to start
SYSTEMD = {
    "podman": ["--systemd=always"],
    "docker": [
        "--env=container=docker",
        "--cgroupns=host",
        "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
        "--tmpfs=/run",
        "--tmpfs=/run/lock",
    ],
}


@dataclass(frozen=True)
class Host:
    """How one host is reached, in molecule's words."""

    instance: str
    address: str
    port: int
    user: str
    identity_file: str


@dataclass(frozen=True)
class Run:
    """One run: an engine and a directory."""

    engine: Engine
    directory: Path

    @property
    def prefix(self) -> str:
        return "lms-moodle-" + hashlib.sha256(str(self.directory).encode()).hexdigest()[:8]

    @property
    def label(self) -> str:
        return f"{LABEL}={self.directory}"

    @property
    def identity(self) -> Path:
        return self.directory / "id_ed25519"

    @property
    def files(self) -> list[Path]:
        names = ("id_ed25519", "id_ed25519.pub", "known_hosts", "instance_config.yml", "database_password", "admin_password")
        return [self.directory / name for name in names]


def up(run: Run, platforms: list[dict[str, Any]]) -> list[Host]:
    """Starts a host for each platform ({name, volumes: [NAME:PATH]}); returns when all can be reached by ssh."""
    run.engine.run("network", "create", "--label", run.label, run.prefix)
    for volume in sorted({entry.partition(":")[0] for platform in platforms for entry in platform.get("volumes", [])}):
        run.engine.run("volume", "create", "--label", run.label, f"{run.prefix}-{volume}")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", run.prefix, "-f", str(run.identity)], check=True)
    with ThreadPoolExecutor(max_workers=4) as pool:
        known, hosts = zip(*pool.map(lambda platform: _start(run, platform), platforms))
    (run.directory / "known_hosts").write_text("".join(known), encoding="utf-8")
    (run.directory / "instance_config.yml").write_text(json.dumps([asdict(host) for host in hosts], indent=1), encoding="utf-8")
    return list(hosts)


def down(run: Run) -> None:
    """Removes the hosts, the network, the volumes and the keys of this run, and nothing else."""
    mine = ("--filter", f"label={run.label}")
    if containers := run.engine.run("ps", "--all", "--quiet", *mine).stdout.split():
        at_once = ("--time", "0") if run.engine.name == "podman" else ()
        run.engine.run("rm", "--force", "--volumes", *at_once, *containers)
    for kind in ("network", "volume"):
        if names := run.engine.run(kind, "ls", "--quiet", *mine).stdout.split():
            run.engine.run(kind, "rm", *names)
    for path in run.files:
        path.unlink(missing_ok=True)


def _start(run: Run, platform: dict[str, Any]) -> tuple[str, Host]:
    name = platform["name"]
    container = f"{run.prefix}-{name}"
    run.engine.run(
        "run",
        "--detach",
        f"--label={run.label}",
        f"--name={container}",
        f"--hostname={name}",
        f"--network={run.prefix}",
        f"--network-alias={name}",
        *SYSTEMD[run.engine.name],
        *([] if run.engine.addresses_reachable else ["--publish=127.0.0.1::22"]),
        *(f"--volume={run.prefix}-{volume}" for volume in platform.get("volumes", [])),
        image.TAG,
        "/sbin/init",
    )
    authorized = ["install", "-D", "-m", "600", "/dev/stdin", "/root/.ssh/authorized_keys"]
    run.engine.run("exec", "--interactive", container, *authorized, given=run.identity.with_suffix(".pub").read_text(encoding="ascii"))
    address, port = _address(run, container)
    key = _host_key(run, container)
    known_as = address if port == 22 else f"[{address}]:{port}"
    return f"{known_as} {key}\n", Host(name, address, port, "root", str(run.identity))


def _address(run: Run, container: str) -> tuple[str, int]:
    settings = json.loads(run.engine.run("inspect", container).stdout)[0]["NetworkSettings"]
    if run.engine.addresses_reachable:
        return settings["Networks"][run.prefix]["IPAddress"], 22
    return "127.0.0.1", int(settings["Ports"]["22/tcp"][0]["HostPort"])


def _host_key(run: Run, container: str) -> str:
    """The key by which ssh knows the host, read through the engine so that nothing is trusted unseen; sshd answers once it is active."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        active = run.engine.run("exec", container, "systemctl", "is-active", "ssh.service", check=False)
        if active.returncode == 0:
            algorithm, key, *_ = run.engine.run("exec", container, "cat", HOST_KEY).stdout.split()
            return f"{algorithm} {key}"
        time.sleep(0.2)
    raise RuntimeError(
        f"The host {container} did not start its ssh service within {PATIENCE:.0f} s: {active.stderr.strip() or active.stdout.strip()}."
    )


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or arguments[0] not in ("up", "down"):
        print("usage: tests/hosts/machines up|down DIRECTORY", file=sys.stderr)
        return 2
    try:
        run = Run(choose(), Path(arguments[1]).resolve())
        if arguments[0] == "down":
            down(run)
        else:
            if done := image.ensure(run.engine):
                print(done)
            up(run, json.load(sys.stdin))
    except (MissingError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 2
    except subprocess.CalledProcessError as error:
        print(f"`{' '.join(error.cmd[:2])}` failed: {(error.stderr or '').strip()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
