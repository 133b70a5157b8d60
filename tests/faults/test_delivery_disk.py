# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A full disk, a disk that cannot be written, a user without rights: said in one sentence, and nothing of what is served is lost."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.delivery_root import NEW, OLD, Root
from support.kills import killed_at
from support.repositories import git, write

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk: a full disk was not tried")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Root]:
    """A delivery root on a disk of its own, with `old` served and good."""
    root = Root(tmp_path)
    root.path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "tmpfs", str(root.path)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here: a full disk was not tried")
    try:
        root.good("old")
        yield root
    finally:
        subprocess.run(["umount", "--lazy", str(root.path)], check=True)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that every user reaches, which those of pytest are not."""
    folder = Path(tempfile.mkdtemp(prefix="lms-moodle-faults-"))
    folder.chmod(0o755)
    yield folder
    for place, _, _ in os.walk(folder):
        Path(place).chmod(0o700)
    shutil.rmtree(folder)


def big(root: Root, content: bytes) -> None:
    write(root.source.path, {"big.bin": content})
    git(root.source.path, "add", "--all")
    git(root.source.path, "commit", "-qm", "big")
    git(root.source.path, "tag", "big")


@needs_root
@pytest.mark.parametrize("where", ["in Git", "in the release"])
def test_a_full_disk_stops_in_words_and_goes_on_when_there_is_room(small_disk: Root, where: str) -> None:
    big(small_disk, os.urandom(6_000_000) if where == "in Git" else b"0" * 6_000_000)
    for _turn in range(2):
        message = small_disk.refused("live", "big")
        assert "No space left" in message or "unable to write" in message, message
        assert small_disk.served() == OLD
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk.path)], check=True)
    small_disk.done("live", "big")
    assert (small_disk.path / "current/big.bin").stat().st_size == 6_000_000
    assert small_disk.partials() == []


@needs_root
def test_a_disk_without_a_free_byte_keeps_its_memory(small_disk: Root) -> None:
    small_disk.done("updated", "new")
    filler = small_disk.path / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"0" * 4096)
        except OSError:
            pass
    for _turn in range(2):
        assert "No space left" in small_disk.refused("live")
        assert small_disk.served() == OLD
    filler.unlink()
    small_disk.done("live", "new")
    assert small_disk.served() == NEW


@needs_root
def test_a_disk_that_became_read_only_is_named(small_disk: Root) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk.path)], check=True)
    with pytest.raises(OSError, match="Read-only file system"):  # main() makes a sentence of it
        small_disk.call("live", "new")
    assert small_disk.served() == OLD
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk.path)], check=True)
    small_disk.done("live", "new")


@needs_root
def test_the_user_who_owns_the_releases_needs_no_root(open_path: Path) -> None:
    """Sealed directories are renamed, emptied and removed by an ordinary user too."""
    root = Root(open_path)
    root.path.mkdir()
    os.chown(root.path, 65534, 65534)

    def act() -> None:
        os.setgid(65534)
        os.setuid(65534)
        os.environ.update(HOME=str(root.path), GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
        git(root.source.path, "bundle", "create", "-q", str(root.path / "all.bundle"), "--all")
        more = {"repository": None, "bundle": str(root.path / "all.bundle")}
        for revision in ("old", "new", "old", "new"):
            root.good(revision, **more)
            if root.linked("safe"):
                root.done("rolled_back")
            root.done("live", revision, keep_releases=1, **more)
        (root.path / "done").touch()

    assert not killed_at(10**9, act)
    assert (root.path / "done").exists()
    assert root.served() == NEW
    status = (root.path / "current").resolve().stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (65534, 0o555)


@needs_root
def test_a_release_gets_the_owner_that_is_asked_for_and_no_link_to_files_of_another(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.good("old")
    root.done("live", "new", owner="nobody", group="nogroup")
    assert root.served() == NEW
    for path in ((root.path / "current").resolve(), *(root.path / "current").resolve().rglob("*")):
        status = path.lstat()
        assert (status.st_uid, status.st_nlink if path.is_file() and not path.is_symlink() else 1) == (65534, 1), path
    for path in (root.path / "safe").resolve().rglob("*"):
        assert path.lstat().st_uid == 0, path
