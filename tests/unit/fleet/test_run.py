# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole run, with a tiny program in the place of PHP: bounded, stopped in time, each verdict written down at once."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.php import Php
from ansible_collections.lms.moodle.plugins.module_utils.fleet.execution import Execution, log_name, not_run
from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node, Refusal
from ansible_collections.lms.moodle.plugins.module_utils.fleet.pace import Budget, Wave, waves
from ansible_collections.lms.moodle.plugins.module_utils.fleet.run import FleetRun, complaint, open_records, write_retry_file
from ansible_collections.lms.moodle.plugins.module_utils.fleet.script import Script

# Reports as override.php does, then does what the node's name says.
PHP = r"""#!/bin/sh
node=$LMS_MOODLE_NODE
name=${node#http://}
echo "{\"wwwroot\": \"$node\", \"database\": \"$name\"}" > "$LMS_MOODLE_REPORT"
case $name in
    fail*) echo "broken"; exit 3 ;;
    hang*) trap '' TERM; sleep 60 & echo $! > "$PIDS"; wait; sleep 60 ;;
    loud*) head -c 1000000 /dev/zero | tr '\0' 'x'; echo; echo end; exit 1 ;;
esac
"""


class Fleet:
    """A code with one script, and nodes whose names say what will happen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        php = folder / "php"
        php.write_text(PHP)
        php.chmod(0o755)
        (folder / "override.php").touch()
        script = folder / "code/admin/cli/work.php"
        script.parent.mkdir(parents=True)
        script.write_text("<?php")
        self.logs = folder / "logs"
        self.logs.mkdir()
        code = (folder / "code").resolve()
        self.execution = Execution(Php(str(php), folder), code, Script.find(code, "admin/cli/work.php", []), 1.0, self.logs, 0.3)

    def run(self, names: list[str], *, canary: int = 0, batch: int = 0, max_failures: str | None = None, forks: int = 2) -> FleetRun:
        nodes = [Node(f"http://{name}", name, name) for name in names]
        with open_records(str(self.folder / "records")) as records:
            budget = Budget.parse(max_failures, len(nodes))
            fleet = FleetRun(self.execution.run, forks=forks, budget=budget, background=Background(None), records=records)
            fleet.run(list(waves(nodes, canary=canary, batch=batch)), [])
        return fleet


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def verdicts(run: FleetRun) -> dict[str, str]:
    return {record["name"]: record["verdict"] for record in run.records}


def test_each_node_has_its_own_verdict_log_and_record(fleet: Fleet) -> None:
    run = fleet.run(["a", "fail", "b"])
    assert verdicts(run) == {"a": "ok", "fail": "failed", "b": "ok"}
    summary = run.summary()
    assert {key: summary[key] for key in ("total", "ok", "failed", "timeout", "skipped")} == {
        "total": 3, "ok": 2, "failed": 1, "timeout": 0, "skipped": 0,
    }  # fmt: skip
    lines = [json.loads(line) for line in (fleet.folder / "records").read_text().splitlines()]
    assert lines == run.records
    failed = next(record for record in lines if record["name"] == "fail")
    assert (failed["rc"], failed["output"], Path(failed["log"]).read_text()) == (3, "broken\n", "broken\n")
    assert stat.S_IMODE((fleet.logs / "fail.log").stat().st_mode) == 0o600
    assert complaint(run.bad(), 3) == "1 of 3 nodes failed: http://fail: ended with 3: broken"


def test_progress_counts_the_unknown_node_among_the_failed_but_not_against_the_budget(fleet: Fleet) -> None:
    unknown = not_run(Refusal("x", "x", "failed", "unknown"), "failed", "unknown")
    run = FleetRun(fleet.execution.run, forks=1, budget=Budget(1), background=Background(str(fleet.folder)))
    run.run([Wave([Node(f"http://{name}", name, name) for name in ("fail", "a")])], [unknown])
    assert verdicts(run) == {"x": "failed", "fail": "failed", "a": "ok"}
    progress = json.loads((fleet.folder / "progress.json").read_text())
    assert (progress["done"], progress["failed"], progress["over"]) == (3, 2, True)


def test_time_limit_ends_children_that_ignore_it(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    pids = fleet.folder / "pids"
    monkeypatch.setenv("PIDS", str(pids))
    started = time.monotonic()
    run = fleet.run(["hang", "a"])
    assert verdicts(run) == {"hang": "timeout", "a": "ok"}
    assert time.monotonic() - started < 10
    child = Path(f"/proc/{pids.read_text().strip()}/stat")
    assert not child.exists() or child.read_text().split()[2] == "Z"


def test_a_log_that_cannot_be_written_is_the_failure_of_that_node_alone(fleet: Fleet) -> None:
    (fleet.logs / "a.log").symlink_to("elsewhere")
    run = fleet.run(["a", "b"])
    assert verdicts(run) == {"a": "failed", "b": "ok"}
    (failed,) = run.bad()
    assert failed["reason"] == f"could not be run: {fleet.logs}/a.log: Too many levels of symbolic links"
    assert not (fleet.logs / "elsewhere").exists()


def test_a_megabyte_of_output_stays_in_the_log(fleet: Fleet) -> None:
    (record,) = fleet.run(["loud"]).records
    assert len(record["output"]) <= 2048
    assert record["output"].endswith("\nend\n")
    assert (fleet.logs / "loud.log").stat().st_size > 1_000_000


def test_canary_that_fails_keeps_the_others_from_starting(fleet: Fleet) -> None:
    run = fleet.run(["fail", "a", "b"], canary=1)
    assert verdicts(run) == {"fail": "failed", "a": "skipped", "b": "skipped"}
    assert run.unfinished() == ["http://fail", "http://a", "http://b"]


def test_spent_budget_stops_the_rest(fleet: Fleet) -> None:
    run = fleet.run(["fail1", "fail2", "a", "b"], max_failures="1", forks=1)
    assert verdicts(run) == {"fail1": "failed", "fail2": "failed", "a": "skipped", "b": "skipped"}
    assert run.records[-1]["reason"] == "not started: more than 1 had failed"


def test_batches_are_not_mixed(fleet: Fleet) -> None:
    assert list(verdicts(fleet.run(["fail", "a", "b", "c"], batch=2)))[:2] in (["fail", "a"], ["a", "fail"])


def test_retry_file_is_empty_when_all_is_well(fleet: Fleet) -> None:
    file = fleet.folder / "retry"
    for names, content in ((["a", "fail"], "http://fail\n"), (["a"], "")):
        write_retry_file(str(file), fleet.run(names).unfinished())
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
