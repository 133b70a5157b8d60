# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A zip becomes the commit that its files would be, the same everywhere; one that is dangerous or not the declared one becomes nothing."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.loopback import Answer, Loopback, breaks_off, breaks_off_in_a_chunk, replies
from support.repositories import git, write

from ansible_collections.lms.moodle.plugins.module_utils.codebase.zips import files as zip_files
from ansible_collections.lms.moodle.plugins.module_utils.codebase.zips import source as zip_source
from ansible_collections.lms.moodle.plugins.module_utils.codebase.zips.files import read_zip
from ansible_collections.lms.moodle.plugins.module_utils.codebase.zips.source import download_zip
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.common.fast_import import ImportedFile, fast_import_stream

VERSION = "board/version.php"
UNIX, DOS = 3, 0


def member(name: str, mode: int | None = 0o100644, system: int = UNIX, method: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.compress_type = system, method
    info.external_attr = (mode or 0) << 16
    return info


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(member(name) if isinstance(name, str) else name, content)
    return path


def paths(path: Path) -> list[str]:
    return [file.path for file in read_zip(path, "mod_board")]


def imported(folder: Path, files: list[ImportedFile], message: str = "mod_board") -> str:
    """The id of the commit that Git makes of the files, in the repository at ``folder``."""
    if not folder.exists():
        git(folder.parent, "init", "--quiet", "--bare", str(folder))
    git(folder, "fast-import", "--quiet", "--force", stdin=b"".join(fast_import_stream(files, "refs/sources/zip", message)))
    return git(folder, "rev-parse", "refs/sources/zip")


def listed(folder: Path, revision: str) -> dict[str, tuple[str, bytes]]:
    found = {}
    for line in filter(None, git(folder, "ls-tree", "-r", "-z", revision).split("\0")):
        head, _tab, name = line.partition("\t")
        mode, _kind, oid = head.split(" ")
        content = subprocess.run(["git", "cat-file", "blob", oid], cwd=folder, check=True, capture_output=True).stdout
        found[name] = (mode, content)
    return found


# What is in a zip


@pytest.mark.parametrize("top", ["board/", "moodle-mod_board-v1.2/", "a folder \u00e9/", ""])
def test_the_one_folder_at_the_top_falls_away_whatever_its_name(top: str, tmp_path: Path) -> None:
    path = zipped(tmp_path / "zip", (f"{top}version.php", b"<?php"), (f"{top}lang/en/board.php", b"x"), (f"{top}empty/", b""))
    assert read_zip(path, "mod_board") == [
        ImportedFile("lang/en/board.php", "100644", b"x"),
        ImportedFile("version.php", "100644", b"<?php"),
    ]


def test_the_folder_may_stand_in_the_zip_itself_or_not(tmp_path: Path) -> None:
    assert paths(zipped(tmp_path / "zip", ("board/", b""), (VERSION, b""))) == ["version.php"]


@pytest.mark.parametrize("names", [("a/version.php", "b/version.php"), ("a/version.php", "__MACOSX/._x"), ("lib.php",), ("a/x", "a.txt")])
def test_where_the_plugin_lies_is_not_guessed(names: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a plugin lies in one folder, or has its .* at the root; here there are"):
        paths(zipped(tmp_path / "zip", *((name, b"") for name in names)))


@pytest.mark.parametrize(
    ("info", "mode"),
    [
        (member("p/x", 0o100644), "100644"),
        (member("p/x", 0o100600), "100644"),
        (member("p/x", 0o644), "100644"),
        (member("p/x", 0), "100644"),
        (member("p/x", 0o100755), "100755"),
        (member("p/x", 0o100744), "100755"),
        (member("p/x", 0o755), "100755"),
        (member("p/x", 0o104755), "100755"),
        (member("p/x", 0o100655), "100644"),
        (member("p/x", 0o100755, system=19), "100755"),
        (member("p/x", 0o100755, system=DOS), "100644"),
        (member("p/x", 0o120777, system=DOS), "100644"),
        (member("p/x", 0o120777), "120000"),
    ],
)
def test_modes_are_those_that_git_knows(info: zipfile.ZipInfo, mode: str, tmp_path: Path) -> None:
    assert read_zip(zipped(tmp_path / "zip", (info, b"y")), "mod_board") == [ImportedFile("x", mode, b"y")]


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK, 0o170000])
def test_a_device_is_no_part_of_a_plugin(kind: int, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="neither a file nor a directory nor a symbolic link"):
        paths(zipped(tmp_path / "zip", (member("p/x", kind | 0o644), b"")))


def test_a_directory_that_only_its_mode_tells_is_none_of_the_files(tmp_path: Path) -> None:
    assert paths(zipped(tmp_path / "zip", (VERSION, b""), (member("board/db", stat.S_IFDIR | 0o755), b""))) == ["version.php"]


def test_names_are_utf8_where_the_zip_says_so_and_code_page_437_elsewhere(tmp_path: Path) -> None:
    path = zipped(tmp_path / "zip", (VERSION, b""), ("board/\u00e9\u20ac", b""), ("board/a_b", b""))
    path.write_bytes(path.read_bytes().replace(b"a_b", b"a\x82b"))
    assert paths(path) == ["a\u00e9b", "version.php", "\u00e9\u20ac"]


def test_a_second_name_in_an_extra_field_is_not_heard(tmp_path: Path) -> None:
    """Some versions of Python follow it, some do not; the commit must be the same on all."""
    info = member("board/first")
    other = b"board/second"
    field = struct.pack("<BL", 1, zlib.crc32(b"board/first")) + other
    info.extra = struct.pack("<HH", 0x7075, len(field)) + field
    assert paths(zipped(tmp_path / "zip", (VERSION, b""), (info, b""))) == ["first", "version.php"]


# Dangers


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "board/../../x",
        "../x",
        "..",
        "board/./x",
        "board//x",
        "board/.git/config",
        "board/.GIT/hooks/post-checkout",
        "board/sub/.git",
        "board\\..\\x",
        "C:\\x",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not safe to unpack"):
        paths(zipped(tmp_path / "zip", (VERSION, b""), (name, b"x")))


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "zip", (VERSION, b""), ("board/a_b", b""))
    path.write_bytes(path.read_bytes().replace(b"a_b", b"a\0b"))
    with pytest.raises(BadInput, match=r"'board/a\\x00b' is not safe"):
        paths(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'board/x' is in it twice"):
        paths(zipped(tmp_path / "zip", (VERSION, b""), ("board/x", b"1"), ("board/x", b"2")))


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'board/x' is a file and a directory"):
        paths(zipped(tmp_path / "zip", ("board/x/y/z", b""), ("board/x", b"")))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "zip", (VERSION, b"x"))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"'board/version\.php' is encrypted"):
        paths(path)


def test_an_unusual_compression_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="compressed by method 14; only deflate is known"):
        paths(zipped(tmp_path / "zip", (member(VERSION, method=zipfile.ZIP_LZMA), b"x")))
    assert paths(zipped(tmp_path / "zip", (member(VERSION, method=zipfile.ZIP_STORED), b"x"))) == ["version.php"]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "zip", (VERSION, b""), ("board/zeros", bytes(32 << 20)))
    with pytest.raises(BadInput, match=r"unpacked it would be \d{3,} times as large, more than 200 times"):
        paths(path)
    monkeypatch.setattr(zip_files, "MOST_BYTES", 31 << 20)
    with pytest.raises(BadInput, match="unpacked it would be 32 MB, more than 31"):
        paths(path)
    monkeypatch.setattr(zip_files, "MOST_FILES", 1)
    with pytest.raises(BadInput, match="it has 2 entries, more than 1"):
        paths(path)


def test_a_small_file_may_shrink_as_it_likes(tmp_path: Path) -> None:
    assert paths(zipped(tmp_path / "zip", (VERSION, bytes(8 << 20)))) == ["version.php"]


@pytest.mark.parametrize("declared", [1, 0xFFFFFF])
def test_a_size_that_is_not_the_declared_one_is_an_error(declared: int, tmp_path: Path) -> None:
    path = zipped(tmp_path / "zip", (VERSION, bytes(1000)))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 24, declared)
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"is damaged: 'board/version\.php'"):
        paths(path)


def test_broken_content_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "zip", (member(VERSION, method=zipfile.ZIP_STORED), b"precious"))
    path.write_bytes(path.read_bytes().replace(b"precious", b"previous"))
    with pytest.raises(BadInput, match=r"zip of mod_board is damaged: 'board/version\.php' cannot be unpacked: Bad CRC-32"):
        paths(path)


@pytest.mark.parametrize("data", [b"", b"<html>Log in</html>", b"PK\x03\x04"])
def test_what_is_no_zip_is_said_so(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "zip").write_bytes(data)
    with pytest.raises(BadInput, match="zip of mod_board is damaged, or no zip at all: "):
        paths(tmp_path / "zip")
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        paths(tmp_path / "none")


@pytest.mark.parametrize("members", [[], [("board/", b"")]])
def test_an_empty_zip_is_no_plugin(members: list[tuple[str, bytes]], tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no file in it"):
        paths(zipped(tmp_path / "zip", *members))


def some_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member(VERSION), b"<?php $plugin->version = 2026010100;" * 9)
        archive.writestr(member("board/lang/en/\u00e9"), b"x")
        archive.writestr(member("board/link", 0o120777), b"version.php")
    return file.getvalue()


SOME = some_zip()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(changes=st.lists(st.tuples(st.integers(0, len(SOME) - 1), st.integers(0, 255)), min_size=1, max_size=4), cut=st.integers(0, 40))
def test_no_damage_passes_as_something_else_than_damage(changes: list[tuple[int, int]], cut: int, tmp_path: Path) -> None:
    data = bytearray(SOME)
    for position, value in changes:
        data[position] = value
    path = tmp_path / "zip"
    path.write_bytes(data[: len(data) - cut])
    try:
        files = read_zip(path, "mod_board")
    except BadInput as refusal:
        assert refusal.message.startswith("The zip of mod_board ")
        assert "\n" not in refusal.message
    else:
        assert all(part not in ("", ".", "..", ".git") for file in files for part in file.path.split("/"))


# The commit


def test_the_same_zip_is_the_same_commit_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = [(VERSION, b"<?php"), ("board/a", b"1"), ("board/a.b", b"2"), ("board/b/", b"")]
    one = read_zip(zipped(tmp_path / "one", *content), "mod_board")
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    two = read_zip(zipped(tmp_path / "two", *reversed(content)), "mod_board")
    commit = imported(tmp_path / "1.git", one)  # as `git commit-tree` makes it of the same files
    assert commit == imported(tmp_path / "2.git", two) == "7c0ae27b149860646b3374e5388448a0bfb87325"
    assert git(tmp_path / "1.git", "fsck", "--strict", "--no-dangling") == ""
    assert git(tmp_path / "1.git", "log", "--format=%an %ae %at %ai|%cn %ce %ct|%P|%B", commit) == (
        "lms.moodle lms.moodle@localhost 0 1970-01-01 00:00:00 +0000|lms.moodle lms.moodle@localhost 0||mod_board"
    )


def test_the_tree_is_what_git_itself_would_add(tmp_path: Path) -> None:
    files: Mapping[str, str | bytes] = {"version.php": "<?php", "cli/run.php*": "x", "link@": "cli/run.php", 'lang/\u00e9 "q".php': b"\0\n"}
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "--quiet")
    write(work, files)
    git(work, "add", "--all")
    names = [name for name in git(work, "ls-files", "-z").split("\0") if name]
    content = [(member(f"x/{name}", (work / name).lstat().st_mode), (work / name).read_bytes()) for name in names if name != "link"]
    content.append((member("x/link", 0o120777), b"cli/run.php"))
    commit = imported(tmp_path / "store.git", read_zip(zipped(tmp_path / "zip", *content), "mod_board"))
    assert git(tmp_path / "store.git", "rev-parse", f"{commit}^{{tree}}") == git(work, "write-tree")


def test_an_import_replaces_what_was_there(tmp_path: Path) -> None:
    store = tmp_path / "store.git"
    imported(store, [ImportedFile("old", "100644", b"")])
    assert listed(store, imported(store, [ImportedFile("new", "100644", b"x")])) == {"new": ("100644", b"x")}
    assert git(store, "rev-list", "--count", "refs/sources/zip") == "1"


PART = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\\\0"), min_size=1, max_size=8).filter(
    lambda part: part.lower() not in (".", "..", ".git")
)
CONTENT = st.tuples(st.sampled_from([0o100644, 0o100755, 0o120777]), st.binary(max_size=200))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(files=st.dictionaries(st.lists(PART, min_size=1, max_size=3).map("/".join), CONTENT, min_size=1, max_size=6))
def test_whatever_a_zip_holds_lies_in_the_commit(files: dict[str, tuple[int, bytes]], tmp_path_factory: pytest.TempPathFactory) -> None:
    assume(not any(other.startswith(f"{name}/") for name in files for other in files))
    folder = tmp_path_factory.mktemp("zip")
    path = zipped(folder / "zip", *((member(f"top/{name}", mode), content) for name, (mode, content) in files.items()))
    commit = imported(folder / "store.git", read_zip(path, "mod_board"))
    expected = {
        name: ({0o100644: "100644", 0o100755: "100755", 0o120777: "120000"}[mode], content) for name, (mode, content) in files.items()
    }
    assert listed(folder / "store.git", commit) == expected


# From elsewhere


@pytest.fixture(autouse=True)
def nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


SUM = hashlib.sha256(SOME).hexdigest()


def brought(where: str, target: Path, sha256: str = SUM, offline: bool = False) -> Path:
    target.mkdir(exist_ok=True)
    return download_zip(where, sha256, offline, target, timeout=0.3, sleep=lambda _seconds: None)


def refused(where: str, target: Path, sha256: str = SUM, offline: bool = False) -> str:
    with pytest.raises(MoodleError) as failure:
        brought(where, target, sha256, offline)
    assert list(target.iterdir()) == []
    assert "\n" not in failure.value.message
    return failure.value.message


def test_a_zip_comes_from_a_url_or_a_path(tmp_path: Path) -> None:
    local = tmp_path / "a b%41.zip"
    local.write_bytes(SOME)
    with Loopback(replies(SOME)) as server:
        for number, where in enumerate((f"{server.url}/board.zip", str(local), local.as_uri())):
            path = brought(where, tmp_path / str(number), SUM.upper())
            assert path == tmp_path / str(number) / f"{SUM}.zip"
            assert (path.read_bytes(), list(path.parent.iterdir())) == (SOME, [path])
    assert paths(path) == ["lang/en/\u00e9", "link", "version.php"]
    assert local.read_bytes() == SOME


@pytest.mark.parametrize("answer", [replies(b"", 503), breaks_off(SOME), breaks_off_in_a_chunk(SOME), lambda handler: None])
def test_a_download_that_breaks_is_begun_again(answer: Answer, tmp_path: Path) -> None:
    with Loopback(answer, answer, replies(SOME)) as server:
        assert brought(server.url, tmp_path / "t").read_bytes() == SOME


@pytest.mark.parametrize("other", [SOME[:-1], SOME + b"x", b""])
def test_another_zip_than_the_declared_one_is_not_kept(other: bytes, tmp_path: Path) -> None:
    (tmp_path / "zip").write_bytes(other)
    found = hashlib.sha256(other).hexdigest()
    words = f"is not the one that was declared: its SHA-256 is {found}, 'sha256' says {SUM}."
    with Loopback(replies(other)) as server:
        assert refused(server.url, tmp_path / "t").endswith(words)
        assert len(server.asked) == 1
    assert refused(str(tmp_path / "zip"), tmp_path / "t").endswith(words)


def test_a_login_page_instead_of_the_zip_is_called_one(tmp_path: Path) -> None:
    with Loopback(replies(b"\n <!DOCTYPE html>")) as server:
        assert refused(server.url, tmp_path / "t").endswith("; it is a web page, as a login is.")


@pytest.mark.parametrize(
    ("answer", "reason"), [(replies(b"", 401), "401"), (replies(b"", 403), "403"), (replies(b"", 404), "does not exist")]
)
def test_a_zip_that_cannot_be_had_is_named_without_secrets(answer: Answer, reason: str, tmp_path: Path) -> None:
    with Loopback(answer) as server:
        message = refused(server.url.replace("://", "://me:hunter2@") + "/board.zip?token=t0ken", tmp_path / "t")
    assert reason in message
    assert "/board.zip" in message
    assert "hunter2" not in message
    assert "t0ken" not in message


def test_a_zip_that_is_too_large_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_source, "LARGEST", len(SOME) - 1)
    (tmp_path / "zip").write_bytes(SOME)
    with Loopback(replies(SOME)) as server:
        assert "larger than" in refused(server.url, tmp_path / "t")
    assert "larger than" in refused(str(tmp_path / "zip"), tmp_path / "t")


def test_offline_a_path_will_do_and_a_url_will_not(tmp_path: Path) -> None:
    (tmp_path / "zip").write_bytes(SOME)
    assert brought(str(tmp_path / "zip"), tmp_path / "t", offline=True).read_bytes() == SOME
    with Loopback(replies(SOME)) as server:
        assert "'offline' forbids to fetch it" in refused(server.url, tmp_path / "u", offline=True)
        assert server.asked == []


def test_what_is_no_file_is_said_so(tmp_path: Path) -> None:
    for where in (tmp_path, tmp_path / "none", Path("/dev/zero")):
        assert "is not there, or is no file" in refused(str(where), tmp_path / "t")
    with pytest.raises(MoodleError, match="could not be written to"):
        download_zip(str(tmp_path), SUM, False, tmp_path / "none")
