# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deliveries from Subversion, CVS and archives: real servers, real files, and all the states that a delivery from Git has."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import itertools
import json
import lzma
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.awx import launch
from support.delivery_root import NEW, OLD, Root
from support.other_controls import Cvs, Pserver, Subversion, SvnServe, rsh
from support.repositories import call_module, git, listing

from ansible_collections.lms.moodle.plugins.module_utils.delivery import archive_file, programs

Call = dict[str, Any]
Feed = Callable[[Mapping[str, str]], Call]


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "one")


@pytest.fixture
def other(tmp_path: Path) -> Root:
    return Root(tmp_path / "another")


@pytest.fixture
def svn(tmp_path: Path) -> Subversion:
    return Subversion(tmp_path)


@pytest.fixture
def cvs(tmp_path: Path) -> Cvs:
    return Cvs(tmp_path)


def tarred(path: Path, files: Mapping[str, str], top: str = "moodle/", mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            add(archive, f"{top}{name.rstrip('@*')}", content, 0o755 if name.endswith("*") else 0o644, name.endswith("@"))
    return path


def add(archive: tarfile.TarFile, name: str, content: str = "", mode: int = 0o644, link: bool = False, **more: Any) -> None:
    info = tarfile.TarInfo(name)
    info.mode = mode
    if link:
        info.type, info.linkname = tarfile.SYMTYPE, content
    else:
        info.size = len(content.encode())
    for key, value in more.items():
        setattr(info, key, value)
    archive.addfile(info, None if link else io.BytesIO(content.encode()))


def zipped(path: Path, files: Mapping[str, str], top: str = "moodle/") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(f"{top}{name.rstrip('@*')}")
            info.create_system, info.compress_type = 3, zipfile.ZIP_DEFLATED
            info.external_attr = (0o120777 if name.endswith("@") else 0o100755 if name.endswith("*") else 0o100644) << 16
            archive.writestr(info, content)
    return path


@pytest.fixture(params=["svn", "cvs", "tar", "zip"])
def feed(request: pytest.FixtureRequest, tmp_path: Path) -> Feed:
    """Puts files into a source and says how they are asked for."""
    number = iter(range(9))
    # CVS knows no symbolic links; in neither can one commit make a file of a directory.
    left_out = {"svn": ["turn", "turn/into/file"], "cvs": ["link@", "turn", "turn/into/file"]}.get(request.param, [])
    control = "svn" if request.param == "svn" else "cvs" if request.param == "cvs" else "archive"
    repository: Any = {"svn": Subversion, "cvs": Cvs}[control](tmp_path) if control != "archive" else None

    def put(files: Mapping[str, str]) -> Call:
        kept = {name: content for name, content in files.items() if name not in left_out}
        name = f"RELEASE_{next(number)}"
        if control == "svn":
            call = {"revision": repository.commit(kept), "repository": repository.url}
        elif control == "cvs":
            repository.commit(kept, tag=name)
            call = {"revision": name, "repository": f"{repository.path}#moodle"}
        else:
            path = tmp_path / f"{name}.{request.param}"
            call = {"repository": str((tarred if request.param == "tar" else zipped)(path, kept))}
        return {**call, "source_control": control, "_served": kept}

    return put


def asked(call: Call, **more: Any) -> Call:
    return {key: value for key, value in {**call, **more}.items() if key != "_served"}


def test_a_delivery_from_each_source_goes_all_the_way(root: Root, other: Root, feed: Feed) -> None:
    old, new = feed(OLD), feed(NEW)
    predicted = root.done("live", **asked(old), check=True)
    assert predicted["changed"]
    assert not root.path.exists()
    first = root.done("live", **asked(old))
    assert first["swapped"]
    assert predicted["revision"] in ("", first["revision"])
    assert root.served() == old["_served"]
    root.done("live", **asked(old), good=True)

    before = listing(root.path)
    assert not root.done("live", **asked(old), check=True)["changed"]
    assert listing(root.path) == before
    assert not root.done("live", **asked(old))["changed"]
    commits = git(root.path / ".delivery/repo.git", "rev-list", "--all")
    assert commits == first["revision"]

    staged = root.done("updated", **asked(new))
    assert root.served() == old["_served"]
    assert set(staged["files"]["added"]) == {"lib/new.php"} | ({"turn"} & set(new["_served"]))
    root.done("live", staged["revision"], repository=None)
    assert root.served() == new["_served"]
    assert not root.done("live", **asked(new))["changed"]

    root.done("rolled_back")
    assert root.served() == old["_served"]

    # The same content and revision are the same commit on every host.
    for call, revision in ((new, staged["revision"]), (old, first["revision"])):
        assert other.done("live", **asked(call))["revision"] == revision
    assert git(root.path / ".delivery/repo.git", "fsck", "--strict", "--no-dangling") == ""


def words(root: Root, result: Mapping[str, Any]) -> str:
    return git(root.path / ".delivery/repo.git", "log", "-1", "--format=%an <%ae> %ct %s", result["revision"])


# Subversion


PROPERTIES = {
    "keys.php": {"svn:keywords": "Id HeadURL"},
    "dos.txt": {"svn:eol-style": "CRLF"},
    "native.txt": {"svn:eol-style": "native"},
}


def test_files_come_as_subversion_stores_them(root: Root, svn: Subversion) -> None:
    files = {"keys.php": "$Id$ $HeadURL$", "dos.txt": "a\r\nb\r\n", "native.txt": "a\nb\n", "at@1 %41 é/x#?.php": "x", "empty": ""}
    big = {"big.php": "".join(f"line {number}\n" for number in range(40000)), "same.php": "ab" * 200_000}
    svn.commit({**files, **big, "run*": "x", "link@": "../outside"}, PROPERTIES)
    result = root.done("live", "HEAD", source_control="svn", repository=svn.url)
    assert root.served() is not None
    served = {path: (root.path / "current" / path).read_bytes() for path in [*files, *big]}
    assert served == {path: content.encode() for path, content in {**files, **big}.items()}
    assert (root.path / "current/link").readlink() == Path("../outside")
    assert os.access(root.path / "current/run", os.X_OK)
    when = git(root.path / ".delivery/repo.git", "log", "-1", "--format=%ct", result["revision"])
    assert words(root, result) == f"lms.moodle <lms.moodle@localhost> {when} Imported from Subversion: {svn.url}, r2"
    assert abs(int(when) - time.time()) < 600


def test_a_commit_elsewhere_in_the_repository_changes_nothing(root: Root, svn: Subversion) -> None:
    svn.commit({"version.php": "1"})
    root.done("live", "HEAD", source_control="svn", repository=svn.url)
    subprocess.run(["svn", "mkdir", "-q", "-m", "more", f"{svn.path.as_uri()}/elsewhere"], check=True)
    for revision in ("HEAD", svn.youngest(), "{2100-01-01}"):
        assert not root.done("live", revision, source_control="svn", repository=svn.url)["changed"]
    assert not root.done("live", "HEAD", source_control="svn", repository=f"{svn.url}//")["changed"]


def test_a_directory_that_is_gone_today_is_delivered_as_it_was(root: Root, svn: Subversion) -> None:
    svn.commit({"version.php": "1"})
    branch = f"{svn.path.as_uri()}/project/br@nch"
    subprocess.run(["svn", "copy", "-q", "-m", "branch", svn.url, f"{branch}@"], check=True)
    number = svn.youngest()
    subprocess.run(["svn", "remove", "-q", "-m", "gone", f"{branch}@"], check=True)
    root.done("live", number, source_control="svn", repository=branch)
    assert root.served() == {"version.php": "1"}
    assert "r" in (message := root.refused("live", "HEAD", source_control="svn", repository=branch))
    assert message.startswith(f"Could not read {branch.replace('@', '%40')} at revision HEAD: svn: ")
    assert root.served() == {"version.php": "1"}


@pytest.mark.parametrize("path", [".", "lib"])
def test_externals_are_refused_by_name(root: Root, svn: Subversion, path: str) -> None:
    svn.commit({"lib/a.php": "1"}, {path: {"svn:externals": "ext svn://127.0.0.1:9/nobody"}})
    message = root.refused("live", "HEAD", source_control="svn", repository=svn.url)
    assert f"(svn:externals on {'the directory itself' if path == '.' else 'lib'})" in message
    assert root.linked() is None
    whole = root.refused("live", "HEAD", source_control="svn", repository=svn.path.as_uri())
    assert "(svn:externals on project/trunk" in whole


def test_properties_of_the_repository_itself_are_seen(root: Root, svn: Subversion) -> None:
    svn.commit({"a.php": "1"})
    subprocess.run(["svn", "checkout", "-q", "--depth=empty", svn.path.as_uri(), str(root.folder / "top")], check=True)
    subprocess.run(["svn", "propset", "-q", "svn:externals", "ext svn://127.0.0.1:9/x", "."], cwd=root.folder / "top", check=True)
    subprocess.run(["svn", "commit", "-q", "-m", "top"], cwd=root.folder / "top", check=True)
    message = root.refused("live", "HEAD", source_control="svn", repository=svn.path.as_uri())
    assert "(svn:externals on the directory itself)" in message


@pytest.mark.parametrize(
    ("url", "revision", "reason"),
    [
        ("trunk", "999", "No such revision 999"),
        ("trunk/version.php", "HEAD", "is a file: name the directory"),
        ("nowhere", "HEAD", "nowhere"),
        ("trunk", "{1999-01-01}", "non-existent in revision 0"),
    ],
)
def test_what_is_not_there_is_said(root: Root, svn: Subversion, url: str, revision: str, reason: str) -> None:
    svn.commit({"version.php": "1"})
    assert reason in root.refused("live", revision, source_control="svn", repository=f"{svn.path.as_uri()}/project/{url}")


def stored_password(home: Path, server: SvnServe, password: str) -> None:
    """As `svn` keeps it when it is asked to."""
    realm = f"<svn://127.0.0.1:{server.port}> tests"
    pairs = {"passtype": "simple", "password": password, "svn:realmstring": realm, "username": "deploy"}
    folder = home / ".subversion/auth/svn.simple"
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(f"K {len(key)}\n{key}\nV {len(value)}\n{value}\n" for key, value in pairs.items())
    (folder / hashlib.md5(realm.encode(), usedforsecurity=False).hexdigest()).write_text(f"{text}END\n")


def test_a_server_with_a_password_is_read_with_what_subversion_has_stored(
    root: Root, other: Root, svn: Subversion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    svn.commit(OLD)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with SvnServe(svn, "hunter2") as server:
        message = root.refused("live", "HEAD", source_control="svn", repository=server.url)
        assert message.startswith(f"Could not read {server.url} at revision HEAD: svn: ")
        assert message.endswith("Can't get username or password")
        stored_password(tmp_path / "home", server, "hunter2")
        result = root.done("live", "HEAD", source_control="svn", repository=server.url)
        assert root.served() == OLD
        assert words(root, result).endswith(f"Imported from Subversion: {server.url}, r2")
        # The user is not part of what was delivered.
        again = other.done("live", "2", source_control="svn", repository=server.url.replace("://", "://deploy@"))
        assert again["revision"] == result["revision"]
        stored_password(tmp_path / "home", server, "wrong")
        assert "Could not read" in root.refused("live", "HEAD", source_control="svn", repository=server.url)
    assert "Could not read" in root.refused("live", "HEAD", source_control="svn", repository=server.url)
    assert root.served() == OLD


@pytest.fixture
def silent() -> Iterator[int]:
    """A port of a server that takes every call and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]  # the system itself takes the calls


@pytest.mark.parametrize(
    ("control", "place"),
    [("svn", "svn://127.0.0.1:{}/x"), ("svn", "http://127.0.0.1:{}/x"), ("cvs", ":pserver:me:hunter2@127.0.0.1:{}/x#m")],
)
def test_a_silent_server_is_given_up(root: Root, silent: int, monkeypatch: pytest.MonkeyPatch, control: str, place: str) -> None:
    monkeypatch.setattr(programs, "PATIENCE", 0.5)
    started = time.monotonic()
    message = root.refused("live", "HEAD", source_control=control, repository=place.format(silent))
    assert message.startswith("Could not read ")
    assert message.endswith("nothing came for 0.5 s.")
    assert "hunter2" not in message
    assert time.monotonic() - started < 10
    assert list((root.path / ".delivery/repo.git").glob("incoming-*")) == []


@pytest.mark.parametrize(("control", "place", "package"), [("svn", "svn://h/x", "subversion"), ("cvs", "/srv/cvs#m", "cvs")])
def test_a_missing_program_is_named_with_its_package(
    root: Root, monkeypatch: pytest.MonkeyPatch, control: str, place: str, package: str
) -> None:
    programs_here = root.folder / "bin"
    programs_here.mkdir()
    for name in ("git", "sync"):
        (programs_here / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs_here))
    message = root.refused("live", "HEAD", source_control=control, repository=place)
    assert message.startswith(f"Could not read {place} at ")
    assert message.endswith(f": this host has no program '{control}': install it (Debian: apt-get install {package}).")


# CVS

KEYWORDS = "$Id: a.php,v 1.1 2001/01/01 00:00:00 me Exp $ $Name: old $ $Source$\r\n"


def test_cvs_changes_no_byte(root: Root, cvs: Cvs) -> None:
    files = {"a.php": KEYWORDS, "sub/b.bin": f"\1{KEYWORDS}", "sub/c.bin": f"\2{KEYWORDS}", "run*": "x"}
    cvs.commit(files, tag="ONE", binary=("sub/c.bin",))
    result = root.done("live", "ONE", source_control="cvs", repository=f"{cvs.path}#moodle")
    assert {path: (root.path / "current" / path).read_bytes().decode() for path in files if path != "run*"} == {
        path: content for path, content in files.items() if path != "run*"
    }
    assert os.access(root.path / "current/run", os.X_OK)
    assert words(root, result).endswith(f" Imported from CVS: {cvs.path}#moodle, ONE")
    # A part of it is a module too.
    root.done("live", "ONE", source_control="cvs", repository=f"{cvs.path}#moodle/sub")
    assert root.served() == {"b.bin": f"\1{KEYWORDS}".replace("\r\n", "\n"), "c.bin": f"\2{KEYWORDS}".replace("\r\n", "\n")}


def test_a_tag_that_moves_a_branch_and_a_date(root: Root, cvs: Cvs) -> None:
    place = {"source_control": "cvs", "repository": f"{cvs.path}#moodle"}
    cvs.commit({"version.php": "1"}, tag="LIVE")
    cvs.cvs("tag", "-b", "STABLE", cwd=cvs.work)
    first = root.done("live", "LIVE", **place)
    time.sleep(1.1)
    between = time.strftime("{%Y-%m-%dT%H:%M:%S}", time.gmtime())
    time.sleep(1.1)
    cvs.commit({"version.php": "2"}, tag="LIVE")
    assert root.done("live", "LIVE", **place, check=True)["changed"]
    assert root.done("live", "LIVE", **place)["changed"]
    assert root.served() == {"version.php": "2"}
    for revision, content in (("STABLE", "1"), ("HEAD", "2"), (between, "1")):
        root.done("live", revision, **place)
        assert root.served() == {"version.php": content}
    root.done("live", first["revision"])
    assert not root.done("live", "STABLE", **place)["changed"]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """For a server that works as another user: pytest's own folders are closed to him."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_cvs_over_the_network_makes_the_same_commit_and_shows_no_password(
    root: Root, other: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_folder: Path
) -> None:
    cvs = Cvs(open_folder)
    cvs.commit({"version.php": "1", "run*": "x", "lib/a.php": KEYWORDS}, tag="ONE")
    monkeypatch.setenv("CVS_RSH", rsh(tmp_path))
    over_ssh = root.done("live", "ONE", source_control="cvs", repository=f":ext:me@127.0.0.1:{cvs.path}#moodle")
    crypted = subprocess.run(["openssl", "passwd", "-1", "hunter2"], capture_output=True, check=True).stdout.decode().strip()
    with Pserver(cvs, "me", crypted) as server:
        place = f":pserver:me:{{}}@127.0.0.1:{server.port}{cvs.path}#moodle"
        with_password = other.done("live", "ONE", source_control="cvs", repository=place.format("hunter2"))
        assert with_password["revision"] == over_ssh["revision"]
        assert words(other, with_password).endswith(f"Imported from CVS: 127.0.0.1:{cvs.path}#moodle, ONE")
        # As Ansible calls it: the parameters come back with the result.
        arguments = {"path": str(other.path), "state": "live", "source_control": "cvs"}
        for password, wrong in (("hunter2", False), ("hunter3", True)):
            result = call_module("moodle_delivery", {**arguments, "revision": "ONE", "repository": place.format(password)})
            assert result.get("failed", False) is wrong
            assert password not in json.dumps(result)
    kept = (path.read_bytes() for path in other.path.rglob("*") if path.is_file())
    assert not any(b"hunter2" in content for content in kept)


@pytest.mark.parametrize(("revision", "module"), [("NOPE", "moodle"), ("HEAD", "nope"), ("{1999-01-01}", "moodle")])
def test_what_cvs_does_not_have_is_said(root: Root, cvs: Cvs, revision: str, module: str) -> None:
    cvs.commit({"version.php": "1"})
    message = root.refused("live", revision, source_control="cvs", repository=f"{cvs.path}#{module}")
    assert f"{cvs.path}#{module} at {revision}" in message


def test_no_program_that_a_repository_names_is_run(root: Root, cvs: Cvs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cvs.commit({"version.php": "1"})
    program = tmp_path / "evil"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/run\n")
    program.chmod(0o755)
    (cvs.path / "CVSROOT/modules").chmod(0o644)
    (cvs.path / "CVSROOT/modules").write_text(f"site -e {program} -o {program} moodle\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".cvsrc").write_text("export -kv\n")
    root.done("live", "HEAD", source_control="cvs", repository=f"{cvs.path}#site")
    assert root.served() == {"version.php": "1"}
    assert not (tmp_path / "run").exists()
    subprocess.run(["cvs", "-Q", "-d", str(cvs.path), "export", "-r", "HEAD", "-d", "x", "site"], cwd=tmp_path, check=True)
    assert (tmp_path / "run").exists(), "the repository was not what this test is about"


# Archives


def archived(root: Root, path: Path, **more: Any) -> dict[str, Any]:
    return root.done("live", source_control="archive", repository=str(path), **more)


def refused(root: Root, path: Path, **more: Any) -> str:
    message = root.refused("live", source_control="archive", repository=str(path), **more)
    assert root.linked() is None
    assert git(root.path / ".delivery/repo.git", "for-each-ref") == ""
    assert list((root.path / ".delivery/repo.git").glob("incoming-*")) == []
    return message


EACH_KIND = [*itertools.product(["w", "w:gz", "w:bz2", "w:xz"], ["", "moodle/", "./", "./moodle/"]), ("zip", ""), ("zip", "moodle/")]


@pytest.mark.parametrize(("mode", "top"), EACH_KIND)
def test_an_archive_of_each_kind(root: Root, tmp_path: Path, mode: str, top: str) -> None:
    path = zipped(tmp_path / "a", OLD, top) if mode == "zip" else tarred(tmp_path / "a", OLD, top, mode)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    result = archived(root, path, revision=sha256)
    assert root.served() == OLD
    assert words(root, result) == f"lms.moodle <lms.moodle@localhost> 0 Imported from an archive with the SHA-256 {sha256}"
    path.unlink()
    assert not archived(root, path, revision=sha256.upper())["changed"]
    assert not archived(root, path, revision=sha256, check=True)["changed"]


@pytest.mark.parametrize("options", [["--format=gnu"], ["--format=pax"], ["--format=ustar"], ["--sparse", "--format=gnu"]])
def test_what_tar_itself_writes(root: Root, tmp_path: Path, options: list[str]) -> None:
    work = tmp_path / "moodle"
    (work / "lib" / ("d" * 90)).mkdir(parents=True)
    (work / "empty").mkdir()
    (work / "lib" / ("d" * 90) / "file.php").write_text("long")
    (work / "hole").write_bytes(b"x" + bytes(300_000) + b"y")
    (work / "link").symlink_to("hole")
    os.link(work / "hole", work / "twin")
    subprocess.run(["tar", "-C", str(tmp_path), *options, "-cf", str(tmp_path / "a.tar"), "moodle"], check=True)
    archived(root, tmp_path / "a.tar")
    current = root.path / "current"
    for path in ("hole", "twin", "link"):
        assert (current / path).read_bytes() == (work / "hole").read_bytes()
    assert (current / "lib" / ("d" * 90) / "file.php").read_text() == "long"
    assert not (current / "empty").exists()


def test_git_and_archives_of_it_make_the_same_tree(root: Root, tmp_path: Path) -> None:
    tree = git(root.source.path, "rev-parse", "old^{tree}")
    for kind in ("tar.gz", "zip"):
        path = tmp_path / f"a.{kind}"
        git(root.source.path, "archive", "--prefix=moodle-4.5/", f"--output={path}", "old")
        assert archived(root, path)["tree"] == tree
    assert git(root.path / ".delivery/repo.git", "rev-list", "--count", "--all") == "2"


@pytest.mark.parametrize(
    "name", ["/etc/x", "m/../../x", "m/../x", "../x", "m/.git/config", "m/.GIT/hooks/x", ".git", "m//x", "m/./x", "m\\x"]
)
@pytest.mark.parametrize("kind", [tarred, zipped])
def test_a_path_that_leads_elsewhere_is_refused_by_name(root: Root, tmp_path: Path, kind: Callable[..., Path], name: str) -> None:
    path = kind(tmp_path / "a", {"m/version.php": "1", name: "x"}, "")
    assert f"{path} is refused: the path {name!a} is not safe to unpack." in refused(root, path)


@pytest.mark.parametrize("target", ["/etc/passwd", "../x", "../../x", "lib/../../x", "lib/..", ""])
@pytest.mark.parametrize("kind", [tarred, zipped])
def test_a_link_that_leads_out_is_refused_by_name(root: Root, tmp_path: Path, kind: Callable[..., Path], target: str) -> None:
    path = kind(tmp_path / "a", {"version.php": "1", "link@": target})
    message = refused(root, path)
    assert f"{path} is refused: 'link' is a link to {target!a}, which leads out of the archive or may do so." == message


def test_a_link_that_stays_inside_is_kept(root: Root, tmp_path: Path) -> None:
    files = {"a/b/up@": "../../lib", "lib/x": "1", "here@": "a/b/up/x"}
    for kind in (tarred, zipped):
        archived(root, kind(tmp_path / "a", files))
        assert {**files, "lib/x": "1"}.items() <= (root.served() or {}).items()


@pytest.mark.parametrize("kind", [tarred, zipped])
def test_a_file_below_a_link_or_a_file_is_refused_by_name(root: Root, tmp_path: Path, kind: Callable[..., Path]) -> None:
    for first in ("lib@", "lib"):
        message = refused(root, kind(tmp_path / "a", {"version.php": "1", first: "/etc", "lib/x": "x"}))
        assert "'moodle/lib' is a file and a directory in it" in message


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_is_refused_by_name(root: Root, tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a", "w") as archive:
        add(archive, "moodle/version.php", "1")
        add(archive, "moodle/dev", type=kind)
    assert "'moodle/dev' is neither a file nor a directory nor a link" in refused(root, tmp_path / "a")


def test_the_same_path_twice_is_refused_by_name(root: Root, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a", "w") as archive:
        for content in "12":
            add(archive, "moodle/version.php", content)
    assert "'moodle/version.php' is in it twice" in refused(root, tmp_path / "a")
    with zipfile.ZipFile(tmp_path / "b", "w") as zipped_archive, pytest.warns(UserWarning, match="Duplicate"):
        for content in "12":
            zipped_archive.writestr("moodle/version.php", content)
    assert "'moodle/version.php' is in it twice" in refused(root, tmp_path / "b")


@pytest.mark.parametrize("target", ["moodle/later", "/etc/passwd", "../x", "moodle/soft", "moodle"])
def test_a_hard_link_to_anything_but_a_file_before_it_is_refused_by_name(root: Root, tmp_path: Path, target: str) -> None:
    with tarfile.open(tmp_path / "a", "w") as archive:
        add(archive, "moodle/soft", "later", link=True)
        add(archive, "moodle/hard", type=tarfile.LNKTYPE, linkname=target)
        add(archive, "moodle/later", "1")
    assert f"'moodle/hard' is a link to {target!a}, which is no file before it" in refused(root, tmp_path / "a")


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "zip"])
def test_a_bomb_is_refused_before_it_is_unpacked(root: Root, tmp_path: Path, mode: str) -> None:
    files = {"zeros": "\0" * (20 << 20)}
    path = zipped(tmp_path / "a", files) if mode == "zip" else tarred(tmp_path / "a", files, mode=mode)
    assert "times as large, more than 200 times" in refused(root, path)


def test_an_archive_that_says_to_be_endless_is_refused_at_once(root: Root, tmp_path: Path) -> None:
    for size, reason in ((1 << 40, "unpacked it would be"), (1 << 24, "is damaged")):
        info = tarfile.TarInfo("moodle/x")
        info.size = size
        (tmp_path / "a").write_bytes(info.tobuf() + bytes(200_000))
        assert reason in refused(root, tmp_path / "a")
    folder = tarfile.TarInfo("moodle/")
    folder.type = tarfile.DIRTYPE
    (tmp_path / "a").write_bytes(gzip.compress(folder.tobuf() * 100_000 + bytes(1024)))
    assert "times as large" in refused(root, tmp_path / "a")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_a_name_that_fills_the_memory_is_refused(root: Root, tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        info = tarfile.TarInfo("long")
        info.type, info.size = kind, 8 << 20
        (tmp_path / "a").write_bytes(pack(info.tobuf() + b"x" * (8 << 20) + bytes(1024)))
        assert "a head of 8388608 bytes" in refused(root, tmp_path / "a")


def test_more_than_there_is_room_for_is_refused(root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = (1 << 40, 1 << 40, 2 << 20)
    monkeypatch.setattr(archive_file.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": used[2]}))
    path = tarred(tmp_path / "a", {"x": "x" * (3 << 20)})
    assert "unpacked it would be 3 MB, more than 2" in refused(root, path)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz", "zip"])
def test_a_damaged_archive_is_never_taken_for_a_whole_one(root: Root, tmp_path: Path, mode: str) -> None:
    files = {f"lib/{number}.php": hashlib.sha256(str(number).encode()).hexdigest() * 40 for number in range(40)}
    path = zipped(tmp_path / "a", files) if mode == "zip" else tarred(tmp_path / "a", files, mode=mode)
    whole = path.read_bytes()
    end = len(whole.rstrip(b"\0"))
    for cut in range(1, 40):
        path.write_bytes(whole[: end * cut // 40])
        assert str(path) in refused(root, path)
    if mode == "w":  # a head in the middle
        for offset in (tarfile.BLOCKSIZE * 6, tarfile.BLOCKSIZE * 12):
            path.write_bytes(whole[:offset] + b"\xff" * 10 + whole[offset + 10 :])
            assert "is damaged: it ends after" in refused(root, path)
    for offset in range(0, len(whole), len(whole) // 30) if mode != "w" else ():
        path.write_bytes(whole[:offset] + bytes([whole[offset] ^ 0x55]) + whole[offset + 1 :])
        result = root.call("live", source_control="archive", repository=str(path))
        if not result.get("failed"):  # a byte that says nothing about the content; in a zip, nothing proves the mode
            assert {name.rstrip("*"): content for name, content in (root.served() or {}).items()} == files
            root.path.rename(tmp_path / f"served-{offset}")


def test_what_follows_the_end_is_refused(root: Root, tmp_path: Path) -> None:
    path = tarred(tmp_path / "a", OLD, mode="w")
    path.write_bytes(path.read_bytes() + bytes(2 << 20))
    assert "something follows its end" in refused(root, path)


@pytest.mark.parametrize("data", [b"", b"<html>Log in</html>", b"PK", b"\x1f\x8b", bytes(10240), b"x" * 10240])
def test_what_is_no_archive_is_said_so(root: Root, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    message = refused(root, tmp_path / "a")
    assert str(tmp_path / "a") in message
    assert "no file in it" in message or "or no " in message or "is empty" in message


def test_another_archive_than_the_one_that_was_asked_for_is_refused(root: Root, tmp_path: Path) -> None:
    path = tarred(tmp_path / "a", OLD)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert refused(root, path, revision="0" * 64) == (
        f"{path} is not the archive that was asked for: its SHA-256 is {found}, 'revision' says {'0' * 64}."
    )
    assert "is not there, or is no file" in refused(root, tmp_path / "none", revision="0" * 64)
    for place in (tmp_path / "none", tmp_path):
        assert "is not there, or is no file" in root.refused("live", source_control="archive", repository=str(place))


# As a job


def test_a_job_delivers_an_archive_that_it_copies_to_a_host_that_reaches_nothing(tmp_path: Path) -> None:
    site = tmp_path / "site"
    variables = {"moodle_path": str(site), "moodle_source_control": "archive", "moodle_web_user": ""}
    groups = {"moodle_web": {"hosts": {"web1": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}}

    def job(name: str, files: Mapping[str, str], cmdline: str = "") -> Any:
        path = tarred(tmp_path / f"{name}.tar.gz", files)
        return launch(tmp_path / f"job-{name}", "deliver", groups, {**variables, "moodle_bundle": str(path)}, cmdline)

    checked = job("checked", OLD, "--check")
    assert checked.status == "successful", checked.log
    assert "would serve a new release" in checked.log
    assert not site.exists()
    for name, files, changed in (("one", OLD, True), ("again", OLD, False), ("two", NEW, True)):
        done = job(name, files)
        assert done.status == "successful", done.log
        assert any(result["changed"] for result in done.results("moodle_delivery")) is changed
        assert (site / "current/version.php").read_text() == files["version.php"]


def test_a_job_delivers_from_subversion(tmp_path: Path, svn: Subversion) -> None:
    site = tmp_path / "site"
    groups = {"moodle_web": {"hosts": {"web1": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}}
    variables = {"moodle_path": str(site), "moodle_source_control": "svn", "moodle_web_user": "", "moodle_revision": "HEAD"}
    for name, files in (("old", OLD), ("new", NEW)):
        svn.commit(files)
        done = launch(tmp_path / name, "deliver", groups, {**variables, "moodle_repository": svn.url})
        assert done.status == "successful", done.log
        assert (site / "current/version.php").read_text() == files["version.php"]
