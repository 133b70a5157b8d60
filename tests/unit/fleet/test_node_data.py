# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's data: what is copied and packed, and what never is."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.fleet import node_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for path in ("filedir/ab/abcd", "lang/fr/x.php", "cache/core_component.php", "muc/config.php", "temp/cache/x", "repository/cache/kept"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    (folder / node_data.CLOSED).touch()
    (folder / "odd\nname 'x'").write_text("odd")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").touch()
    (folder / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(folder / "pipe")
    return folder


KEPT = {
    "filedir",
    "filedir/ab",
    "filedir/ab/abcd",
    "lang",
    "lang/fr",
    "lang/fr/x.php",
    "repository",
    "repository/cache",
    "repository/cache/kept",
}


def test_what_moodle_makes_again_links_and_pipes_are_left_out(data: Path, tmp_path: Path) -> None:
    assert {str(member) for member in node_data.members(data)} == KEPT | {"odd\nname 'x'"}
    (tmp_path / "copy").mkdir()
    node_data.copy(data, tmp_path / "copy")
    assert {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*")} == KEPT | {"odd\nname 'x'"}


def test_packed_data_come_back(data: Path, tmp_path: Path) -> None:
    node_data.pack(data, tmp_path / "data.tar")
    assert node_data.check(tmp_path / "data.tar") == len(KEPT) + 1
    (tmp_path / "back").mkdir()
    node_data.unpack(tmp_path / "data.tar", tmp_path / "back")
    assert (tmp_path / "back/filedir/ab/abcd").read_text() == "filedir/ab/abcd"


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../out", "a//b", "."])
def test_packed_data_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with tarfile.open(tmp_path / "data.tar", "w") as tar:
        info = tarfile.TarInfo("x")
        info.name, info.size = name, 1
        tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(MoodleError, match="is refused"):
        node_data.check(tmp_path / "data.tar")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_packed_data_with_anything_but_files_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "data.tar", "w") as tar:
        info = tarfile.TarInfo("x")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(MoodleError, match="is refused"):
        node_data.unpack(tmp_path / "data.tar", tmp_path)


def test_packed_data_that_were_cut_are_damaged(data: Path, tmp_path: Path) -> None:
    node_data.pack(data, tmp_path / "data.tar")
    content = (tmp_path / "data.tar").read_bytes()
    (tmp_path / "data.tar").write_bytes(b"nonsense" * 100 + content[800:])
    with pytest.raises(MoodleError, match="is damaged"):
        node_data.check(tmp_path / "data.tar")


def test_links_in_what_is_removed_are_not_followed(data: Path, tmp_path: Path) -> None:
    node_data.remove(data, itself=True)
    assert not data.exists()
    assert (tmp_path / "outside" / "precious").exists()
    node_data.remove(data, itself=True)


def test_a_new_folder_is_closed_from_the_beginning_whatever_an_earlier_try_left(tmp_path: Path) -> None:
    (tmp_path / ".new.new").mkdir()
    node_data.make(tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == [node_data.CLOSED]
