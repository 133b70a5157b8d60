# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's end: figures that can be read at any moment, and the end of the work when nobody watches."""

from __future__ import annotations

import json
import time
from pathlib import Path

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background, Progress


def test_figures_are_whole_and_the_last_are_always_written(tmp_path: Path) -> None:
    background = Background(str(tmp_path))
    for done in range(4):
        background.report(Progress("nodes", 3, done))
    assert json.loads((tmp_path / "progress.json").read_text())["done"] == 0
    background.report(Progress("nodes", 3, 3, 1, 2.5), over=True)
    written = json.loads((tmp_path / "progress.json").read_text())
    assert {**written, "beat": 0} == {"what": "nodes", "total": 3, "done": 3, "failed": 1, "seconds": 2.5, "over": True, "beat": 0}
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_work_that_ended_before_anything_was_counted_says_so(tmp_path: Path) -> None:
    Background(str(tmp_path)).over()
    written = json.loads((tmp_path / "progress.json").read_text())
    assert (written["over"], written["what"], written["total"]) == (True, "", 0)


def test_work_is_abandoned_when_the_watcher_stays_away(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    folder.mkdir()
    background = Background(str(folder), patience=0.2)
    watched = folder / "watched"
    for _ in range(4):
        watched.touch()
        assert not background.abandoned()
        time.sleep(0.1)
    time.sleep(0.2)
    assert background.abandoned()
    background.close()
    assert not folder.exists()


def test_folder_stays_while_somebody_watches(tmp_path: Path) -> None:
    background = Background(str(tmp_path))
    (tmp_path / "watched").touch()
    background.close()
    assert tmp_path.exists()


def test_without_a_watcher_the_work_goes_on() -> None:
    background = Background(None, patience=0)
    background.report(Progress("nodes", 1), over=True)
    background.close()
    assert not background.abandoned()
