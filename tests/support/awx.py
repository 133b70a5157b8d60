# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Launches a playbook as AWX does: ansible-runner, a private data directory, extra variables, job events."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass
from pathlib import Path

import ansible_runner

_COLLECTIONS = Path(__file__).resolve().parents[2] / ".cache"

# The play goes on with other tasks, or the controller looks at what it was given.
_NOTHING_DONE = {"ansible.builtin.include_role", "ansible.builtin.include_tasks", "ansible.builtin.validate_argument_spec"}


@dataclass(frozen=True)
class Job:
    """A job that has ended."""

    status: str
    events: list[dict[str, t.Any]]
    """What became of each task on each host."""
    stats: dict[str, t.Any]
    """The figures of the recap."""
    log: str
    """What AWX shows as the job's output; a line ends as on a terminal, which is what the play was given."""
    artifacts: dict[str, t.Any]
    """What the job leaves to the next one of its workflow."""

    def results(self, module: str, event: str = "runner_on_ok") -> list[dict[str, t.Any]]:
        """The results of the tasks of one of the collection's modules."""
        chosen = [one["event_data"] for one in self.events if one["event"] == event]
        return [data["res"] for data in chosen if data["task_action"] == f"lms.moodle.{module}"]

    def hosts(self) -> set[str]:
        """Those on which anything was done."""
        done = [one["event_data"] for one in self.events if one["event"] in ("runner_on_ok", "runner_on_failed", "runner_on_unreachable")]
        return {data["host"] for data in done if data["task_action"] not in _NOTHING_DONE}

    def lines(self) -> list[str]:
        return self.log.replace("\r\n", "\n").split("\n")


def launch(private: Path, playbook: str, groups: dict[str, t.Any], variables: dict[str, t.Any], cmdline: str = "", **env: str) -> Job:
    """Run a job template of the collection's; ``private`` is made for it."""
    for folder in ("inventory", "env", "project"):
        (private / folder).mkdir(parents=True)
    (private / "inventory" / "hosts.json").write_text(json.dumps({"all": {"children": groups}}))
    (private / "env" / "ansible.cfg").touch()
    done = ansible_runner.run(
        private_data_dir=str(private),
        playbook=f"lms.moodle.{playbook}",
        extravars=variables,
        envvars={"ANSIBLE_COLLECTIONS_PATH": str(_COLLECTIONS), "ANSIBLE_CONFIG": str(private / "env" / "ansible.cfg"), **env},
        cmdline=cmdline,
        quiet=True,
    )
    with done.stdout as output:
        log = Path(output.name).read_bytes().decode(errors="replace")
    events = list(done.events)
    artifacts: dict[str, t.Any] = next(
        (event["event_data"]["artifact_data"] for event in events if event["event"] == "playbook_on_stats"), {}
    )
    return Job(done.status, [event for event in events if event["event"].startswith("runner_on_")], done.stats, log, artifacts)
