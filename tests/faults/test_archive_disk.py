# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A storage or a platform's temporary folder that is full, beforehand or in the middle: said in words, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.archiving import Archiving, courses_of, make_archiving, make_tree, marks
from support.mariadb import MariaDB
from support.platforms import Platform

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk: a full storage was not tried")
NAMES = {"law-1", "law-2"}


class Disk:
    """A small file system of its own."""

    def __init__(self, path: Path, size: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "tmpfs", str(path)], check=True)

    @property
    def filler(self) -> Path:
        return self.path / "filler"

    def fill(self) -> None:
        with self.filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"0" * 4096)
            except OSError:
                return

    def script(self, folder: Path) -> Path:
        """A program that fills it, whatever it is given."""
        script = folder / "fill"
        script.write_text(f"#!/bin/sh\ncat /dev/zero >> {self.filler} 2>/dev/null\ntrue\n")
        script.chmod(0o755)
        return script

    def gone(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)


@pytest.fixture(scope="module")
def sites(standin_platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Archiving:
    sites = make_archiving(standin_platform, database_server, tmp_path_factory.mktemp("full"))
    numbers = [sites.source.make_course(name) for name in sorted(NAMES)]
    make_tree(sites.source, {"name": "Law", "idnumber": "law", "courses": numbers})
    return sites


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Disk]:
    disk = Disk(tmp_path / "storage", "4m")
    yield disk
    disk.gone()


@pytest.fixture
def archiving(sites: Archiving, storage: Disk, tmp_path: Path) -> Archiving:
    return replace(sites, storage=storage.path, run=tmp_path.name, warnings=[])


def archived(archiving: Archiving, **wish: Any) -> dict[str, Any]:
    return archiving.ask(archiving.source, "archived", category={"idnumber": "law"}, **wish)


def test_full_storage_stops_backups_before_the_first(archiving: Archiving, storage: Disk) -> None:
    storage.fill()
    said = archived(archiving)["msg"]
    assert "No space left" in said or "make room there first" in said, said
    storage.filler.unlink()
    assert archived(archiving)["finished"]


def test_storage_that_fills_up_while_backups_are_made(archiving: Archiving, storage: Disk, tmp_path: Path) -> None:
    result = archived(archiving, pre_script=str(storage.script(tmp_path)))
    assert result.get("failed"), result
    assert "No space left" in result["msg"] or "left" in result.get("stopped", ""), result["msg"]
    storage.filler.unlink()
    done = archived(archiving)
    assert (done.get("msg"), done["counts"]["backed_up"]) == (None, 2)
    files = {archiving.folder / course["file"] for course in done["courses"]}
    assert {file for file in archiving.folder.rglob("*") if file.is_file() and file.suffix in (".mbz", ".partial")} == files


def test_full_storage_stops_a_removal_before_the_first(archiving: Archiving, storage: Disk) -> None:
    verified = archiving.chain({"idnumber": "law"})
    assert verified["finished"], verified
    storage.fill()
    for state in ("purged", "purged"):
        said = archiving.ask(archiving.source, state, confirm=archiving.run)["msg"]
        assert "No space left" in said, said
        assert set(courses_of(archiving.source)) == NAMES, "what cannot be written down is not done"
    storage.filler.unlink()
    # The course stays for the other tests: it is only asked whether it would go.
    assert archiving.ask(archiving.source, "purged", check=True).get("msg") is None
    archiving.ask(archiving.archive, "purged", side="archive", confirm=archiving.run)


@pytest.mark.parametrize("when", ["beforehand", "in the middle"])
def test_platform_without_room_for_a_restore(archiving: Archiving, tmp_path: Path, when: str) -> None:
    assert archived(archiving)["finished"]
    temporary = Disk(archiving.archive.dataroot / "temp" / "backup", "4m")
    try:
        if when == "beforehand":
            temporary.fill()
            said = archiving.ask(archiving.archive, "restored")["msg"]
            assert "temp folder" in said
        else:
            said = archiving.ask(archiving.archive, "restored", pre_script=str(temporary.script(tmp_path)))["msg"]
        assert ("room" in said or "No space left" in said, courses_of(archiving.archive), marks(archiving.archive)) == (True, {}, []), said
        temporary.filler.unlink()
        done = archiving.ask(archiving.archive, "restored")
        assert (done.get("msg"), set(courses_of(archiving.archive)), marks(archiving.archive)) == (None, NAMES, [])
        assert archiving.ask(archiving.archive, "verified")["finished"]
    finally:
        temporary.gone()
        archiving.ask(archiving.archive, "purged", side="archive", confirm=archiving.run)
    assert courses_of(archiving.archive) == {}
