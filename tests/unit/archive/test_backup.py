# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backup counts only when every byte of it can be read and it is of the right course."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.archive.backup import check_backup
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError

INDEX = "<moodle_backup><information><original_course_id>7</original_course_id></information></moodle_backup>"
FILES = {"moodle_backup.xml": INDEX, "files/ab/abc": "x" * 200_000}


def pack(path: Path, kind: str, files: dict[str, str]) -> Path:
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in files.items():
                archive.writestr(name, text)
        return path
    with tarfile.open(path, "w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_whole_backup_gives_size_and_checksum(tmp_path: Path, kind: str) -> None:
    file = pack(tmp_path / "course.mbz", kind, FILES)
    checked = check_backup(file, 7)
    assert (checked.size, checked.checksum) == (file.stat().st_size, hashlib.sha256(file.read_bytes()).hexdigest())


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_backup_of_another_course_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(MoodleError, match="of course 7, not of course 8"):
        check_backup(pack(tmp_path / "course.mbz", kind, FILES), 8)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_archive_without_an_index_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(MoodleError, match=r"no moodle_backup\.xml"):
        check_backup(pack(tmp_path / "course.mbz", kind, {"x": "y"}), 7)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
@pytest.mark.parametrize("where", [0.3, 0.6, 0.9])
def test_damage_anywhere_is_found(tmp_path: Path, kind: str, where: float) -> None:
    files = {**FILES, "files/cd/cde": "".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(2000))}
    file = pack(tmp_path / "course.mbz", kind, files)
    content = bytearray(file.read_bytes())
    content[int(len(content) * where)] ^= 0xFF
    file.write_bytes(content)
    with pytest.raises(MoodleError):
        check_backup(file, 7)


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_cut_off_end_is_found(tmp_path: Path, kind: str) -> None:
    file = pack(tmp_path / "course.mbz", kind, FILES)
    file.write_bytes(file.read_bytes()[:-30])
    with pytest.raises(MoodleError, match="cannot be read back"):
        check_backup(file, 7)


@pytest.mark.parametrize("content", [b"", b"not an archive"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "course.mbz"
    file.write_bytes(content)
    with pytest.raises(MoodleError):
        check_backup(file, 7)


def test_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MoodleError, match="cannot be read back"):
        check_backup(tmp_path / "none.mbz", 7)
