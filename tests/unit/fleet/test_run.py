# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole run, with a small program in the place of PHP: bounded, stopped in time, each verdict written down at once."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.repositories import MODULES, call_module, module_command, module_environment, module_input

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.common.php import Php
from ansible_collections.lms.moodle.plugins.module_utils.fleet.execution import Execution, Wish, not_run
from ansible_collections.lms.moodle.plugins.module_utils.fleet.keyboard import typed
from ansible_collections.lms.moodle.plugins.module_utils.fleet.logs import log_name
from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node, Refusal
from ansible_collections.lms.moodle.plugins.module_utils.fleet.pace import Budget, Wave, waves
from ansible_collections.lms.moodle.plugins.module_utils.fleet.records import Records
from ansible_collections.lms.moodle.plugins.module_utils.fleet.run import FleetRun, write_retry_file
from ansible_collections.lms.moodle.plugins.module_utils.fleet.script import Script

FAKE = Path(__file__).with_name("fake_php.py")


MODULE = f"{MODULES}.vmoodle_cli"
# What the kernel counts for a process that was started counts its parent too; this asks for the module's own peak, at its end.
PEAK = """
import atexit, pathlib, runpy, sys
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: print([line for line in status.read_text().splitlines() if "VmHWM" in line][0], file=sys.stderr))
runpy.run_module(sys.argv.pop(), run_name="__main__")
"""


class Fleet:
    """A code with one script, and nodes whose names say what will happen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "php"
        self.program.write_text(f"#!{sys.executable}\n{FAKE.read_text()}")
        self.program.chmod(0o755)
        (folder / "lines.php").touch()
        script = folder / "code/admin/cli/work.php"
        script.parent.mkdir(parents=True)
        script.write_text("<?php")
        (folder / "code/config.php").touch()
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.code = (folder / "code").resolve()
        script_found = Script.find(self.code, "admin/cli/work.php", [])
        self.wish = Wish(script_found, self.code, timeout=20.0, log_dir=self.logs, grace=0.3, pause=0.01)

    def run(
        self,
        names: list[str],
        *,
        canary: int = 0,
        batch: int = 0,
        max_failures: str | None = None,
        forks: int = 2,
        resume: bool = False,
        **wish: object,
    ) -> FleetRun:
        nodes = [Node(f"http://{name}", name, name) for name in names]
        wanted = replace(self.wish, **wish)  # type: ignore[arg-type]
        with Records(str(self.folder / "records"), "a run", resume=resume) as records:
            budget = Budget.parse(max_failures, len(nodes))
            fleet = FleetRun(forks=forks, budget=budget, background=Background(None), records=records)
            with Execution(wanted, Php(str(self.program), self.folder), forks=forks, must_stop=fleet.must_stop) as execution:
                left = [node for node in nodes if node.wwwroot not in records.done]
                fleet.run(execution.run, list(waves(left, canary=canary, batch=batch)), list(records.done.values()))
        return fleet

    def arguments(self, names: list[str], *, count: int = 0, **more: object) -> dict[str, object]:
        """For the module itself, on a registry of `count` nodes."""
        (self.folder / "nodes.json").write_text(json.dumps({"names": names, "count": count or len(names)}))
        return {
            "moodle": str(self.code),
            "script": "admin/cli/work.php",
            "php": str(self.program),
            "_php": str(self.folder),
            "opcache": False,
            "records": str(self.folder / "records"),
            **more,
        }

    def ran(self) -> list[str]:
        """The nodes on which the script was started, as often as it was."""
        return [line.split()[0] for line in (self.folder / "ran").read_text().splitlines()]

    def pids(self) -> list[int]:
        return [int(line.split()[1]) for line in (self.folder / "ran").read_text().splitlines()]


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    made = Fleet(tmp_path)
    yield made
    for file in tmp_path.glob("pid-*"):
        if lives(int(file.read_text())):
            os.kill(int(file.read_text()), signal.SIGKILL)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold; the limit is only there for when it never does."""
    limit = time.monotonic() + 30
    while not holds() and time.monotonic() < limit:
        time.sleep(0.02)
    return holds()


def verdicts(run: FleetRun) -> dict[str, str]:
    return {record["name"]: record["verdict"] for record in run.records()}


def test_each_node_has_its_own_verdict_log_and_record(fleet: Fleet) -> None:
    run = fleet.run(["a", "fail", "b"])
    assert verdicts(run) == {"a": "ok", "fail": "failed", "b": "ok"}
    summary = run.summary()
    assert {key: summary[key] for key in ("total", "ok", "failed", "timeout", "skipped")} == {
        "total": 3, "ok": 2, "failed": 1, "timeout": 0, "skipped": 0,
    }  # fmt: skip
    lines = [json.loads(line) for line in (fleet.folder / "records").read_text().splitlines()]
    assert lines == run.records()
    failed = next(record for record in lines if record["name"] == "fail")
    assert (failed["rc"], failed["output"], Path(failed["log"]).read_text()) == (3, "broken\n", "broken\n")
    assert stat.S_IMODE((fleet.logs / "fail.log").stat().st_mode) == 0o600
    assert run.complaint() == "1 of 3 nodes failed: http://fail: ended with 3: broken"


def test_progress_counts_the_unknown_node_among_the_failed_but_not_against_the_budget(fleet: Fleet) -> None:
    unknown = not_run(Refusal("x", "x", "failed", "unknown"), "failed", "unknown")
    shown = fleet.folder / "shown.json"
    run = FleetRun(forks=1, budget=Budget(1), background=Background(str(fleet.folder), shown=shown), records=Records(None, ""))
    with Execution(fleet.wish, Php(str(fleet.program), fleet.folder), forks=1) as execution:
        run.run(execution.run, [Wave([Node(f"http://{name}", name, name) for name in ("fail", "a")])], [unknown])
    assert verdicts(run) == {"x": "failed", "fail": "failed", "a": "ok"}
    progress = json.loads((fleet.folder / "progress.json").read_text())
    assert (progress["done"], progress["failed"], progress["over"]) == (3, 2, True)
    figures = json.loads(shown.read_text())
    assert {**progress, **figures} == {**figures, "beat": progress["beat"]}
    assert (figures["rate"] > 0, figures["left"]) == (True, 0)


@pytest.mark.parametrize("forks", [True, False], ids=["forking", "a process each"])
def test_time_limit_ends_children_that_ignore_it(fleet: Fleet, forks: bool) -> None:
    if not forks:
        (fleet.folder / "cannot-fork").touch()
    run = fleet.run(["hang", "a", "b"], timeout=5.0)
    assert verdicts(run) == {"hang": "timeout", "a": "ok", "b": "ok"}
    assert not lives(int((fleet.folder / "pid-hang").read_text()))


def test_without_forks_each_node_has_a_process_of_its_own(fleet: Fleet) -> None:
    (fleet.folder / "cannot-fork").touch()
    assert verdicts(fleet.run(["a", "fail", "b"], forks=1)) == {"a": "ok", "fail": "failed", "b": "ok"}
    assert len(set(fleet.pids())) == 3


def test_a_worker_that_is_killed_fails_its_node_alone(fleet: Fleet) -> None:
    run = fleet.run(["die", "a", "b"], forks=1)
    assert verdicts(run) == {"die": "failed", "a": "ok", "b": "ok"}
    assert run.records()[0]["reason"].startswith("was ended by signal 9")


def test_what_a_script_leaves_behind_does_not_speak_for_the_next_node(fleet: Fleet) -> None:
    assert verdicts(fleet.run(["stray", "a"], forks=1)) == {"stray": "ok", "a": "ok"}
    assert len(set(fleet.pids())) == 2


def test_answer_of_another_site_is_a_failure(fleet: Fleet) -> None:
    (record,) = fleet.run(["wander"]).records()
    assert (record["verdict"], record["reason"]) == ("failed", "ended with 0, but ran for another site: http://other")


def test_what_may_pass_is_tried_again_in_any_language(fleet: Fleet) -> None:
    (record,) = fleet.run(["lost"], retries=2).records()
    assert (record["verdict"], fleet.ran()) == ("ok", ["lost"] * 3)
    log = (fleet.logs / "lost.log").read_text()
    assert log.count("[once more: ended with 1: !!! Datenbankverbindung fehlgeschlagen !!!]") == 2
    assert record["output"] == ""


def test_what_does_not_pass_is_told_with_the_number_of_tries(fleet: Fleet) -> None:
    (record,) = fleet.run(["lost"], retries=1).records()
    assert (record["verdict"], record["reason"]) == ("failed", "ended with 1: !!! Datenbankverbindung fehlgeschlagen !!!; tried 2 times")


def test_what_was_interrupted_at_work_is_tried_again_only_where_that_is_allowed(fleet: Fleet) -> None:
    fleet.run(["half", "fail"], retries=2)
    assert sorted(fleet.ran()) == ["fail", "half"]
    fleet.run(["half", "fail"], retries=2, repeatable=True)
    assert sorted(fleet.ran()) == ["fail"] * 2 + ["half"] * 4


@pytest.mark.parametrize("forks", [True, False], ids=["forking", "a process each"])
def test_scripts_that_ask_are_answered_line_by_line_on_each_node(fleet: Fleet, forks: bool) -> None:
    if not forks:
        (fleet.folder / "cannot-fork").touch()
    run = fleet.run(["ask1", "ask2"], forks=1, keys=typed("admin\nSésame; 'x'"))
    assert [record["output"] for record in run.records()] == ["""['admin\\n', "Sésame; 'x'\\n", '']\n"""] * 2
    assert "['', '', '']" in fleet.run(["ask3"]).records()[0]["output"]


@pytest.mark.parametrize("text", ["a\x04b", "a\x1bb", "x" * 5000])
def test_what_cannot_be_typed_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="'input'"):
        typed(text)


def test_logs_are_rotated(fleet: Fleet) -> None:
    log = fleet.logs / "fail.log"
    for number in range(4):
        if log.exists():
            log.write_text(f"run {number}")
        fleet.run(["fail"], log_keep=2)
    assert sorted(path.name for path in fleet.logs.iterdir()) == ["fail.log", "fail.log.1", "fail.log.2"]
    assert [(fleet.logs / f"fail.log.{number}").read_text() for number in (1, 2)] == ["run 3", "run 2"]


def test_a_log_that_cannot_be_finished_is_told_and_changes_no_verdict(fleet: Fleet) -> None:
    if os.geteuid():
        pytest.skip("only root makes a device")
    # A disk that is full, and nothing else is: /dev/full. A link to it would not be followed.
    os.mknod(fleet.logs / "fail.log", stat.S_IFCHR | 0o600, os.makedev(1, 7))
    (record,) = fleet.run(["fail"]).records()
    assert record["reason"] == "ended with 3: broken; its log could not be written to the end: No space left on device"


def test_records_that_can_no_longer_be_written_stop_the_run(fleet: Fleet) -> None:
    with Records(None, "a run") as records:
        records.trouble = "/records can no longer be written: No space left on device"
        run = FleetRun(forks=1, budget=Budget(None), background=Background(None), records=records)
        run.run(lambda node: pytest.fail(f"{node} was started"), [Wave([Node("http://a", "a", "a")])], [])
    assert (verdicts(run), run.failed()) == ({"a": "skipped"}, True)
    assert run.complaint() == "/records can no longer be written: No space left on device"


def test_two_runs_do_not_write_the_same_records(fleet: Fleet) -> None:
    with Records(str(fleet.folder / "records"), "a run"), pytest.raises(BadInput, match="Another run writes"):
        fleet.run(["a"])


def test_a_run_goes_on_with_what_is_not_ok(fleet: Fleet) -> None:
    fleet.run(["a", "fail", "b"])
    records = fleet.folder / "records"
    with records.open("a") as file:
        file.write('{"wwwroot": "http://c", "verd')
    run = fleet.run(["a", "b", "fail", "c"], resume=True)
    assert verdicts(run) == {"a": "ok", "b": "ok", "fail": "failed", "c": "ok"}
    assert sorted(fleet.ran()) == ["a", "b", "c", "fail", "fail"]
    lines = [json.loads(line)["name"] for line in records.read_text().splitlines()]
    assert sorted(lines) == ["a", "b", "c", "fail", "fail"]
    # The second run has begun the third: what it did is not asked of the first.
    assert fleet.run(["a", "b", "fail", "c"]).started() and len(fleet.ran()) == 9


def test_a_preview_of_a_continued_run_lists_what_is_left_and_writes_nothing(fleet: Fleet) -> None:
    arguments = fleet.arguments(["a", "fail"], resume=True)
    assert call_module("vmoodle_cli", arguments)["failed"]
    records = fleet.folder / "records"
    before = records.read_bytes()
    preview = call_module("vmoodle_cli", arguments, check=True)
    assert {record["name"]: record["verdict"] for record in preview["nodes"]} == {"a": "ok", "fail": "skipped"}
    assert records.read_bytes() == before


@pytest.mark.parametrize("wrong", [{"max_failures": "some"}, {"retry_file": "/none/retry"}, {"log_dir": "/proc/none"}], ids=str)
def test_bad_input_leaves_the_records_of_the_last_run(fleet: Fleet, wrong: dict[str, object]) -> None:
    fleet.run(["a"])
    before = (fleet.folder / "records").read_bytes()
    assert call_module("vmoodle_cli", fleet.arguments(["a"], **wrong))["failed"]
    assert (before, (fleet.folder / "records").read_bytes()) == (before, before)


def test_a_run_is_not_continued_with_something_else(fleet: Fleet) -> None:
    fleet.run(["a"])
    with pytest.raises(BadInput, match="another script"), Records(str(fleet.folder / "records"), "other", resume=True):
        pass
    assert (fleet.folder / "records").read_text().count("\n") == 1


def test_killed_module_leaves_no_process_and_is_continued_exactly_once(fleet: Fleet) -> None:
    names = ["a", "b", "hang1", "hang2", "c"]
    arguments = fleet.arguments(names, forks=2)
    module = subprocess.Popen(
        module_command("vmoodle_cli"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=module_environment()
    )
    assert module.stdin
    module.stdin.write(module_input(arguments))
    module.stdin.close()
    assert eventually(lambda: all((fleet.folder / f"pid-hang{number}").exists() for number in (1, 2)))
    children = [int((fleet.folder / f"pid-hang{number}").read_text()) for number in (1, 2)]
    module.kill()
    module.wait()
    assert eventually(lambda: not any(map(lives, [*fleet.pids(), *children])))
    assert sorted(fleet.ran()) == sorted(names[:4])

    fleet.program.write_text(fleet.program.read_text().replace('"hang"', '"hung"'))
    result = call_module("vmoodle_cli", fleet.arguments(names, forks=2, resume=True))
    assert {record["name"]: record["verdict"] for record in result["nodes"]} == dict.fromkeys(names, "ok")
    assert sorted(fleet.ran()) == sorted([*names, "hang1", "hang2"])


def test_memory_holds_no_node_that_is_ok_unless_it_is_to_be_listed(fleet: Fleet) -> None:
    def peak(count: int, results: str) -> int:
        arguments = fleet.arguments([], count=count, forks=2, results=results)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, MODULE], input=module_input(arguments), env=module_environment(), capture_output=True, check=True
        )
        result = json.loads(done.stdout)
        assert (result["summary"]["ok"], len(result["nodes"])) == (count, count if results == "all" else 0)
        return int(done.stderr.split()[-2])

    few, many, listed = peak(300, "not_ok"), peak(3_000, "not_ok"), peak(3_000, "all")
    assert many - few < listed - many


def test_a_log_that_cannot_be_written_is_the_failure_of_that_node_alone(fleet: Fleet) -> None:
    (fleet.logs / "a.log").symlink_to("elsewhere")
    run = fleet.run(["a", "b"])
    assert verdicts(run) == {"a": "failed", "b": "ok"}
    failed = next(record for record in run.records() if record["verdict"] == "failed")
    assert failed["reason"] == f"could not be run: {fleet.logs}/a.log: Too many levels of symbolic links"
    assert not (fleet.logs / "elsewhere").exists()


def test_a_megabyte_of_output_stays_in_the_log(fleet: Fleet) -> None:
    (record,) = fleet.run(["loud"]).records()
    assert len(record["output"]) <= 2048
    assert record["output"].endswith("\nend\n")
    assert (fleet.logs / "loud.log").stat().st_size > 1_000_000


def test_canary_that_fails_keeps_the_others_from_starting(fleet: Fleet) -> None:
    run = fleet.run(["fail", "a", "b"], canary=1)
    assert verdicts(run) == {"fail": "failed", "a": "skipped", "b": "skipped"}
    assert run.unfinished == ["http://fail", "http://a", "http://b"]


def test_spent_budget_stops_the_rest(fleet: Fleet) -> None:
    run = fleet.run(["fail1", "fail2", "a", "b"], max_failures="1", forks=1)
    assert verdicts(run) == {"fail1": "failed", "fail2": "failed", "a": "skipped", "b": "skipped"}
    assert run.records()[-1]["reason"] == "not started: more than 1 had failed"


def test_batches_are_not_mixed(fleet: Fleet) -> None:
    assert list(verdicts(fleet.run(["fail", "a", "b", "c"], batch=2)))[:2] in (["fail", "a"], ["a", "fail"])


def test_retry_file_is_empty_when_all_is_well(fleet: Fleet) -> None:
    file = fleet.folder / "retry"
    for names, content in ((["a", "fail"], "http://fail\n"), (["a"], "")):
        write_retry_file(str(file), fleet.run(names).unfinished)
        assert file.read_text() == content


def test_log_names_are_harmless_and_never_shared() -> None:
    addresses = [
        "http://a.test",
        "https://a.test",
        "http://a.test/x",
        "http://a.test_x",
        "http://a.test:80",
        "http://../../etc",
        "http://a b",
    ]
    names = [log_name(address) for address in addresses]
    assert len(set(names)) == len(names)
    assert all("/" not in name and name == os.path.basename(name) for name in names)  # noqa: PTH119
    assert names[0] == "a.test.log"
