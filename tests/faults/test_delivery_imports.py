# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An import that ends early, however: what is served stays, nothing half is ever found, and the next call imports afresh."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.delivery_root import NEW, OLD, Root
from support.kills import killed_at
from support.other_controls import Cvs, Subversion, SvnServe
from support.repositories import git, module_command, module_environment, module_input

Call = dict[str, Any]
SIZE = 12_000_000


def archive(path: Path, files: Mapping[str, str | bytes]) -> Call:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"moodle/{name.rstrip('*@')}")
            data = content.encode() if isinstance(content, str) else content
            info.mode, info.size = 0o755 if name.endswith("*") else 0o644, len(data)
            if name.endswith("@"):
                info.type, info.linkname, info.size = tarfile.SYMTYPE, data.decode(), 0
            tar.addfile(info, io.BytesIO(data))
    return {"source_control": "archive", "repository": str(path)}


def in_subversion(folder: Path) -> tuple[Call, dict[str, str]]:
    files = {name: content for name, content in NEW.items() if name != "turn"}
    repository = Subversion(folder)
    return {"source_control": "svn", "revision": repository.commit(files), "repository": repository.url}, files


def in_cvs(folder: Path) -> tuple[Call, dict[str, str]]:
    files = {name: content for name, content in NEW.items() if name not in ("turn", "link@")}
    repository = Cvs(folder)
    repository.commit(files, tag="NEW")
    return {"source_control": "cvs", "revision": "NEW", "repository": f"{repository.path}#moodle"}, files


def in_an_archive(folder: Path) -> tuple[Call, dict[str, str]]:
    return archive(folder / "new.tar", NEW), NEW


def clean(root: Root) -> None:
    repository = root.path / ".delivery/repo.git"
    left = [
        path for pattern in ("incoming-*", "objects/pack/tmp_*", "fast_import_crash_*", "**/*.lock") for path in repository.glob(pattern)
    ]
    assert left == []
    assert git(repository, "fsck", "--strict", "--no-dangling") == ""


# CVS takes a second for each export, so that fewer points are tried.
@pytest.mark.parametrize(("source", "stride"), [(in_subversion, 1), (in_an_archive, 1), (in_cvs, 4)])
def test_an_import_that_is_killed_at_any_point(
    tmp_path: Path, source: Callable[[Path], tuple[Call, dict[str, str]]], stride: int, record_property: Callable[[str, object], None]
) -> None:
    root = Root(tmp_path)
    root.good("old")
    saved = tmp_path / "saved"
    subprocess.run(["cp", "-a", str(root.path), str(saved)], check=True)
    call, files = source(tmp_path)
    point = 1
    while killed_at(point, lambda: root.done("updated", **call)):
        assert root.served() == OLD, f"killed at write {point}"
        result = root.done("live", **call, wait=10)  # for Git, which notices a moment later that nobody writes to it any more
        assert root.served() == files, f"killed at write {point}, then called again"
        assert git(root.path / ".delivery/repo.git", "for-each-ref", "--format=%(objectname)", "refs/imports") == result["revision"]
        clean(root)
        subprocess.run(["rm", "-rf", str(root.path)], check=True)
        subprocess.run(["cp", "-a", str(saved), str(root.path)], check=True)
        point += stride
    assert point > 20
    record_property("points", point - 1)


def test_the_module_and_its_git_killed_at_any_moment(tmp_path: Path) -> None:
    """As when a host dies in the middle of the content."""
    root = Root(tmp_path)
    root.good("old")
    call = archive(tmp_path / "big.tar", {"version.php": "2", "big": os.urandom(SIZE)})
    data = module_input({"path": str(root.path), "state": "updated", "holder": "tester", **call})
    killed = 0
    for moment in range(40):
        process = subprocess.Popen(
            module_command("moodle_delivery"),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=module_environment(),
            start_new_session=True,
        )
        assert process.stdin
        process.stdin.write(data)
        process.stdin.close()
        time.sleep(0.1 + moment * 0.04)
        if process.poll() is None:
            killed += 1
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert root.served() == OLD
    assert killed > 5
    root.done("live", **call, wait=10)
    assert (root.path / "current/big").stat().st_size == SIZE
    clean(root)


@contextlib.contextmanager
def cut_after(port: int, most: int) -> Iterator[int]:
    """A port that leads to another, until so many bytes have come back."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = server.accept()
                far = socket.create_connection(("127.0.0.1", port))
                threading.Thread(target=forward, args=(near, far, 1 << 60), daemon=True).start()
                threading.Thread(target=forward, args=(far, near, most), daemon=True).start()

    def forward(source: socket.socket, sink: socket.socket, left: int) -> None:
        with contextlib.suppress(OSError):
            while left > 0 and (data := source.recv(min(left, 4096))):
                sink.sendall(data)
                left -= len(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_a_line_that_breaks_in_the_middle_of_a_revision(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.good("old")
    repository = Subversion(tmp_path)
    files = {f"lib/{number}.php": os.urandom(2000).hex() for number in range(40)}
    repository.commit(files)
    call: Call = {"source_control": "svn", "revision": "HEAD"}
    with SvnServe(repository) as server:
        for most in (1, 300, 900, 3000, 20_000, 60_000, 120_000):
            with cut_after(server.port, most) as port:
                place = server.url.replace(str(server.port), str(port))
                assert root.refused("live", **call, repository=place).startswith(f"Could not read {place} at revision HEAD: svn")
            assert root.served() == OLD
            assert git(root.path / ".delivery/repo.git", "for-each-ref", "refs/imports") == ""
            clean(root)
        root.done("live", **call, repository=server.url)
    assert root.served() == files


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk: a full disk was not tried")
def test_a_full_disk_leaves_nothing_of_an_import(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,mode=0755", "tmpfs", str(root.path)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here: a full disk was not tried")
    try:
        root.good("old")
        repository = Subversion(tmp_path)
        repository.commit({"big": os.urandom(SIZE).hex()})
        place: Call = {"source_control": "svn", "revision": "HEAD", "repository": repository.url}
        for _turn in range(2):
            message = root.refused("live", **place)
            assert "No space left" in message or "write" in message, message
            assert root.served() == OLD
            clean(root)
        message = root.refused("live", **archive(tmp_path / "big.tar", {"big": os.urandom(SIZE)}))
        assert "unpacked it would be 11 MB, more than " in message
        subprocess.run(["mount", "-o", "remount,size=128m", str(root.path)], check=True)
        root.done("live", **place)
    finally:
        subprocess.run(["umount", "--lazy", str(root.path)], check=True)
