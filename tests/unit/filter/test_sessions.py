# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks did becomes entries; what all hosts say becomes one account, in which a lost host is never taken for a good one."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.lms.moodle.plugins.filter.sessions import session_entries, session_report

COMMAND = {
    "changed": True,
    "cmd": ["php", "upgrade.php", "--lang=a b"],
    "rc": 0,
    "stdout": "fine",
    "stderr": "a warning",
    "delta": "0:01:02.345678",
    "start": "2026-11-21 06:05:00.123456",
}


def entries(result: t.Any, **more: t.Any) -> list[dict[str, t.Any]]:
    return session_entries([{"step": "upgrade", "result": result, **more}])


def test_a_command_is_told_with_its_output_and_time() -> None:
    assert entries(COMMAND) == [
        {
            "step": "upgrade",
            "time": "2026-11-21 06:05:00.123456",
            "command": "php upgrade.php '--lang=a b'",
            "rc": 0,
            "seconds": 62.3,
            "output": "fine\na warning",
        }
    ]


def test_a_command_that_took_days() -> None:
    assert entries({**COMMAND, "delta": "1 day, 0:00:01.0"})[0]["seconds"] == 86401
    assert entries({**COMMAND, "delta": "2 days, 0:00:01.0"})[0]["seconds"] == 172801
    assert "seconds" not in entries({**COMMAND, "delta": "nonsense"})[0]


def test_files_and_hot_fixes_are_told() -> None:
    files = {"added": ["a.php"], "modified": [], "removed": []}
    result = {"changed": True, "files": files, "drift": {"modified": ["lib.php"], "missing": [], "unexpected": ["x"]}}
    assert entries(result) == [{"step": "upgrade", "output": "modified: lib.php\nunexpected: x", "files": {"added": ["a.php"]}}]


@pytest.mark.parametrize("result", [None, {}, {"changed": False}, {**COMMAND, "skipped": True}, {"changed": True}])
def test_what_did_nothing_or_has_nothing_to_tell_is_left_out(result: t.Any) -> None:
    assert entries(result) == []


def test_a_failure_is_told_whether_something_changed_or_not() -> None:
    assert entries({"failed": True, "msg": "no such release"}) == [{"step": "upgrade", "rc": 1, "output": "no such release"}]
    printed = {**COMMAND, "failed": True, "rc": 2, "msg": "non-zero return code"}
    assert (entries(printed)[0]["rc"], entries(printed)[0]["output"]) == (2, "fine\na warning")


def test_what_changes_nothing_can_be_told_all_the_same() -> None:
    assert entries({"changed": False}, always=True, output="200", seconds=3) == [{"step": "upgrade", "output": "200", "seconds": 3}]


def test_output_may_lie_in_a_file() -> None:
    assert entries({"changed": True}, output_file="/x.patch") == [{"step": "upgrade", "output_file": "/x.patch"}]


def test_something_else_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="session_entries: a list"):
        session_entries([{"result": COMMAND}])
    with pytest.raises(AnsibleFilterError, match="session_report: the account"):
        session_report({"web1": {"session": {"log": [{}]}}})


def line(second: int, event: str, step: str | None = None, **more: t.Any) -> dict[str, t.Any]:
    named = {"step": step} if step else {}
    return {"time": f"2026-11-21T06:05:{second:02}+00:00", "event": event, "session": "one", "by": "ann", **named, **more}


LOG = [
    line(0, "opened", comment="Upgrade"),
    line(1, "begin", "update", release="r2"),
    line(4, "done", "update", release="r2"),
    line(5, "begin", "switch", release="r2"),
    line(5, "done", "switch", release="r2"),
    line(9, "note", "update", files={"added": ["a.php"]}, counts={"added": 9000}),
    line(7, "note", "upgrade", command="php upgrade.php", rc=0, output="fine", seconds=2.0),
    line(9, "note", "maintenance", seconds=150),
    line(10, "closed"),
]


def account(log: list[dict[str, t.Any]], **more: t.Any) -> dict[str, t.Any]:
    about = {"id": "one", "title": "Upgrade", "description": "", "impact": "none", "followup": "", "by": "ann"}
    times = {"opened": "2026-11-21T06:05:00+00:00", "closed": "2026-11-21T06:07:11+00:00"}
    return {"session": {**about, **times, "log": log}, "before": "r1", "serves": "r2", "failure": "", "done": True, **more}


def test_a_session_of_two_hosts_is_one_account() -> None:
    report = session_report({"web1": account(LOG), "web2": account(LOG[:6] + LOG[8:])})
    assert {key: report[key] for key in ("id", "title", "impact", "by", "outcome", "failures", "opened", "lasted", "maintenance")} == {
        "id": "one",
        "title": "Upgrade",
        "impact": "none",
        "by": "ann",
        "outcome": "ok",
        "failures": [],
        "opened": "2026-11-21 06:05:00 UTC",
        "lasted": "2 min 11 s",
        "maintenance": "2 min 30 s",
    }
    assert [(step["step"], step["hosts"], step["everywhere"], step["lasted"]) for step in report["steps"]] == [
        ("opened", ["web1", "web2"], True, ""),
        ("update", ["web1", "web2"], True, "3 s"),
        ("switch", ["web1", "web2"], True, "0 s"),
        ("upgrade", ["web1"], False, "2 s"),
        ("maintenance", ["web1"], False, "2 min 30 s"),
        ("closed", ["web1", "web2"], True, ""),
    ]
    update = report["steps"][1]
    assert (update["files"], update["counts"], update["total"]) == ({"added": ["a.php"]}, {"added": 9000}, 9000)


def test_a_step_that_was_taken_twice_is_told_twice() -> None:
    twice = [line(1, "begin", "update"), line(2, "done", "update"), line(3, "begin", "update"), line(4, "done", "update")]
    assert [step["time"][-6:-4] for step in session_report({"web1": account(twice)})["steps"]] == ["01", "03"]


def test_a_step_that_failed_or_was_broken_off_is_not_taken_for_done() -> None:
    log = [
        line(1, "begin", "secure"),
        line(2, "failed", "secure", reason="disk full"),
        line(3, "note", "secure", rc=1, output="disk full"),
        line(4, "begin", "update"),
        line(5, "note", "upgrade", command="php", rc=1, output="boom"),
    ]
    report = session_report({"web1": account(log, failure="disk full")})
    assert [(step["step"], step["outcome"], step["output"]) for step in report["steps"]] == [
        ("secure", "failed", "disk full"),
        ("update", "broken off", ""),
        ("upgrade", "failed", "boom"),
    ]
    assert (report["outcome"], report["failures"]) == ("failed", ["disk full"])


def test_a_host_that_was_lost_is_told_and_the_session_is_no_success() -> None:
    lost = account(LOG[:2])
    lost.pop("done")
    for gone in (lost, {}):
        report = session_report({"web1": account(LOG), "web2": gone})
        assert [host["outcome"] for host in report["hosts"]] == ["ok", "lost"]
        assert report["outcome"] == "failed"
    assert session_report({"web1": {}})["steps"] == []


def test_hosts_that_differ_are_told_apart() -> None:
    other = [*LOG[:6], line(7, "note", "upgrade", command="php upgrade.php", rc=0, output="other")]
    report = session_report({"web1": account(LOG), "web2": account(other)})
    assert [(step["hosts"], step["output"]) for step in report["steps"] if step["step"] == "upgrade"] == [
        (["web1"], "fine"),
        (["web2"], "other"),
    ]
