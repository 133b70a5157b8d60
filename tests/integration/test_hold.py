# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two plays at the same work: the second is refused while the first lives, and goes on at once when that was killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from support.process import Result, run

REPOSITORY = Path(__file__).resolve().parents[2]
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")


def play(folder: Path, name: str, *tasks: dict[str, t.Any]) -> list[str | Path]:
    """The command that holds the work and then does the tasks."""
    hold = {"lms.moodle.moodle_hold": {"path": str(folder / "held.json"), "what": "The upgrade", "holder": name}, "register": "held"}
    told = {"ansible.builtin.debug": {"msg": "{{ 'taken' if held is changed else 'as before' }}"}}
    playbook = folder / f"{name}.json"
    playbook.write_text(json.dumps([{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [hold, told, *tasks]}]))
    return [ANSIBLE, "--inventory", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}", playbook]


def environment() -> dict[str, str]:
    return {**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg")}


def run_play(*words: str | Path) -> Result:
    return run(words, env=environment(), cwd=REPOSITORY, timeout=300)


def test_the_second_play_waits_for_the_life_of_the_first(tmp_path: Path) -> None:
    began = tmp_path / "began"
    rest = {"ansible.builtin.command": {"argv": ["sh", "-c", f"touch {began}; while [ -e {began} ]; do sleep 0.1; done"]}}
    second = play(tmp_path, "bob")
    with subprocess.Popen(play(tmp_path, "alice", rest), env=environment(), cwd=REPOSITORY, stdout=subprocess.DEVNULL) as first:
        try:
            while first.poll() is None and not began.exists():
                time.sleep(0.1)
            refused = run_play(*second)
        finally:
            first.kill()
            began.unlink(missing_ok=True)
    assert refused.rc != 0
    assert "The upgrade is held by alice since" in refused.out, refused.text
    taken = run_play(*second)
    assert taken.rc == 0, taken.text
    assert "taken" in taken.out
    assert "was left open by a play that is gone: bob goes on with it" in taken.text


def test_a_play_that_is_over_lets_go_of_what_is_its_own_alone(tmp_path: Path) -> None:
    again = {"lms.moodle.moodle_hold": {"path": str(tmp_path / "held.json")}, "register": "again", "failed_when": "again is changed"}
    free = {
        "lms.moodle.moodle_hold": {"path": str(tmp_path / "held.json"), "state": "released"},
        "register": "gone",
        "failed_when": "gone is not changed",
    }
    run_play(*play(tmp_path, "alice", again, free)).must_succeed()
    assert not (tmp_path / "held.json").exists()
    # Somebody's of whom nothing is known.
    other = {"holder": "eve", "since": "2026-01-01T00:00:00+00:00", "expiry": "2999-01-01T00:00:00+00:00", "play": {"machine": "x"}}
    (tmp_path / "held.json").write_text(json.dumps(other))
    refused = run_play(*play(tmp_path, "bob"))
    assert "held by eve" in refused.out
    assert json.loads((tmp_path / "held.json").read_text()) == other
