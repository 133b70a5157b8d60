# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that are whole at every instant, and locks that end with their process."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.repositories import module_environment

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.files import link_atomically, locked, write_atomically


def test_a_file_is_replaced_and_not_written_into(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(b"old")
    other.hardlink_to(path)
    write_atomically(path, b"new", mode=0o640)
    assert (path.read_bytes(), other.read_bytes()) == (b"new", b"old")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(item.name for item in tmp_path.iterdir()) == ["file", "other"]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="file"):
        write_atomically(tmp_path / "file", b"new")
    assert [item.name for item in tmp_path.iterdir()] == ["file"]


def test_a_link_is_switched_and_what_it_named_stays(tmp_path: Path) -> None:
    link = tmp_path / "current"
    link_atomically("releases/1", link)
    link_atomically("releases/2", link)
    assert str(link.readlink()) == "releases/2"
    assert [item.name for item in tmp_path.iterdir()] == ["current"]


def test_a_link_never_goes_into_a_directory_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "current").mkdir()
    with pytest.raises(OSError, match="current"):
        link_atomically("releases/1", tmp_path / "current")
    assert list((tmp_path / "current").iterdir()) == []
    assert [item.name for item in tmp_path.iterdir()] == ["current"]


def test_a_second_holder_is_told_who_has_to_end_first(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "lock", 0, "the delivery"),
        pytest.raises(MoodleError, match="Another run is working on the delivery"),
        locked(tmp_path / "lock", 0, "the delivery"),
    ):
        pass


def test_a_lock_is_free_after_its_block(tmp_path: Path) -> None:
    for _turn in range(2):
        with locked(tmp_path / "lock", 0, "it"):
            pass


HOLDER = """
import subprocess, sys, time
from pathlib import Path
from ansible_collections.lms.moodle.plugins.module_utils.common.files import locked
with locked(Path(sys.argv[1]), 0, "it"):
    subprocess.Popen([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(%s)"], close_fds=False)
    time.sleep(60)
"""


@pytest.mark.parametrize("child_seconds", [0, 1.5])
def test_a_lock_outlives_a_kill_as_long_as_a_program_still_works(tmp_path: Path, child_seconds: float) -> None:
    lock = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER % child_seconds, str(lock)]
    holder = subprocess.Popen(command, env=module_environment(), stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"up\n"
    began = time.monotonic()
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(lock, 10, "it"):
        waited = time.monotonic() - began
    holder.stdout.close()
    assert waited >= child_seconds - 0.3


LOOKER = """
import sys, time
from pathlib import Path
from ansible_collections.lms.moodle.plugins.module_utils.common.files import locked
from ansible_collections.lms.moodle.plugins.module_utils.common.process import start
with locked(Path(sys.argv[1]), 0, "it"):
    start([sys.executable, "-c", "import time; print('up', flush=True); time.sleep(3)"], sys.stdout.buffer)
    time.sleep(60)
"""


def test_a_look_that_outlives_a_kill_holds_no_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", LOOKER, str(lock)], env=module_environment(), stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"up\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(lock, 0, "it"):
        assert holder.stdout.read() == b"", "the look came to its end after the lock was free"
    holder.stdout.close()
