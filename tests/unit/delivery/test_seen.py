# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read before is not read again, and whatever was touched since is."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.delivery_root import NEW, OLD, Root

from ansible_collections.lms.moodle.plugins.module_utils.delivery import looks, seen
from ansible_collections.lms.moodle.plugins.module_utils.delivery.history import History
from ansible_collections.lms.moodle.plugins.module_utils.delivery.layout import Layout
from ansible_collections.lms.moodle.plugins.module_utils.delivery.survey import survey


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The files that were read, by their place in a release; the clock of the file system ticks at once."""
    found: list[str] = []
    hashed = looks._hashed

    def noted(path: str, kind: str) -> str:
        found.append(path.partition("/releases/")[2].partition("/")[2])
        return hashed(path, kind)

    monkeypatch.setattr(looks, "_hashed", noted)
    monkeypatch.setattr(seen, "SETTLED", -1)
    return found


@pytest.fixture
def root(tmp_path: Path, read: list[str]) -> Root:
    root = Root(tmp_path)
    root.good("old")
    read.clear()
    return root


def test_what_holds_is_not_read_again(root: Root, read: list[str]) -> None:
    assert root.done("live", "old")["changed"] is False
    assert read == []


def test_a_new_release_is_read_where_it_is_new_and_the_old_one_not_at_all(root: Root, read: list[str]) -> None:
    root.done("live", "new")
    assert sorted(read) == ["lib/new.php", "link", "turn", "version.php"]
    read.clear()
    assert root.done("live", "new")["changed"] is False
    assert root.done("rolled_back")["swapped"]
    assert root.done("live", "old")["changed"] is False
    assert read == [], "names that came and went are no reason"


def test_pruning_takes_no_trust_away(root: Root, read: list[str]) -> None:
    for revision in ("new", "old", "new"):
        root.good(revision, keep_releases=1, release_id=f"{revision}-{len(read)}")
    read.clear()
    assert root.done("live", "new", release_id=root.linked())["changed"] is False
    assert read == []


TOUCHES: dict[str, Callable[[Path], None]] = {
    "written": lambda path: _write(path, "x"),
    "written, of the same length, with its time set back": lambda path: _write(path, "2", keep_time=True),
    "written through another name": lambda path: _write(_other_name(path), "2", keep_time=True),
    "another file under its name": lambda path: _replace(path, "2"),
}


def _write(path: Path, content: str, keep_time: bool = False) -> None:
    before = path.stat()
    path.chmod(0o644)
    path.write_text(content)
    path.chmod(0o444)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _other_name(path: Path) -> Path:
    other = path.parents[2] / "other"
    os.link(path, other)
    return other


def _replace(path: Path, content: str) -> None:
    before = path.stat()
    path.parent.chmod(0o755)
    path.unlink()
    path.write_text(content)
    path.chmod(0o444)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("touch", TOUCHES)
def test_a_file_that_was_touched_is_found(root: Root, read: list[str], touch: str) -> None:
    TOUCHES[touch]((root.path / "current").resolve() / "version.php")
    result = root.done("secured")
    assert result["drift"]["modified"] == ["version.php"]
    assert read[0] == "version.php"


def test_a_hot_fix_in_one_release_is_no_hot_fix_in_the_next(root: Root) -> None:
    """Both names of the file change; the release that was to be served is made again from Git."""
    root.done("updated", "new")
    _write((root.path / "current").resolve() / "same.php", "hot!", keep_time=True)
    root.done("live")
    assert root.served() == NEW


@pytest.mark.parametrize("moment", ["tree_of", "kinds", "differences", "keep"])
def test_a_hot_fix_that_comes_during_a_call_is_found_or_not_gone_back_to(root: Root, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Its file gets another name by that call: that this moves the ctime too is no reason to take it for the one that was proved."""
    file, ask, done = (root.path / "current/same.php").resolve(), getattr(History, moment), list[str]()

    def late(self: History, *arguments: object) -> object:
        if not done:
            done.append(moment)
            time.sleep(0.01)
            _write(file, "hot!", keep_time=True)
        return ask(self, *arguments)

    with monkeypatch.context() as during:
        during.setattr(History, moment, late)
        result = root.done("live", "new", shared_files=[{"link": "version.php", "dest": "law", "mode": "0644"}])
    assert done
    assert (found := result["drift"]["modified"]) in ([], ["same.php"])
    root.done("live", "new")
    assert root.served() == NEW
    root.done("rolled_back")
    assert root.served() == ({**OLD, "same.php": "hot!"} if found else OLD)


def test_what_nobody_looked_at_follows_nothing(tmp_path: Path, read: list[str]) -> None:
    """A release might have been made over, and was not: its notes are as old as they were."""
    root = Root(tmp_path)
    for name in "abcde":
        root.source.commit({**OLD, "version.php": name}, tag=name)
    for name in "abc":
        root.good(name, release_id=name, keep_releases=9)
    root.done("updated", "d", keep_releases=9)
    _write(root.path / "current/same.php", "evil", keep_time=True)
    root.done("updated", "e", keep_releases=3)
    root.done("abandoned")
    read.clear()
    root.done("rolled_back", release_id="a")
    assert root.served() == {**OLD, "version.php": "a"}
    assert "same.php" in read


def test_a_file_that_was_read_too_early_does_not_matter_where_its_release_is_made_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its directories had been shut for long: nothing else tells that it has to be read again."""
    monkeypatch.setattr(seen, "SETTLED", -1)
    root = Root(tmp_path)
    for _each in range(2):
        root.good("old", release_id="a", keep_releases=9)
    os.utime(root.path / "current/lib/b/c.php")
    monkeypatch.setattr(seen.Stamp, "settled", lambda stamp: time.time() - float(stamp.ctime) > 1)
    root.good("new", release_id="b", keep_releases=9)
    for name in "cd":
        root.source.commit({**NEW, "version.php": name}, tag=name)
        root.good(name, release_id=name, keep_releases=3)
        assert root.served() == {**NEW, "version.php": name}
    assert not (root.path / "releases/a").exists()


def test_names_are_settled_as_of_the_look_and_not_of_the_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(seen, "SETTLED", 200_000_000)
    look = looks.look(tmp_path)
    time.sleep(0.3)
    assert not look.names_are_settled()
    assert looks.look(tmp_path).names_are_settled()


@pytest.mark.parametrize("name", ["plain", "with a blank", "back\\slash", "line\nbreak"])
def test_what_is_mounted_over_a_file_is_no_name_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    release, mounts = tmp_path / name, tmp_path / "mountinfo"
    (release / "lib").mkdir(parents=True)
    known = looks.look(release).directories
    assert looks.same_names(release, known)
    written = str(release).replace("\\", "\\134").replace(" ", "\\040").replace("\n", "\\012")
    mounts.write_text(f"36 35 98:0 / {written}/lib/a.php rw,noatime - ext4 /dev/root rw\n")
    monkeypatch.setattr(looks, "MOUNTS", mounts)
    assert not looks.same_names(release, known)


def test_what_was_written_a_moment_ago_is_read_again(root: Root, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "SETTLED", 3600 * 10**9)
    root.done("live", "new")
    for _each in range(2):
        read.clear()
        assert root.done("live", "new")["changed"] is False
        assert sorted(read) == ["lib/new.php", "link", "turn", "version.php"]
    monkeypatch.setattr(seen, "SETTLED", -1)
    root.done("live", "new")
    read.clear()
    assert root.done("live", "new")["changed"] is False
    assert read == []


def test_a_file_that_goes_is_missed_whether_it_was_proved_or_not(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seen, "SETTLED", 3600 * 10**9)
    root.done("live", "new")
    for name in ("lib/new.php", "same.php"):
        root.file(name).unlink()
    for _each in range(2):
        assert root.done("secured")["drift"]["missing"] == ["lib/new.php", "same.php"]
        root.done("abandoned")


def test_a_stamp_is_the_one_that_find_prints(tmp_path: Path) -> None:
    files = {"one": "1", "odd\nname": "22", "a\tb": "", "sub/two": "2"}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "link").symlink_to("one")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "one").chmod(0o4751)
    os.utime(tmp_path / "one", ns=(0, 1_700_000_000_000_000_001))
    os.utime(tmp_path / "sub/two", ns=(0, -1_500_000_000))
    look = looks.look(tmp_path)
    assert look.files.keys() == {*files, "link", "fifo"}
    assert look.directories.keys() == {"", "sub"}
    mine = {path: seen.stamp_of((tmp_path / path).lstat()) for path in look.files if path != "fifo"}
    assert mine == {path: stamp for path, stamp in look.files.items() if path != "fifo"}
    assert look.directories["sub"] == seen.directory_stamp_of((tmp_path / "sub").lstat())
    assert look.size() == sum(path.lstat().st_size for path in tmp_path.rglob("*") if not path.is_dir())


def test_notes_last_until_the_host_starts_again(root: Root, read: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot = tmp_path / "boot"
    boot.write_text("another start\n")
    monkeypatch.setattr(seen, "BOOT", boot)
    assert root.done("live", "old")["changed"] is False
    assert sorted(read) == sorted(name.rstrip("@*") for name in OLD)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _whole: b"",
    "rubbish": lambda _whole: b"rubbish",
    "cut off": lambda whole: whole[:-1],
    "zeros at the end": lambda whole: whole[: len(whole) // 2] + bytes(len(whole) // 2),
    "a file is gone": lambda whole: re.sub(rb"\0lib/a\.php\0[^\0]*", b"", whole),
    "another path": lambda whole: whole.replace(b"\0lib/a.php\0", b"\0lib/A.php\0"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_proofs_prove_nothing(root: Root, read: list[str], damage: str) -> None:
    proof = root.path / ".delivery/seen" / str(root.linked())
    whole = proof.read_bytes()
    assert proof.stat().st_mode & 0o777 == 0o600
    assert DAMAGES[damage](whole) != whole
    proof.write_bytes(DAMAGES[damage](whole))
    root.file("lib/a.php").unlink()
    result = root.done("secured")
    assert result["drift"] == {"modified": [], "missing": ["lib/a.php"], "unexpected": []}
    assert len(read) >= len(OLD) - 1


@pytest.mark.parametrize("state", ["live", "rolled_back"])
def test_what_was_found_to_be_wrong_is_not_trusted_later(root: Root, state: str) -> None:
    """Its inode has got and lost names meanwhile, which is no news of the file."""
    first = str(root.linked())
    root.good("new")
    new = root.linked()
    root.done("updated", "old")
    _write(root.path / "releases" / first / "same.php", "hot!", keep_time=True)
    root.done(state, **({"revision": "old"} if state == "live" else {"release_id": first}))
    assert root.linked() != first
    root.done("rolled_back", release_id=new)
    root.done("rolled_back", release_id=first)
    assert root.served() == OLD
    assert not survey(Layout(root.path), drift=True, last=0)["drift"]["modified"]


def test_releases_long_ago_need_not_be_read(root: Root, read: list[str]) -> None:
    """Files that they share with what is served were given names by later deliveries."""
    first = root.linked()
    for number in range(3):
        root.source.commit({**OLD, "version.php": str(number)}, tag=f"n{number}")
        root.good(f"n{number}")
    read.clear()
    root.done("rolled_back", release_id=first)
    assert root.served() == OLD
    assert read == []


def test_notes_that_cannot_be_kept_are_no_reason_to_fail(root: Root, read: list[str]) -> None:
    notes = root.path / ".delivery/seen"
    shutil.rmtree(notes)
    notes.write_text("in the way")
    root.done("live", "new")
    assert root.served() == NEW


def test_what_reports_drift_reads_every_file(root: Root, read: list[str]) -> None:
    """Nothing is taken on trust where time is no matter."""
    survey(Layout(root.path), drift=True, last=0)
    assert len(read) == len(OLD)
