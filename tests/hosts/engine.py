# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which container engine runs the test hosts, and with which settings."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "hosts"
CHOICE = "MOODLE_HOSTS_ENGINE"
KNOWN = ("podman", "docker")
ON_DEBIAN = "apt-get install podman runc netavark aardvark-dns iptables mmdebstrap zstd"

# What podman asks for when nothing is configured; a machine that allows less refuses to start any container.
PODMAN_LIMITS = {"nofile": (resource.RLIMIT_NOFILE, 1048576), "nproc": (resource.RLIMIT_NPROC, 4194304)}
PID_MAX = Path("/proc/sys/kernel/pid_max")
CGROUP_V2 = Path("/sys/fs/cgroup/cgroup.controllers")
SYSTEMD_RUNS = Path("/run/systemd/system")


class MissingError(Exception):
    """The test hosts cannot run on this machine; the message is one sentence that says what is missing."""


@dataclass(frozen=True)
class Engine:
    """A container engine that answers."""

    name: str
    rootless: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def addresses_reachable(self) -> bool:
        """Whether the containers' own addresses can be reached from here; otherwise ports are published on 127.0.0.1."""
        return self.name == "podman" and not self.rootless

    def command(self, *arguments: str) -> list[str]:
        return [self.name, *arguments]

    def run(self, *arguments: str, given: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments)
        return subprocess.run(command, env=self.full_environment(), input=given, check=check, capture_output=True, text=True)

    def full_environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}


def choose() -> Engine:
    """The engine named by MOODLE_HOSTS_ENGINE, or else the first one that answers."""
    wanted = os.environ.get(CHOICE, "")
    if wanted and wanted not in KNOWN:
        raise MissingError(f"{CHOICE} is {wanted!r}, but the test hosts run with podman or docker only.")
    candidates = [wanted] if wanted else list(KNOWN)
    installed = [name for name in candidates if shutil.which(name)]
    if not installed:
        raise MissingError(f"The test hosts need {' or '.join(candidates)}: install one (on Debian, as root: {ON_DEBIAN}).")
    for name in installed:
        engine = _podman() if name == "podman" else Engine(name)
        if answer := _answer(engine):
            if name == "podman" and answer == "root" and not (shutil.which("iptables") or shutil.which("nft")):
                raise MissingError(f"podman needs a firewall command for the hosts' network: install iptables (on Debian: {ON_DEBIAN}).")
            return replace(engine, rootless=answer == "rootless")
    calls = " and ".join(f"`{name} info`" for name in installed)
    raise MissingError(f"The test hosts need a container engine that answers, and {calls} failed here.")


def _answer(engine: Engine) -> str:
    """'rootless' or 'root', empty for an engine that does not work."""
    template = "{{.Host.Security.Rootless}}" if engine.name == "podman" else "{{.SecurityOptions}}"
    result = engine.run("info", "--format", template, check=False)
    if result.returncode != 0:
        return ""
    return "rootless" if result.stdout.strip() == "true" or "rootless" in result.stdout else "root"


def _podman() -> Engine:
    if "CONTAINERS_CONF" in os.environ or os.geteuid() != 0:
        return Engine("podman")
    text = podman_settings(
        cgroup_v2=CGROUP_V2.exists(),
        systemd=SYSTEMD_RUNS.exists(),
        runtimes=[name for name in ("crun", "runc") if shutil.which(name)],
        limits={name: resource.getrlimit(which)[1] for name, (which, _) in PODMAN_LIMITS.items()},
        pid_max=int(PID_MAX.read_text(encoding="ascii")),
    )
    if not text:
        return Engine("podman")
    CACHE.mkdir(parents=True, exist_ok=True)
    path = CACHE / "containers.conf"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return Engine("podman", environment={"CONTAINERS_CONF": str(path)})


def podman_settings(*, cgroup_v2: bool, systemd: bool, runtimes: Iterable[str], limits: dict[str, int], pid_max: int) -> str:
    """The containers.conf that this machine needs, empty where podman's own defaults are right."""
    ulimits = []
    for name, (_, wanted) in PODMAN_LIMITS.items():
        if limits[name] != resource.RLIM_INFINITY and limits[name] < wanted:
            allowed = min(limits[name], pid_max) if name == "nproc" else limits[name]
            ulimits.append(f'"{name}={allowed}:{allowed}"')
    containers = [f"default_ulimits=[{', '.join(ulimits)}]"] if ulimits else []
    engine = []
    if not cgroup_v2 and "runc" in runtimes:
        engine.append('runtime="runc"')  # crun fails on the mixed hierarchy
    if not systemd:
        engine += ['cgroup_manager="cgroupfs"', 'events_logger="file"']
    sections = [("containers", containers), ("engine", engine)]
    return "".join(f"[{title}]\n" + "".join(f"{line}\n" for line in lines) for title, lines in sections if lines)


def main(arguments: list[str]) -> NoReturn:
    try:
        engine = choose()
    except MissingError as error:
        sys.exit(str(error))
    os.execvpe(engine.name, engine.command(*arguments), engine.full_environment())  # noqa: S606 - a list, no shell; it takes our place


if __name__ == "__main__":
    main(sys.argv[1:])
