# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the scenarios of extensions/molecule on real hosts, which each run starts and removes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hosts import image
from hosts.engine import CACHE, Engine, MissingError, choose
from hosts.machines import Run, down

REPOSITORY = Path(__file__).resolve().parents[2]
SCENARIOS = REPOSITORY / "extensions" / "molecule"
COLLECTIONS = REPOSITORY / ".cache"
LIMIT = float(os.environ.get("MOODLE_HOSTS_LIMIT", "1200"))  # seconds for one scenario
STORIES = {"archive", "deliver_failure", "fleet", "reconcile", "rollback"}  # many deliveries, one after the other
SHOWN = 80  # lines of a failed scenario's log


def scenarios() -> set[str]:
    return {path.parent.name for path in SCENARIOS.glob("*/molecule.yml")} - {"default"}


@pytest.fixture(scope="session")
def hosts_engine() -> Engine:
    """An engine with the image; skips with the one thing that is missing."""
    if not _environment_path("molecule"):
        pytest.skip("The scenarios need molecule: run `make test`, which installs it, or install requirements-test.txt.")
    for command in ("ssh", "ssh-keygen", "git"):
        if not shutil.which(command):
            pytest.skip(f"The scenarios need the command {command} (on Debian: apt-get install openssh-client git).")
    if not (COLLECTIONS / "ansible_collections" / "lms" / "moodle" / "galaxy.yml").exists():
        pytest.skip("The scenarios need this checkout linked at .cache/ansible_collections/lms/moodle: `make test` does it.")
    try:
        chosen = choose()
        if done := image.ensure(chosen):
            print(done)
    except MissingError as error:
        pytest.skip(str(error))
    return chosen


@pytest.fixture
def hosts_run(hosts_engine: Engine) -> Iterator[Run]:
    """A run of its own; whatever happens, nothing of it stays behind."""
    # Short: ssh's sockets lie in it, and their paths may not be long.
    with tempfile.TemporaryDirectory(prefix="moodle-hosts-", ignore_cleanup_errors=True) as directory:
        run = Run(hosts_engine, Path(directory).resolve())
        try:
            yield run
        finally:
            down(run)


def play(scenario: str, run: Run) -> None:
    """The scenario from its first step to its last."""
    log = CACHE / "logs" / f"{scenario}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    code = _molecule(["test", "--scenario-name", scenario], run, log)
    if code != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-SHOWN:])
        pytest.fail(f"The scenario {scenario} failed ({code}). The end of {log.relative_to(REPOSITORY)}:\n{tail}", pytrace=False)


def _molecule(arguments: list[str], run: Run, log: Path) -> str | int:
    environment = {
        **os.environ,
        "PATH": _path(),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(run.directory),
        "NO_COLOR": "1",
    }
    with log.open("wb") as output:
        # Its own process group: at the limit the plays that it started end with it.
        process = subprocess.Popen(
            ["molecule", *arguments],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            return process.wait(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return f"no end after {LIMIT:.0f} s"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def _environment_path(command: str) -> str | None:
    return shutil.which(command, path=_path())
