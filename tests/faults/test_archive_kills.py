# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed at any point: no course is lost meanwhile, and the next call brings each one exactly once to where it was asked.

The kill comes just before each write in turn, and just before each order to PHP; or in the middle of PHP's work.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.archiving import Archiving, courses_of, make_archiving, make_tree, marks
from support.kills import killed_at
from support.mariadb import MariaDB
from support.moodle import Site
from support.platforms import Platform

from ansible_collections.lms.moodle.plugins.module_utils.archive.journal import Journal
from ansible_collections.lms.moodle.plugins.module_utils.archive.platform import Worker
from ansible_collections.lms.moodle.plugins.module_utils.common.opcache import opcache_folder

NAMES = {"law-1", "law-2"}
CATEGORY = {"idnumber": "law"}


class Bench:
    """Two courses on their way, and what is kept of every stop to begin there again."""

    def __init__(self, archiving: Archiving, folder: Path) -> None:
        self.archiving = archiving
        self._kept = folder
        self._sites = (archiving.source, archiving.archive)

    def step(self, state: str, **wish: Any) -> dict[str, Any]:
        site = self.archiving.archive if state in ("restored", "verified") else self.archiving.source
        named = {"category": CATEGORY} if state == "archived" else {"confirm": self.archiving.run} if state == "purged" else {}
        return self.archiving.ask(site, state, workers=1, **named, **wish)

    def done(self, state: str) -> None:
        result = self.step(state)
        assert (result.get("msg"), result.get("finished")) == (None, True)

    def keep(self, name: str) -> None:
        for site in self._sites:
            site.server.dump(site.database, self._kept / f"{name}.{site.database}.sql")
            shutil.copytree(site.dataroot / "filedir", self._kept / f"{name}.{site.database}.files")
        shutil.copytree(self.archiving.storage, self._kept / name)

    def back_to(self, name: str) -> None:
        for site in self._sites:
            site.server.load(site.database, self._kept / f"{name}.{site.database}.sql")
            shutil.rmtree(site.dataroot / "filedir")
            shutil.copytree(self._kept / f"{name}.{site.database}.files", site.dataroot / "filedir")
        shutil.rmtree(self.archiving.storage)
        shutil.copytree(self._kept / name, self.archiving.storage)

    def assert_nothing_is_lost(self, when: str) -> None:
        """Each course is whole in the source, or whole in the archive with its backup."""
        source, archive = (set(courses_of(site)) for site in self._sites)
        for name in NAMES - source:
            assert name in archive, when
            assert self.record(name)["state"] in ("verified", "purged"), when
        if not source >= NAMES:
            assert self.archiving.ask(self.archiving.archive, "purged", side="archive", check=True).get("msg") is None, when

    def expire(self) -> dict[str, Any]:
        """The backups go, without any platform."""
        wish = {"side": "backups", "older_than": "2999-01-01", "confirm": self.archiving.run, "moodle": None}
        return self.archiving.ask(self.archiving.archive, "purged", **wish)

    def record(self, name: str) -> dict[str, Any]:
        records = (json.loads(file.read_text()) for file in (self.archiving.folder / "courses").glob("[0-9]*.json"))
        return next(record for record in records if record["shortname"] == name)

    def assert_once_in_the_archive(self, when: str) -> None:
        found = courses_of(self.archiving.archive)
        assert sorted(found, key=lambda name: int(found[name]["sortorder"])) == sorted(NAMES), when
        assert marks(self.archiving.archive) == [], when
        assert self.step("verified")["finished"], when


@pytest.fixture(scope="module")
def bench(standin_platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    archiving = make_archiving(standin_platform, database_server, tmp_path_factory.mktemp("kills"))
    numbers = [archiving.source.make_course(name) for name in sorted(NAMES)]
    make_tree(archiving.source, {"name": "Law", "idnumber": "law", "courses": numbers})
    for site in (archiving.source, archiving.archive):
        opcache_folder(site.code)
        (site.dataroot / "filedir").mkdir(exist_ok=True)
    bench = Bench(archiving, tmp_path_factory.mktemp("kept"))
    bench.keep("begun")
    for state in ("archived", "restored", "verified", "purged"):
        bench.done(state)
        bench.keep(state)
    order = Worker.order

    def announced(*words: Any, **more: Any) -> Any:
        # An order goes through a pipe, which is no write that would be counted.
        sys.audit("os.rename", "", "", -1, -1)
        return order(*words, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Worker, "order", announced)
        yield bench


def _killed_everywhere(bench: Bench, before: str, state: str, check: Callable[[str], None]) -> int:
    points = 0
    while True:
        bench.back_to(before)
        if not killed_at(points + 1, lambda: bench.step(state)):
            return points
        points += 1
        when = f"{state} killed at {points}"
        bench.assert_nothing_is_lost(when)
        result = bench.step(state)
        assert (result.get("msg"), result.get("finished")) == (None, True), when
        assert not bench.step(state)["changed"], when
        check(when)


def test_backups(bench: Bench, record_property: Callable[[str, object], None]) -> None:
    def whole(when: str) -> None:
        folder = bench.archiving.folder
        files = {folder / str(bench.record(name)["file"]) for name in NAMES}
        assert set((folder / "backups").rglob("*.mbz")) == files, when
        assert not bench.archiving.source.query("SELECT id FROM mdl_files WHERE component = 'backup' AND filename LIKE 'lms-moodle-%'"), (
            when
        )

    points = _killed_everywhere(bench, "begun", "archived", whole)
    assert points > 20
    record_property("points", points)


def test_restores(bench: Bench, record_property: Callable[[str, object], None]) -> None:
    points = _killed_everywhere(bench, "archived", "restored", bench.assert_once_in_the_archive)
    assert points > 10
    record_property("points", points)


def test_comparisons(bench: Bench, record_property: Callable[[str, object], None]) -> None:
    points = _killed_everywhere(bench, "restored", "verified", bench.assert_once_in_the_archive)
    assert points > 10
    record_property("points", points)


def test_removals(bench: Bench, record_property: Callable[[str, object], None]) -> None:
    def gone(when: str) -> None:
        assert not NAMES & set(courses_of(bench.archiving.source)), when
        assert sorted(courses_of(bench.archiving.archive)) == sorted(NAMES), when

    points = _killed_everywhere(bench, "verified", "purged", gone)
    assert points > 10
    record_property("points", points)


def test_backups_that_expire(bench: Bench, record_property: Callable[[str, object], None]) -> None:
    points = 0
    while True:
        bench.back_to("purged")
        if not killed_at(points + 1, bench.expire):
            break
        points += 1
        when = f"killed at {points}"
        bench.assert_nothing_is_lost(when)
        journal = Journal(str(bench.archiving.storage), bench.archiving.run)
        for course in journal.courses().values():
            home = journal.folder / "backups" / str(course.id)
            if course.backup_removed:
                assert not home.exists(), when
            elif not course.removing:
                journal.check(course)
        result = bench.expire()
        assert (result.get("msg"), result.get("finished"), result["bytes"]["written"]) == (None, True, 0), when
        assert result["bytes"]["freed"] > 0, when
        assert not bench.expire()["changed"], when
        assert [file for folder in ("backups", "reports") for file in (journal.folder / folder).iterdir()] == [], when
        assert sorted(courses_of(bench.archiving.archive)) == sorted(NAMES), when
    assert points > 10
    record_property("points", points)


@pytest.fixture
def told(bench: Bench) -> Iterator[Callable[[Site, dict[str, Any]], None]]:
    """Tell a site to go wrong; it is well again after the test."""
    files: list[Path] = []

    def tell(site: Site, faults: dict[str, Any]) -> None:
        files.append(site.dataroot / "minimoodle.json")
        files[-1].write_text(json.dumps(faults))

    yield tell
    for file in files:
        file.unlink(missing_ok=True)
        for counter in file.parent.glob("minimoodle-*.count"):
            counter.unlink()


def _killed_in_the_middle(act: Callable[[], object], reached: Callable[[], bool]) -> None:
    """Run it in a child that is killed when it has come to a point where PHP waits."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(1)
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, "it never came there"
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_killed_in_the_middle_of_a_restore(bench: Bench, told: Callable[[Site, dict[str, Any]], None]) -> None:
    bench.back_to("archived")
    archive = bench.archiving.archive
    told(archive, {"course_restore": {"do": "hang", "times": 1}})
    _killed_in_the_middle(lambda: bench.step("restored"), (archive.dataroot / "minimoodle-course_restore.count").exists)
    assert len(marks(archive)) == 1
    assert len(courses_of(archive)) == 1
    bench.done("restored")
    bench.assert_once_in_the_archive("after the middle")


def test_killed_in_the_middle_of_a_removal(bench: Bench, told: Callable[[Site, dict[str, Any]], None]) -> None:
    bench.back_to("verified")
    source = bench.archiving.source
    told(source, {"course_delete": {"do": "hang", "times": 1}})
    _killed_in_the_middle(lambda: bench.step("purged"), (source.dataroot / "minimoodle-course_delete.count").exists)
    # Half of it is gone: a new backup of that would be worse than none.
    assert not bench.step("archived", again=True)["changed"]
    bench.done("purged")
    assert not NAMES & set(courses_of(source))
    bench.assert_once_in_the_archive("after the middle")


def test_work_in_a_course_whose_removal_was_broken_off_stops_it(bench: Bench, told: Callable[[Site, dict[str, Any]], None]) -> None:
    bench.back_to("verified")
    source = bench.archiving.source
    told(source, {"course_delete": {"do": "hang", "times": 1}})
    _killed_in_the_middle(lambda: bench.step("purged"), (source.dataroot / "minimoodle-course_delete.count").exists)
    source.query("UPDATE mdl_course SET fullname = 'wanted' WHERE shortname = 'law-1'")
    result = bench.step("purged")
    assert "its removal was broken off" in result["msg"]
    assert set(courses_of(source)) & NAMES == {"law-1"}
    bench.assert_nothing_is_lost("somebody worked in it")


@pytest.mark.parametrize("fault", ["die", "lose"])
def test_php_dies_in_the_middle_of_a_removal(bench: Bench, told: Callable[[Site, dict[str, Any]], None], fault: str) -> None:
    bench.back_to("verified")
    source = bench.archiving.source
    told(source, {"course_delete": {"do": fault, "times": 1}})
    result = bench.step("purged")
    assert (result["failed"], result["counts"]["failed"], result["counts"]["purged"]) == (True, 1, 1)
    # Half of it is gone: a new backup of that would be worse than none.
    assert not bench.step("archived", again=True)["changed"]
    bench.done("purged")
    assert not NAMES & set(courses_of(source))
    bench.assert_once_in_the_archive(fault)


def test_backup_stays_while_php_has_left_half_a_course_in_the_archive(bench: Bench, told: Callable[[Site, dict[str, Any]], None]) -> None:
    bench.back_to("purged")
    archive = bench.archiving.archive
    told(archive, {"course_delete": {"do": "die", "times": 1}})
    assert bench.archiving.ask(archive, "purged", side="archive", confirm=bench.archiving.run, workers=1)["counts"]["failed"] == 1
    assert sorted(courses_of(archive)) == ["law-1"]
    kept = {course["shortname"]: course["kept"] for course in bench.expire()["courses"]}
    assert "its removal from the archive was begun" in str(kept["law-1"])
    assert bench.record("law-1")["file"]

    purge = {"side": "archive", "confirm": bench.archiving.run, "workers": 1}
    archive.query("UPDATE mdl_course SET fullname = CONCAT(fullname, '+') WHERE shortname = 'law-1'")
    assert "it is not what was archived: settings/fullname." in bench.archiving.ask(archive, "purged", **purge)["msg"]
    archive.query("UPDATE mdl_course SET fullname = TRIM('+' FROM fullname) WHERE shortname = 'law-1'")
    assert bench.archiving.ask(archive, "purged", **purge)["finished"]
    assert courses_of(archive) == {}


@pytest.mark.parametrize("fault", ["die", "crash", "fail", "lose"])
def test_php_dies_in_the_middle_of_a_restore(bench: Bench, told: Callable[[Site, dict[str, Any]], None], fault: str) -> None:
    bench.back_to("archived")
    archive = bench.archiving.archive
    # Each once together with the other, and the first once more alone.
    told(archive, {"course_restore": {"do": fault, "times": 3}})
    result = bench.step("restored")
    assert (result["failed"], result["counts"]["failed"], result["counts"]["restored"]) == (True, 1, 1)
    assert (sorted(courses_of(archive)), marks(archive)) == (["law-2"], [])
    bench.done("restored")
    bench.assert_once_in_the_archive(fault)


def test_storage_that_is_gone_is_told_in_words_and_nothing_is_removed(bench: Bench) -> None:
    bench.back_to("verified")
    away = bench.archiving.storage.with_name("away")
    bench.archiving.storage.rename(away)
    try:
        for state in ("restored", "verified", "purged"):
            assert "does not exist on this host" in bench.step(state)["msg"]
    finally:
        away.rename(bench.archiving.storage)
    assert set(courses_of(bench.archiving.source)) >= NAMES


def test_two_at_once_are_kept_apart(bench: Bench) -> None:
    bench.back_to("verified")
    lease = bench.archiving.folder / "lease.json"
    lease.write_text(json.dumps({"host": "other.test", "process": "1:1 b", "since": "now", "token": "t"}))
    assert "other.test" in bench.step("purged")["msg"]
    assert set(courses_of(bench.archiving.source)) >= NAMES
