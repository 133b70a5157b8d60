# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Courses leave one site for another: restored, compared, removed, and brought back."""
# ruff: noqa: S608 - the values are the tests' own

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.archiving import HOSTILE, Archiving, courses_of, make_archiving, make_tree, marks
from support.mariadb import MariaDB
from support.platforms import Platform

TOP = {"name": "Law"}


@pytest.fixture(scope="module")
def sites(platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Archiving:
    return make_archiving(platform, database_server, tmp_path_factory.mktemp("archive"))


@pytest.fixture
def archiving(sites: Archiving, tmp_path: Path) -> Iterator[Archiving]:
    """A storage of its own, and a category of its own with two courses."""
    numbers = [sites.source.make_course(f"{tmp_path.name}-{number}") for number in (1, 2)]
    for number in numbers:
        _name(sites, number, f"{HOSTILE} {number}", f"id-{number}")
        _grade(sites, number)
    below = {"name": HOSTILE, "idnumber": f"{tmp_path.name}-below", "courses": numbers[1:]}
    make_tree(sites.source, {"name": tmp_path.name, "idnumber": tmp_path.name, "courses": numbers[:1], "below": [below]})
    (tmp_path / "storage").mkdir()
    yield replace(sites, storage=tmp_path / "storage", run=tmp_path.name, warnings=[])


def _name(sites: Archiving, number: int, fullname: str, idnumber: str) -> None:
    text = fullname.encode().hex()
    sites.source.query(f"UPDATE mdl_course SET fullname = CONVERT(x'{text}' USING utf8mb4), idnumber = '{idnumber}' WHERE id = {number}")


def _grade(sites: Archiving, number: int) -> None:
    """A grade for each of the course's people, in its first item that is no total."""
    sites.source.query(
        "INSERT INTO mdl_grade_grades (itemid, userid, rawgrade, finalgrade) "
        "SELECT MIN(i.id), ue.userid, 12.5, 12.5 FROM mdl_user_enrolments ue "
        f"JOIN mdl_enrol e ON e.id = ue.enrolid JOIN mdl_grade_items i ON i.courseid = e.courseid AND i.itemtype = 'mod' "
        f"WHERE e.courseid = {number} GROUP BY ue.userid"
    )


def _category(archiving: Archiving) -> dict[str, str]:
    return {"idnumber": archiving.run}


def _left(archiving: Archiving) -> list[str]:
    return [name for name in courses_of(archiving.source) if name.startswith(archiving.run)]


def test_courses_go_the_whole_way_and_one_comes_back(archiving: Archiving) -> None:
    before = courses_of(archiving.source)
    verified = archiving.chain(_category(archiving))
    assert (verified.get("msg"), verified.get("finished"), verified["counts"]["verified"]) == (None, True, 2)
    here = courses_of(archiving.archive)
    for name in _left(archiving):
        kept = ("fullname", "idnumber", "visible", "path")
        assert {key: here[name][key] for key in kept} == {key: before[name][key] for key in kept}
    assert not archiving.ask(archiving.archive, "restored")["changed"]
    assert not archiving.ask(archiving.archive, "verified")["changed"]

    trial = archiving.ask(archiving.source, "purged", check=True)
    assert (trial["changed"], trial["remaining"], len(_left(archiving))) == (True, 2, 2)
    assert "run's name" in archiving.ask(archiving.source, "purged", confirm="other")["msg"]
    purged = archiving.purge(empty_categories=True)
    assert (purged.get("msg"), purged.get("finished"), purged["counts"]["purged"]) == (None, True, 2)
    assert _left(archiving) == []
    assert all(category["removed"] for category in purged["categories"])
    assert not archiving.source.query(f"SELECT id FROM mdl_course_categories WHERE idnumber LIKE '{archiving.run}%'")
    assert not archiving.source.query(f"SELECT id FROM mdl_tool_recyclebin_category WHERE shortname LIKE '{archiving.run}%'")
    assert not archiving.purge()["changed"]

    name = f"{archiving.run}-2"
    back = archiving.ask(archiving.source, "given_back", courses=[name])
    assert (back.get("msg"), back.get("finished")) == (None, True)
    assert not [warning for warning in archiving.warnings if name in warning], "it came back as it was"
    again = courses_of(archiving.source)[name]
    assert {key: again[key] for key in ("fullname", "idnumber", "path")} == {
        key: before[name][key] for key in ("fullname", "idnumber", "path")
    }
    assert not archiving.ask(archiving.source, "given_back", courses=[name])["changed"]
    assert len(_left(archiving)) == 1


def test_people_who_were_erased_do_not_come_back_unseen(archiving: Archiving) -> None:
    name = f"{archiving.run}-1"
    of_course = f"JOIN mdl_enrol e ON e.id = ue.enrolid JOIN mdl_course c ON c.id = e.courseid WHERE c.shortname = '{name}'"
    (row,) = archiving.source.query(f"SELECT MIN(ue.userid) AS id FROM mdl_user_enrolments ue {of_course}")
    archiving.chain(_category(archiving))
    archiving.purge()
    try:
        archiving.source.query(
            f"UPDATE mdl_user SET email = MD5(username), username = CONCAT(email, '.1700000000'), deleted = 1 WHERE id = {row['id']}"
        )
        back = archiving.ask(archiving.source, "given_back", courses=[name])
        assert back.get("msg") is None
        (new,) = archiving.source.query("SELECT MAX(id) AS id FROM mdl_user")
        # The stand-in makes somebody anew whom Moodle knows again.
        back_again = row["id"] if archiving.source.platform.name == "real" else new["id"]
        assert [warning for warning in archiving.warnings if f"{name} " in warning and f"(users {back_again}): erase again" in warning], (
            archiving.warnings
        )
    finally:
        archiving.source.query(f"UPDATE mdl_user SET deleted = 0 WHERE id = {row['id']}")


def test_archive_is_emptied_when_its_time_is_over(archiving: Archiving) -> None:
    archiving.chain(_category(archiving))
    archiving.purge()
    expired = archiving.ask(archiving.archive, "purged", side="archive", confirm=archiving.run)
    assert (expired.get("msg"), expired.get("finished"), expired["changed"]) == (None, True, True)
    assert [name for name in courses_of(archiving.archive) if name.startswith(archiving.run)] == []


def test_backups_go_when_their_time_is_over_and_the_archive_goes_by_its_age_then(archiving: Archiving) -> None:
    archiving.chain(_category(archiving))
    archiving.purge()
    names = sorted(name for name in courses_of(archiving.archive) if name.startswith(archiving.run))
    asked = {"moodle": None, "side": "backups", "older_than": "2999-01-01", "confirm": archiving.run}
    removed = archiving.ask(archiving.archive, "purged", **asked)
    assert (removed.get("msg"), removed.get("finished"), removed["counts"]["purged"]) == (None, True, 2)
    assert not list(archiving.folder.rglob("*.mbz"))
    assert not archiving.ask(archiving.archive, "purged", **asked)["changed"]

    for site, state in ((archiving.archive, "restored"), (archiving.archive, "verified")):
        archiving.warnings.clear()
        assert not archiving.ask(site, state)["changed"]
        assert "its backup was removed from the storage on" in archiving.warnings[-1]
    assert not archiving.ask(archiving.source, "purged", confirm=archiving.run)["changed"]
    refused = archiving.ask(archiving.source, "given_back", courses=names[:1])["msg"]
    assert "cannot be given back: its backup was removed from the storage on" in refused
    assert "http://archive.test alone has it" in refused

    asked = {"side": "archive", "confirm": archiving.run}
    assert "or say with 'older_than'" in archiving.ask(archiving.archive, "purged", **asked)["msg"]
    assert "it was in use until" in archiving.ask(archiving.archive, "purged", older_than="2020-01-01", **asked)["msg"]
    assert set(names) <= set(courses_of(archiving.archive))
    gone = archiving.ask(archiving.archive, "purged", older_than="2999-01-01", **asked)
    assert (gone.get("msg"), gone.get("finished")) == (None, True)
    assert not set(names) & set(courses_of(archiving.archive))


def test_course_that_was_changed_stays_until_it_is_archived_once_more(archiving: Archiving) -> None:
    archiving.chain(_category(archiving))
    name = f"{archiving.run}-1"
    number = courses_of(archiving.source)[name]["id"]
    archiving.source.query(f"UPDATE mdl_page SET content = 'changed' WHERE course = {number}")
    trial = archiving.ask(archiving.source, "purged", check=True)
    assert [course["shortname"] for course in trial["courses"] if course["error"]] == [name]
    purged = archiving.purge()
    assert "changed since it was backed up: activities/page" in purged["msg"]
    assert (_left(archiving), purged["counts"]["purged"], purged["counts"]["failed"]) == ([name], 1, 1)

    assert not archiving.ask(archiving.source, "archived", category=_category(archiving))["changed"]
    target = courses_of(archiving.archive)[name]["id"]
    assert archiving.ask(archiving.source, "archived", category=_category(archiving), again=True)["counts"]["backed_up"] == 1
    restored = archiving.ask(archiving.archive, "restored")
    assert (restored.get("msg"), restored.get("finished")) == (None, True)
    assert courses_of(archiving.archive)[name]["id"] != target
    assert archiving.ask(archiving.archive, "verified")["finished"]
    assert archiving.purge()["finished"]
    assert _left(archiving) == []


def test_what_the_log_tells_of_counts_as_a_change(archiving: Archiving) -> None:
    archiving.chain(_category(archiving))
    number = courses_of(archiving.source)[f"{archiving.run}-1"]["id"]
    archiving.source.query(
        "INSERT INTO mdl_logstore_standard_log (eventname, component, action, target, crud, edulevel, contextid, contextlevel, "
        f"contextinstanceid, userid, courseid, timecreated) VALUES ('e', 'core', 'updated', 'post', 'u', 0, 1, 50, {number}, 2, {number}, "
        f"{int(time.time()) + 5})"
    )
    purged = archiving.purge()
    assert "worked in since" in purged["msg"]
    assert _left(archiving) == [f"{archiving.run}-1"]


def test_difference_in_the_archive_is_reported_and_nothing_is_removed(archiving: Archiving) -> None:
    before = marks(archiving.archive)
    archiving.ask(archiving.source, "archived", category=_category(archiving))
    restored = archiving.ask(archiving.archive, "restored")
    target = restored["courses"][0]["target"]
    archiving.archive.query(f"DELETE FROM mdl_assign WHERE course = {target} LIMIT 1")
    verified = archiving.ask(archiving.archive, "verified")
    assert (verified["counts"]["verified"], verified["counts"]["failed"]) == (1, 1)
    assert "differences between source and archive" in verified["msg"]
    report = json.loads((archiving.folder / f"reports/{restored['courses'][0]['id']}.json").read_text())
    assert any(found["where"].startswith("activities/assign") and not found["allowed"] for found in report["differences"])
    assert archiving.purge()["counts"]["purged"] == 1
    assert len(_left(archiving)) == 1
    restored = archiving.ask(archiving.archive, "restored", again=True)
    assert (restored.get("msg"), restored.get("finished")) == (None, True)
    # Moodle may not be able to delete a course with an activity of which the record is gone: then that is said, and known.
    said = [
        warning for course in restored["courses"] for warning in course["warnings"] if "earlier copy of it could not be removed" in warning
    ]
    assert len(said) == len(set(marks(archiving.archive)) - set(before))
    assert archiving.ask(archiving.archive, "verified")["finished"]


def test_damaged_backup_is_found_before_anything_is_removed(archiving: Archiving) -> None:
    verified = archiving.chain(_category(archiving))
    file = archiving.folder / verified["courses"][0]["file"]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    trial = archiving.ask(archiving.source, "purged", check=True)
    assert not trial["changed"]
    purged = archiving.purge()
    assert ("is not what was written" in purged["msg"], purged["counts"]["purged"], len(_left(archiving))) == (True, 0, 2)
    archiving.ask(archiving.source, "archived", category=_category(archiving), again=True)
    assert archiving.chain(_category(archiving))["finished"]
    assert archiving.purge()["finished"]


def test_damaged_backup_is_not_restored_but_made_again(archiving: Archiving) -> None:
    before = marks(archiving.archive)
    archived = archiving.ask(archiving.source, "archived", category=_category(archiving))
    (archiving.folder / archived["courses"][0]["file"]).with_name("facts.json").unlink()
    restored = archiving.ask(archiving.archive, "restored")
    assert ("facts.json is missing" in restored["msg"], restored["counts"]["restored"], marks(archiving.archive)) == (True, 1, before)
    assert archiving.chain(_category(archiving))["finished"]


def test_course_on_which_another_one_depends_stays(archiving: Archiving) -> None:
    archiving.chain(_category(archiving))
    number = courses_of(archiving.source)[f"{archiving.run}-1"]["id"]
    other = archiving.source.make_course(f"other-{archiving.run}")
    archiving.source.query(f"INSERT INTO mdl_enrol (enrol, status, courseid, customint1) VALUES ('meta', 0, {other}, {number})")
    purged = archiving.purge()
    assert f"other-{archiving.run} (course {other}, enrols its people)" in purged["msg"]
    assert _left(archiving) == [f"{archiving.run}-1"]
    assert purged["counts"]["verified"] == 1
    archiving.source.query(f"DELETE FROM mdl_enrol WHERE courseid = {other} AND enrol = 'meta'")
    assert archiving.purge()["finished"]


def test_name_that_another_course_bears_is_numbered_and_said(archiving: Archiving) -> None:
    archiving.archive.make_course(f"{archiving.run}-1")
    verified = archiving.chain(_category(archiving))
    assert verified["finished"], verified["msg"]
    assert f"{archiving.run}-1_1" in courses_of(archiving.archive)
    assert any("has the shortname" in warning for course in verified["courses"] for warning in course["warnings"])


def test_another_version_is_refused_in_words(archiving: Archiving) -> None:
    archiving.ask(archiving.source, "archived", category=_category(archiving))
    versions = archiving.folder / "versions.json"
    versions.write_text(json.dumps({**json.loads(versions.read_text()), "mod_board": "2023010100"}))
    before = courses_of(archiving.archive)
    refused = archiving.ask(archiving.archive, "restored")
    assert "mod_board is 2023010100 in the source and missing in the archive" in refused["msg"]
    assert courses_of(archiving.archive) == before
    assert archiving.ask(archiving.archive, "restored", any_version=True)["finished"]


def test_only_the_right_platform_acts(archiving: Archiving) -> None:
    archiving.chain(_category(archiving))
    assert "are those of http://source.test" in archiving.ask(archiving.archive, "purged", confirm=archiving.run)["msg"]
    assert "the archive is" in archiving.ask(archiving.source, "restored")["msg"]
    inside = archiving.ask(archiving.source, "restored", into=_category(archiving))
    assert "archived in its turn" in inside["msg"]
    assert "has no run none" in replace(archiving, run="none").ask(archiving.archive, "restored")["msg"]


def test_scripts_run_for_each_course_and_decide(archiving: Archiving, tmp_path: Path) -> None:
    archiving.ask(archiving.source, "archived", category=_category(archiving))
    script, done = tmp_path / "post", tmp_path / "done"
    script.write_text(f'#!/bin/sh\necho "$1 $LMS_MOODLE_SHORTNAME" >> {done}\ncase $LMS_MOODLE_SHORTNAME in *-2) echo why; exit 3;; esac\n')
    script.chmod(0o755)
    restored = archiving.ask(archiving.archive, "restored", post_script=str(script))
    assert (restored["counts"]["processed"], restored["counts"]["failed"]) == (1, 1)
    assert f"{script} ended with 3: why" in restored["msg"]
    targets = {course["shortname"]: course["target"] for course in restored["courses"]}
    assert sorted(done.read_text().splitlines()) == sorted(f"{target} {name}" for name, target in targets.items())
    assert archiving.ask(archiving.archive, "verified")["counts"]["verified"] == 1
    script.write_text("#!/bin/sh\n")
    again = archiving.ask(archiving.archive, "restored", post_script=str(script))
    assert (again.get("msg"), {course["shortname"]: course["target"] for course in again["courses"]}) == (None, targets)
    assert archiving.ask(archiving.archive, "verified")["finished"]
    assert "does not exist" in archiving.ask(archiving.archive, "restored", post_script="/none")["msg"]


def test_query_chooses_the_courses_of_a_run(archiving: Archiving) -> None:
    planned = archiving.ask(archiving.source, "planned", category=_category(archiving), select=f"[?shortname=='{archiving.run}-2']")
    assert [course["shortname"] for course in planned["courses"]] == [f"{archiving.run}-2"]


def test_outgoing_category_of_the_archive_goes_by_its_age(archiving: Archiving) -> None:
    archiving.ask(archiving.source, "planned", category=_category(archiving))
    asked = {"side": "archive", "confirm": archiving.run}
    assert "say with 'older_than'" in archiving.ask(archiving.source, "purged", **asked)["msg"]
    young = archiving.ask(archiving.source, "purged", older_than="2020-01-01", **asked)
    assert ("it was in use until" in young["msg"], len(_left(archiving))) == (True, 2)
    gone = archiving.ask(archiving.source, "purged", older_than="2999-01-01", **asked)
    assert (gone.get("msg"), gone.get("finished"), _left(archiving)) == (None, True, [])


def test_archive_may_be_a_category_of_the_source_itself(archiving: Archiving) -> None:
    make_tree(archiving.source, {"name": "Archives", "idnumber": f"archives-{archiving.run}"})
    same = replace(archiving, archive=archiving.source)
    same.ask(same.source, "archived", category=_category(archiving))
    restored = same.ask(same.source, "restored", into={"idnumber": f"archives-{archiving.run}"})
    assert (restored.get("msg"), restored.get("finished"), len(_left(archiving))) == (None, True, 4)
    assert same.ask(same.source, "verified")["finished"]
    assert same.purge()["finished"]
    copies = courses_of(same.source)
    assert sorted(_left(archiving)) == [f"{archiving.run}-1_1", f"{archiving.run}-2_1"]
    assert all(copies[name]["path"].startswith("/Archives/") for name in _left(archiving))
    # Its age has nothing to say here: these are copies that a run knows.
    expired = same.ask(same.source, "purged", side="archive", confirm=same.run, older_than="2999-01-01")
    assert (expired.get("msg"), expired.get("finished"), _left(archiving)) == (None, True, [])
