# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups leave the storage at the end of their courses' way, and what they told of people with them."""

from __future__ import annotations

import json
import shutil
import typing as t
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.options import defaults

from ansible_collections.lms.moodle.plugins.module_utils.archive.course import Course
from ansible_collections.lms.moodle.plugins.module_utils.archive.expire import why_kept
from ansible_collections.lms.moodle.plugins.module_utils.archive.journal import Journal, write_private
from ansible_collections.lms.moodle.plugins.module_utils.archive.operation import Limits
from ansible_collections.lms.moodle.plugins.module_utils.archive.platform import Platform
from ansible_collections.lms.moodle.plugins.module_utils.archive.purge import PurgeRun
from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.modules import course_archive
from ansible_collections.lms.moodle.plugins.modules.course_archive import CourseArchive

VERIFIED = "2026-07-03T02:00:00+02:00"
GONE = Course(
    2,
    "LAW",
    state="purged",
    file="backups/2/x/course.mbz",
    size=4,
    checksum="c",
    facts="f",
    target=7,
    site="https://archive.test",
    updated="2026-07-05T02:00:00+02:00",
    history={"verified": VERIFIED, "purged": "2026-07-05T02:00:00+02:00"},
)


class Storage:
    """A run with courses in the states that a test asks for, each with a backup and what lies beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal(str(folder), "r")
        self.journal.make()
        self.journal.begin({"wwwroot": "https://campus.test", "category": 9, "users": True})
        self.warnings: list[str] = []

    def add(self, course: Course) -> None:
        if course.file:
            file = self.journal.folder / course.file
            file.parent.mkdir(parents=True)
            file.write_text("four")
            write_private(file.with_name("facts.json"), {"roles": {"jdoe": "student"}})
            self.journal.report(course, {"differences": [{"where": "roles/jdoe"}]})
        write_private(self.journal.folder / "courses" / f"{course.id}.json", course.data())

    def ask(self, state: str = "purged", *, check: bool = False, **wish: t.Any) -> dict[str, t.Any]:
        removal = {"side": "backups", "older_than": "2026-08-01", "confirm": "r"} if state == "purged" else {}
        asked = {**defaults(course_archive), "storage": str(self.folder), "run": "r", "state": state, **removal, **wish}
        return CourseArchive(asked, check, Background(None), self.warnings.append).run()

    def files(self) -> list[str]:
        return sorted(str(file.relative_to(self.journal.folder)) for file in self.journal.folder.rglob("*") if file.is_file())


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    storage = Storage(tmp_path)
    storage.add(GONE)
    return storage


def test_test_mode_says_what_would_go_and_writes_nothing(storage: Storage) -> None:
    before = storage.files()
    result = storage.ask(check=True, confirm=None)
    assert (result["changed"], result["remaining"], result["bytes"]["freed"], result["courses"][0]["kept"]) == (True, 1, 0, None)
    assert storage.warnings == ["The backups of LAW (course 2) would be removed, 4 B."]
    assert storage.files() == before


def test_backup_goes_with_all_that_tells_of_people_and_a_second_call_does_nothing(storage: Storage) -> None:
    (storage.journal.folder / "backups/2/killed").mkdir()
    (storage.journal.folder / "backups/2/killed/course.mbz").write_text("half of an earlier attempt")
    result = storage.ask()
    assert (result["changed"], result["finished"], result["counts"]["purged"]) == (True, True, 1)
    assert (result["bytes"]["written"], result["bytes"]["freed"]) == (0, 4)
    assert storage.files() == ["courses/2.json", "run.json"]
    assert list((storage.journal.folder / "backups").iterdir()) == []
    (course,) = result["courses"]
    assert (course["file"], course["checksum"], course["size"]) == (None, None, 0)
    assert course["backup_removed"][:4].isdigit()
    assert course["history"] == GONE.history, "it was verified and purged when it was"
    assert not storage.ask(check=True)["changed"]
    again = storage.ask()
    assert (again["changed"], again["courses"]) == (False, result["courses"])


@pytest.mark.parametrize(
    ("course", "why"),
    [
        (replace(GONE, state="backed_up"), "not verified"),
        (replace(GONE, state="failed", reached="restored", error="2 differences"), "not verified"),
        (replace(GONE, state="verified"), "not been removed from the source"),
        (replace(GONE, state="verified", purging=VERIFIED), "not been removed from the source"),
        (replace(GONE, state="verified", expired=VERIFIED), "not been removed from the source"),
        (replace(GONE, purging=VERIFIED), "from the archive was begun at 2026-07-03"),
        (replace(GONE, history={**GONE.history, "verified": "2026-08-01T00:00:00+02:00"}), "verified on 2026-08-01, not before 2026-08-01"),
        (replace(GONE, history={}, updated="2026-09-01T00:00:00+02:00"), "verified on 2026-09-01, not before"),
        (replace(GONE, history={}, updated=None), "nothing tells when"),
        (replace(GONE, history={"verified": "last summer"}), "nothing tells when"),
    ],
)
def test_every_other_course_keeps_its_backup_and_is_named_with_the_reason(tmp_path: Path, course: Course, why: str) -> None:
    storage = Storage(tmp_path)
    storage.add(course)
    before = {name: (storage.journal.folder / name).read_bytes() for name in storage.files()}
    result = storage.ask()
    assert (result["changed"], result["finished"], result["remaining"]) == (False, False, 1)
    assert why in result["courses"][0]["kept"]
    assert {name: (storage.journal.folder / name).read_bytes() for name in storage.files()} == before


def test_the_last_day_that_counts_is_the_one_before() -> None:
    assert why_kept(GONE, date(2026, 7, 4)) is None
    assert "not before 2026-07-03" in str(why_kept(GONE, date(2026, 7, 3)))


def test_removal_from_the_archive_that_failed_is_told_no_longer_as_it_names_people(tmp_path: Path) -> None:
    storage = Storage(tmp_path)
    storage.add(replace(GONE, state="failed", reached="purged", error="it is not what was archived: roles/jdoe"))
    assert (storage.ask()["counts"]["purged"], storage.ask()["counts"]["failed"]) == (1, 0)
    assert "jdoe" not in (storage.journal.folder / "courses/2.json").read_text()


@pytest.mark.parametrize(("given_back", "told"), [(None, True), (40, False)])
def test_backup_that_is_the_last_copy_is_named(tmp_path: Path, given_back: int | None, told: bool) -> None:
    storage = Storage(tmp_path)
    storage.add(replace(GONE, expired="2026-07-20T02:00:00+02:00", given_back=given_back))
    storage.ask(check=True)
    assert any("No copy but the backup is known of LAW (course 2)" in warning for warning in storage.warnings) is told
    assert storage.ask()["finished"]


def test_removal_that_was_broken_off_is_finished_whatever_day_is_asked_for(storage: Storage) -> None:
    storage.add(replace(GONE, id=3, shortname="ART", file="backups/3/x/course.mbz", removing="2026-08-02T00:00:00+02:00"))
    shutil.rmtree(storage.journal.folder / "backups/3")
    result = storage.ask(older_than="2026-01-01")
    assert [(course["shortname"], bool(course["backup_removed"])) for course in result["courses"]] == [("LAW", False), ("ART", True)]
    assert result["bytes"]["freed"] == 4


def test_limits_hold(storage: Storage) -> None:
    storage.add(replace(GONE, id=3, shortname="ART", place=1, file="backups/3/x/course.mbz"))
    one = storage.ask(max_courses=1)
    assert (one["remaining"], "max_courses" in one["stopped"]) == (1, True)
    now = datetime.now(timezone.utc)
    closed = f"{now + timedelta(hours=2):%H:%M}-{now + timedelta(hours=3):%H:%M}"
    assert "outside the window" in storage.ask(window=closed, timezone="UTC")["stopped"]
    (storage.journal.folder / "stop").touch()
    assert storage.ask()["stopped"] == "somebody asked for it"
    (storage.journal.folder / "stop").unlink()
    assert storage.ask()["finished"]


def test_backup_that_cannot_be_removed_fails_alone_and_goes_the_next_time(storage: Storage) -> None:
    storage.add(replace(GONE, id=3, shortname="ART", place=1, file="backups/3/x/course.mbz"))
    home = storage.journal.folder / "backups/2"
    home.rename(storage.folder / "elsewhere")
    home.symlink_to(storage.folder / "elsewhere")
    with pytest.raises(MoodleError, match=r"could not be freed of the backup: LAW \(course 2\): The storage failed at .*link") as failed:
        storage.ask()
    assert (failed.value.result["remaining"], failed.value.result["counts"]["failed"]) == (1, 1)
    assert (storage.folder / "elsewhere/x/course.mbz").exists()
    home.unlink()
    (storage.folder / "elsewhere").rename(home)
    assert (storage.ask()["finished"], home.exists()) == (True, False)


@pytest.mark.parametrize("name", ["backups", "backups/2"])
def test_backups_that_lie_elsewhere_are_not_taken_for_removed_while_they_are_away(storage: Storage, name: str) -> None:
    place = storage.journal.folder / name
    place.rename(storage.folder / "elsewhere")
    place.symlink_to(storage.folder / "elsewhere")
    (storage.folder / "elsewhere").rename(storage.folder / "away")
    with pytest.raises(MoodleError, match="could not be freed of the backup: LAW"):
        storage.ask()
    assert storage.journal.courses()[2].backup_removed is None


def test_removal_that_failed_is_no_complaint_about_the_source(storage: Storage) -> None:
    storage.journal.record(replace(GONE, removing=VERIFIED).failed("The storage failed"))
    platform = t.cast("Platform", SimpleNamespace(ask=lambda _what: {"wwwroot": "https://campus.test"}))
    options = dict.fromkeys(("archive", "recycle_bin", "empty_categories"), False)
    purge = PurgeRun(storage.journal, platform, Background(None), Limits(), **options, accept=[], warn=print)
    assert purge.run()["finished"]
    assert purge.complaint() == ""


@pytest.mark.parametrize("number", [3, "..", ""])
def test_record_that_is_of_another_course_than_its_name_says_is_refused(storage: Storage, number: object) -> None:
    (storage.journal.folder / "courses/2.json").write_text(json.dumps({**GONE.data(), "id": number}))
    with pytest.raises(MoodleError, match=r"courses/2\.json is of course"):
        storage.ask()
    assert storage.journal.holds(GONE)


def test_two_at_once_are_kept_apart(storage: Storage) -> None:
    (storage.journal.folder / "lease.json").write_text(json.dumps({"host": "other.test", "process": "1:1 b", "since": "now", "token": "t"}))
    with pytest.raises(MoodleError, match=r"other\.test"):
        storage.ask()
    assert storage.journal.holds(GONE)


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"confirm": None}, "Backups are removed only when 'confirm' is the run's name, r"),
        ({"older_than": None}, "say with 'older_than' before which day"),
        ({"older_than": "soon"}, "'older_than' is soon: write a day"),
        ({"run": "none", "confirm": "none"}, "has no run none"),
        ({"storage": "/none"}, "does not exist on this host"),
        ({"side": "source"}, "'moodle' is missing"),
        ({"side": "archive"}, "'moodle' is missing"),
        ({"state": "restored"}, "'moodle' is missing"),
    ],
)
def test_one_sentence_says_why_not_and_nothing_is_removed(storage: Storage, wish: dict[str, t.Any], says: str) -> None:
    before = storage.files()
    with pytest.raises(BadInput, match=says):
        storage.ask(**{"state": "purged", **wish})
    assert storage.files() == before


def test_course_without_a_backup_says_since_when_and_who_still_has_it() -> None:
    removed = replace(GONE.without_backup(), backup_removed="2026-09-01T02:00:00+02:00")
    expired = replace(removed, expired="2026-10-01T02:00:00+02:00")
    assert GONE.without_way_back == ""
    assert "was begun on 2026-08-02, and https" in replace(GONE, removing="2026-08-02T00:00:00+02:00").without_way_back
    assert removed.without_way_back == (
        "its backup was removed from the storage on 2026-09-01, and https://archive.test alone has it, as course 7: "
        "back it up there by hand"
    )
    assert "on 2026-09-01, and it was removed from the archive on 2026-10-01" in expired.without_way_back
    assert replace(expired, given_back=40).without_way_back.endswith("on 2026-09-01, and it was given back to the source, as course 40")
