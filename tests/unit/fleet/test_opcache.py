# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache of compiled scripts is private, and belongs to one state of the code."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.opcache import opcache_folder


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


def test_folder_is_private_and_is_found_again(tmp_path: Path) -> None:
    folder = opcache_folder(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert opcache_folder(tmp_path) == folder


def test_other_code_has_another_folder(tmp_path: Path) -> None:
    before = opcache_folder(tmp_path)
    (tmp_path / "version.php").write_text("<?php $version = 2;")
    assert len({before, opcache_folder(tmp_path), opcache_folder(tmp_path / "tmp")}) == 3


@pytest.mark.parametrize("trap", ["open to others", "link", "file"])
def test_folder_that_somebody_else_prepared_is_refused(tmp_path: Path, trap: str) -> None:
    folder = opcache_folder(tmp_path)
    (folder / "not-cached").unlink()
    folder.rmdir()
    if trap == "link":
        folder.symlink_to(tmp_path)
    elif trap == "file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o777)
    with pytest.raises(MoodleError, match="not a private folder"):
        opcache_folder(tmp_path)


def test_folders_that_nobody_uses_are_removed(tmp_path: Path, temporary: Path) -> None:
    old, in_use = opcache_folder(tmp_path / "old"), opcache_folder(tmp_path / "used")
    (old / "deep").mkdir()
    month = time.time() - 30 * 24 * 3600
    others = [temporary / "lms-moodle-opcache-0x-another", temporary / f"lms-moodle-opcache-{os.geteuid()}-link"]
    others[0].mkdir()
    others[1].symlink_to(tmp_path)
    for path in (old, *others):
        os.utime(path, (month, month), follow_symlinks=False)
    assert opcache_folder(tmp_path).exists()
    assert [path.exists() for path in (old, in_use, *others)] == [False, True, True, True]


def test_a_place_where_others_could_exchange_the_folder_is_refused(tmp_path: Path, temporary: Path) -> None:
    temporary.chmod(0o777)
    with pytest.raises(MoodleError, match="other users could put"):
        opcache_folder(tmp_path)
    temporary.chmod(0o1777)
    assert opcache_folder(tmp_path).is_dir()
