# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One process acts on a run at a time; what a dead one held can be taken over, once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.archive.lease import Lease
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError


def elsewhere(folder: Path, age: float) -> None:
    """A lease of another host, last renewed so long ago."""
    file = folder / "lease.json"
    file.write_text(json.dumps({"host": "other.test", "process": "77:1 boot", "since": "yesterday", "token": "other"}))
    os.utime(file, (time.time() - age, time.time() - age))


def test_second_is_told_who_holds_it(tmp_path: Path) -> None:
    with Lease(tmp_path), pytest.raises(MoodleError, match=f"acts on this run: {os.getpid()} on "), Lease(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_living_lease_of_another_host_is_respected(tmp_path: Path) -> None:
    elsewhere(tmp_path, age=60)
    with pytest.raises(MoodleError, match=r"77 on other\.test, since yesterday"), Lease(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["lease.json"]


def test_stale_lease_of_another_host_is_taken_over(tmp_path: Path) -> None:
    elsewhere(tmp_path, age=121)
    with Lease(tmp_path):
        assert json.loads((tmp_path / "lease.json").read_text())["host"] != "other.test"
        assert [path.name for path in tmp_path.iterdir()] == ["lease.json"]


def test_lease_of_a_killed_process_of_this_host_is_taken_over_at_once(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from ansible_collections.lms.moodle.plugins.module_utils.archive.lease import Lease\n"
        "with Lease(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    assert (tmp_path / "lease.json").exists()
    with Lease(tmp_path):
        pass


def test_lease_is_renewed_while_it_is_held(tmp_path: Path) -> None:
    with Lease(tmp_path, stale=0.4) as lease:
        before = (tmp_path / "lease.json").stat().st_mtime_ns
        time.sleep(0.3)
        assert (tmp_path / "lease.json").stat().st_mtime_ns > before
        lease.check()


def test_holder_that_lost_it_records_nothing_more_and_leaves_the_new_one(tmp_path: Path) -> None:
    with Lease(tmp_path, stale=0.4) as lease:
        elsewhere(tmp_path, age=0)
        time.sleep(0.3)
        with pytest.raises(MoodleError, match="taken over"):
            lease.check()
    assert json.loads((tmp_path / "lease.json").read_text())["host"] == "other.test"


def test_only_one_of_many_takes_a_stale_lease(tmp_path: Path) -> None:
    elsewhere(tmp_path, age=500)
    code = (
        "import sys, time; from pathlib import Path\n"
        "from ansible_collections.lms.moodle.plugins.module_utils.archive.lease import Lease\n"
        "with Lease(Path(sys.argv[1])): print('mine', flush=True); time.sleep(2)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    many = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(6)
    ]
    assert sorted(process.communicate()[0] for process in many) == [b""] * 5 + [b"mine\n"]
