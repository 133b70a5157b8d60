# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cache of compiled scripts is private, and belongs to one state of the code."""

from __future__ import annotations

import stat
import tempfile
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
