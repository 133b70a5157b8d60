# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWX is brought to what is wanted, over HTTP: by the module, and by the playbook as a job."""

from __future__ import annotations

import copy
import json
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from support.awx import Job, launch
from support.awx_server import TOKEN, AwxServer
from support.loopback import Loopback, certificate, replies
from support.repositories import call_module
from support.web import free_port

from ansible_collections.lms.moodle.plugins.module_utils.awx import configuration
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.modules import moodle_awx

DATA = yaml.safe_load((Path(__file__).resolve().parents[2] / "roles" / "awx" / "vars" / "main.yml").read_text())
TEMPLATES, QUESTIONS = DATA["awx_templates"], DATA["awx_questions"]
CATEGORY = {"idnumber": "{start}-{end}"}
DECIDED = {"moodle_archive_run": "session-2025", "moodle_archive_category": CATEGORY}
NIGHTLY: dict[str, t.Any] = {"playbook": "archive", "at": "22:00", "timezone": "Europe/Paris", "variables": DECIDED}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "PAUSE", 0)


@pytest.fixture
def awx() -> Iterator[AwxServer]:
    with AwxServer() as awx:
        awx.playbooks = [f"playbooks/{playbook}.yml" for playbook in TEMPLATES]
        yield awx


def given(awx: AwxServer | str, **more: t.Any) -> dict[str, t.Any]:
    """The module's options; None takes one away."""
    options = {
        "host": awx if isinstance(awx, str) else awx.url,
        "token": TOKEN,
        "project": "https://git.example.org/operations.git",
        "inventory_path": "inventories/campus",
        "image": "registry.example.org/lms-moodle-ee:1",
        "templates": TEMPLATES,
        "questions": QUESTIONS,
        "schedules": [NIGHTLY],
        **more,
    }
    return {name: value for name, value in options.items() if value is not None}


def configure(awx: AwxServer | str, *, check: bool = False, **more: t.Any) -> dict[str, t.Any]:
    """What the module does, without the second that starting it takes."""
    options = yaml.safe_load(moodle_awx.DOCUMENTATION)["options"]
    of_schedules = options["schedules"]["suboptions"]
    params = {name: option.get("default") for name, option in options.items()} | given(awx, **more)
    params["schedules"] = [{name: option.get("default") for name, option in of_schedules.items()} | one for one in params["schedules"]]
    try:
        result = moodle_awx.configure(params, check)
    except MoodleError as error:
        result = {"failed": True, "msg": error.message, **error.result}
    assert TOKEN not in json.dumps(result)
    return result


def done(awx: AwxServer, **more: t.Any) -> dict[str, t.Any]:
    result = configure(awx, **more)
    assert not result.get("failed"), result["msg"]
    return result


def actions(result: dict[str, t.Any], but: str = "kept") -> dict[str, str]:
    return {one["name"]: one["action"] for one in result["objects"] if one["action"] != but}


def everything(awx: AwxServer) -> t.Any:
    return copy.deepcopy((awx.objects, awx.surveys, awx.attached))


def test_the_first_run_makes_all_and_the_second_changes_nothing(awx: AwxServer) -> None:
    first = done(awx)
    assert first["changed"]
    assert [one["action"] for one in first["objects"]] == ["kept", *["made"] * (len(first["objects"]) - 1)], "the organisation was there"
    assert {one["name"] for one in awx.objects["job_templates"].values()} == {f"Moodle {playbook}" for playbook in TEMPLATES}
    deliver = awx.one("job_templates", "Moodle deliver")
    assert deliver["playbook"] == "playbooks/deliver.yml"
    assert deliver["project"] == awx.one("projects", "Moodle")["id"]
    assert deliver["inventory"] == awx.one("inventories", "Moodle")["id"]
    assert deliver["execution_environment"] == awx.one("execution_environments", "Moodle")["id"]
    assert (deliver["ask_variables_on_launch"], deliver["survey_enabled"], deliver["extra_vars"]) == (True, True, "")
    assert awx.one("projects", "Moodle")["scm_url"] == "https://git.example.org/operations.git"
    source = awx.one("inventory_sources", "Moodle")
    assert (source["source"], source["source_path"], source["overwrite"]) == ("scm", "inventories/campus", True)

    before = everything(awx)
    awx.written.clear()
    second = done(awx)
    assert not second["changed"]
    assert actions(second) == {}
    assert not awx.written
    assert everything(awx) == before


def test_check_mode_writes_nothing_and_says_what_would_be_made_and_changed(awx: AwxServer) -> None:
    before = everything(awx)
    result = done(awx, check=True, organization="Campus")
    assert result["changed"]
    assert set(actions(result).values()) == {"made"}
    assert len(result["objects"]) == len(TEMPLATES) + 6
    assert any("session-2025" in json.dumps(one["after"]) for one in result["diff"])
    assert (everything(awx), awx.written) == (before, [])

    done(awx)
    before = everything(awx)
    awx.written.clear()
    result = done(awx, check=True, revision="v2", schedules=[{**NIGHTLY, "at": "23:00"}])
    assert actions(result) == {"Moodle": "changed", "Moodle archive at 23:00": "made"}
    assert {"scm_branch": "v2"} in [one["after"] for one in result["diff"]]
    assert (everything(awx), awx.written) == (before, [])


def test_what_was_changed_by_hand_is_put_right_and_what_was_added_by_hand_stays(awx: AwxServer) -> None:
    done(awx, variables={"deliver": {"moodle_keep_releases": 7}})
    template = awx.one("job_templates", "Moodle deliver")
    asked = awx.surveys[template["id"]]["spec"]
    wanted = copy.deepcopy(asked)
    own = {"type": "integer", "variable": "our_ticket", "question_name": "Which ticket?", "required": True, "min": 1, "max": 99999}
    asked[:] = [{**asked[1], "question_name": "???"}, own, *asked[2:]]
    template.update(playbook="playbooks/build.yml", forks=5, extra_vars="---\nmoodle_keep_releases: 2\nour_own: true\n")
    awx.written.clear()

    result = done(awx, variables={"deliver": {"moodle_keep_releases": 7}})
    assert actions(result) == {"Moodle deliver": "changed"}
    place = f"job_templates/{template['id']}"
    assert awx.written == [f"PATCH {place}", f"POST {place}/survey_spec"]
    assert template["playbook"] == "playbooks/deliver.yml"
    assert template["forks"] == 5, "what nobody asked us for is not ours"
    assert json.loads(template["extra_vars"]) == {"moodle_keep_releases": 7, "our_own": True}
    assert awx.surveys[template["id"]]["spec"] == [*wanted, own]
    assert not done(awx, variables={"deliver": {"moodle_keep_releases": 7}})["changed"]


def test_a_run_that_was_killed_after_a_template_is_gone_on_with(awx: AwxServer) -> None:
    done(awx)
    template = awx.one("job_templates", "Moodle rollback")["id"]
    del awx.surveys[template]
    awx.objects["schedules"].clear()
    assert actions(done(awx)) == {"Moodle rollback": "changed", "Moodle archive at 22:00": "made"}
    assert awx.surveys[template]


def test_what_is_somebody_elses_is_not_touched(awx: AwxServer) -> None:
    organization = awx.one("organizations", "Default")["id"]
    project = awx.add("projects", name="Theirs", organization=organization, scm_type="git", scm_url="https://git.example.org/theirs.git")
    inventory = awx.add("inventories", name="Theirs", organization=organization)
    theirs = awx.add(
        "job_templates",
        name="Deliver as we always did",
        description="by hand",
        project=project,
        inventory=inventory,
        organization=organization,
        playbook="playbooks/deliver.yml",
    )
    # The same name in another organisation is another template.
    other = awx.add("organizations", name="Other")
    namesake = awx.add("job_templates", name="Moodle deliver", project=project, inventory=inventory, organization=other, playbook="x.yml")
    before = {number: copy.deepcopy(one) for kind in awx.objects.values() for number, one in kind.items()}
    result = done(awx)
    assert not result["warnings"]
    after = {number: one for kind in awx.objects.values() for number, one in kind.items()}
    assert {number: after[number] for number in before} == before
    assert {theirs, namesake} <= set(before)


def test_a_template_that_was_renamed_is_told_and_neither_made_again_nor_named_back(awx: AwxServer) -> None:
    done(awx)
    awx.one("job_templates", "Moodle archive")["name"] = "Nights"
    before = everything(awx)
    result = done(awx)
    (warning,) = result["warnings"]
    assert "There is no job template 'Moodle archive', but 'Nights' for the same playbook, which is left as it is" in warning
    assert not result["changed"]
    assert everything(awx) == before
    result = done(awx, names={"archive": "Nights"}, schedules=[{**NIGHTLY, "name": "Moodle archive at 22:00"}])
    assert (result["warnings"], result["changed"]) == ([], False)


def test_the_nightly_archive_waits_to_be_switched_on_and_stays_as_somebody_switches_it(awx: AwxServer) -> None:
    night = {**NIGHTLY, "variables": {**DECIDED, "moodle_archive_workers": 2}}
    done(awx, schedules=[night])
    schedule = awx.one("schedules", "Moodle archive at 22:00")
    assert schedule["rrule"] == "DTSTART;TZID=Europe/Paris:20260101T220000 RRULE:FREQ=DAILY;INTERVAL=1"
    answers = {"moodle_archive_run": "session-2025", "moodle_archive_category": json.dumps(CATEGORY), "moodle_archive_workers": 2}
    assert schedule["extra_data"] == answers, "the survey's answers are text, other variables what they are"
    assert not schedule["enabled"]
    schedule["enabled"] = True
    assert not done(awx, schedules=[night])["changed"]
    assert schedule["enabled"]
    assert done(awx, schedules=[{**night, "at": "1:30", "name": "Moodle archive at 22:00", "days": ["SU", "MO"], "enabled": False}])[
        "changed"
    ]
    assert schedule["rrule"] == "DTSTART;TZID=Europe/Paris:20260101T013000 RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,SU"
    assert not schedule["enabled"]


def test_a_schedule_is_made_for_what_the_surveys_have_as_an_answer(awx: AwxServer) -> None:
    done(awx, schedules=[{"playbook": "archive", "at": "22:00"}], answers=DECIDED)
    answers = {"moodle_archive_run": "session-2025", "moodle_archive_category": json.dumps(CATEGORY)}
    assert awx.one("schedules", "Moodle archive at 22:00")["extra_data"] == answers
    question = awx.surveys[awx.one("job_templates", "Moodle archive")["id"]]["spec"][0]
    assert (question["variable"], question["default"], question["required"]) == ("moodle_archive_run", "session-2025", True)


def test_only_what_can_be_sliced_is_and_what_was_sliced_by_hand_is_not_any_more(awx: AwxServer) -> None:
    done(awx, slices={"fleet_run": "4"})
    template = awx.one("job_templates", "Moodle fleet_run")
    assert (template["job_slice_count"], template["ask_limit_on_launch"]) == (4, True)
    assert json.loads(template["extra_vars"]) == {"moodle_sliced": True}
    assert "moodle_nodes" not in [question["variable"] for question in awx.surveys[template["id"]]["spec"]]
    by_hand = awx.one("job_templates", "Moodle fleet_upgrade")
    by_hand["job_slice_count"] = 4
    assert actions(done(awx, slices={"fleet_run": 4})) == {"Moodle fleet_upgrade": "changed"}
    assert by_hand["job_slice_count"] == 1


def test_credentials_are_given_to_all_templates_and_further_ones_stay() -> None:
    with AwxServer(longest_page=2) as awx:
        awx.playbooks = [f"playbooks/{playbook}.yml" for playbook in TEMPLATES]
        ssh, scm, vault = (awx.add("credentials", name=kind, kind=kind) for kind in ("ssh", "scm", "vault"))
        more = [awx.add("credentials", name=kind, kind=kind) for kind in ("cloud", "net")]
        wanted: dict[str, t.Any] = {
            "credentials": ["ssh", str(vault)],
            "project_credential": "scm",
            "playbooks": ["deliver"],
            "schedules": [],
        }
        done(awx, **wanted)
        template = awx.one("job_templates", "Moodle deliver")["id"]
        assert awx.attached[template] == [ssh, vault]
        assert awx.one("projects", "Moodle")["credential"] == scm
        awx.attached[template] = [*more, vault, ssh]
        assert not done(awx, **wanted)["changed"], "all pages are read"


def test_a_project_that_is_there_is_used_and_fetched_anew_when_it_lacks_a_playbook(awx: AwxServer) -> None:
    done(awx, playbooks=["deliver"], schedules=[])
    project = awx.one("projects", "Moodle")["id"]
    awx.objects["projects"][project]["scm_branch"] = "by-hand"
    awx._seen[project] = ["playbooks/deliver.yml"]
    awx.written.clear()
    result = configure(awx, check=True, project=None)
    assert "holds no playbooks/archive.yml, playbooks/archive_give_back.yml" in result["warnings"][0]
    assert not awx.written
    done(awx, project=None)
    assert awx.written[0] == f"POST projects/{project}/update"
    assert awx.objects["projects"][project]["scm_branch"] == "by-hand"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"host": None}, "host: no AWX is named"),
        ({"host": "ftp://awx.example.org"}, "host: an address such as https://awx.example.org is expected"),
        ({"host": "http://awx.example.org"}, "the token would cross the network to awx.example.org as plain text"),
        ({"token": None}, "token: none is given"),
        ({"token": "two\nlines"}, "token: there are signs in it that no token has"),
        ({"token": "wrong"}, "does not know the token, or it has expired (401)"),
        ({"api": "/api/controller/v2"}, "there is no API of AWX under http://127.0.0.1:"),
        ({"credentials": ["nobody's"]}, "There is no credential 'nobody's' in 127.0.0.1:"),
        ({"credentials": ["twice"]}, "has 2 credentials named 'twice' (numbers 2, 3): name it by its number"),
        ({"project": "https://user:secret@git.example.org/x.git"}, "project: the URL holds a password"),
        ({"project": None}, "project: there is no project 'Moodle' yet: give the URL of its repository"),
        ({"playbooks": ["deliver", "delivr"]}, "playbooks: there is no playbook 'delivr'; there are build, plugin_add"),
        ({"surveys": {"deliver": ["moodle_x"]}}, "surveys: there is no question 'moodle_x'"),
        ({"answers": {"moodle_cron_state": "off"}}, "answers: one of running, paused is expected for moodle_cron_state, 'off' was found"),
        ({"slices": {"fleet_upgrade": 4}}, "slices: fleet_upgrade cannot be sliced, each slice would do the work of all; fleet_run can"),
        ({"slices": {"fleet_run": "many"}}, "slices: a number of jobs is expected for fleet_run, 'many' was found"),
        (
            {"schedules": [{"playbook": "archive", "at": "22:00"}]},
            "needs a value for moodle_archive_run, moodle_archive_category, which Moodle archive insists on",
        ),
        ({"schedules": [{**NIGHTLY, "at": "10pm"}]}, "an hour such as 22:00 is expected as 'at', or a 'rrule'; '10pm' was found"),
        ({"schedules": [{**NIGHTLY, "days": ["lundi"]}]}, "are of MO, TU, WE, TH, FR, SA, SU; 'lundi' was found"),
        ({"schedules": [NIGHTLY, NIGHTLY]}, "there are two for Moodle archive named 'Moodle archive at 22:00'"),
        ({"schedules": [NIGHTLY], "playbooks": ["deliver"]}, "schedules: there is no playbook 'archive'; there are deliver"),
        (
            {"schedules": [{**NIGHTLY, "rrule": "DTSTART:20260101T220000Z RRULE:FREQ=DAILY;INTERVAL=1;UNTIL=20270101T000000"}]},
            "UNTIL of 'Moodle archive at 22:00' must be in UTC and end in Z",
        ),
    ],
)
def test_what_cannot_be_right_is_one_sentence_and_leaves_awx_as_it_was(awx: AwxServer, more: dict[str, t.Any], message: str) -> None:
    for _ in range(2):
        awx.add("credentials", name="twice")
    before = everything(awx)
    result = configure(awx, **more)
    assert result["failed"]
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert "secret@" not in json.dumps(result["msg"])
    assert (everything(awx), awx.written) == (before, [])


def _forbid(awx: AwxServer) -> None:
    awx.forbidden.add("job_templates")


def _without_playbooks(awx: AwxServer) -> None:
    awx.playbooks = ["deliver.yml"]


def _no_fetch(awx: AwxServer) -> None:
    awx.fetch = "failed"


def _unreadable(awx: AwxServer) -> None:
    done(awx)
    awx.one("job_templates", "Moodle deliver")["extra_vars"] = "{: not\n  yaml"


def _twice(awx: AwxServer) -> None:
    for _ in range(2):
        awx.add("projects", name="Moodle", organization=awx.one("organizations", "Default")["id"])


@pytest.mark.parametrize(
    ("make", "more", "message"),
    [
        (_forbid, {}, "does not let the token's user make the job template 'Moodle build' (403: You do not have permission"),
        (_without_playbooks, {}, "The project 'Moodle' holds no playbooks/archive.yml, playbooks/archive_give_back.yml"),
        (_no_fetch, {}, "AWX could not fetch the project 'Moodle' (failed)"),
        (_twice, {}, "has 2 projects named 'Moodle' (numbers 2, 3): rename or remove what is one too many"),
        (
            _unreadable,
            {"variables": {"deliver": {"moodle_grace": 0}}},
            "The extra variables of the job template 'Moodle deliver' cannot be read",
        ),
        (
            lambda _awx: None,
            {"schedules": [{**NIGHTLY, "timezone": "Europe/Pariss"}]},
            "refuses to make the schedule 'Moodle archive at 22:00': rrule: rrule parsing failed validation: A valid TZID must be provided",
        ),
    ],
)
def test_what_awx_refuses_is_told_in_its_words_with_what_is_there_by_then(
    awx: AwxServer, make: Callable[[AwxServer], None], more: dict[str, t.Any], message: str
) -> None:
    make(awx)
    result = configure(awx, **more)
    assert result["failed"]
    assert message in result["msg"]
    assert "\n" not in result["msg"]
    assert {one["kind"] for one in result["objects"]} >= {"organisation"}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (replies(b"<html>Welcome</html>"), "it answers with something else than JSON"),
        (replies(b'{"hello": "world"}'), "is no API of AWX: check host and api"),
        (replies(b"<html>Bad gateway</html>", 502), "answers 502"),
        (replies(b"", 302, Location="https://login.example.org/?next=/api"), "leads to https://login.example.org (302): name that address"),
    ],
)
def test_what_is_no_awx_is_told(answer: t.Any, message: str) -> None:
    with Loopback(answer) as other:
        result = configure(other.url)
        assert message in result["msg"]
        assert len(other.asked) == 1, "the token is not taken to another place"


def test_nobody_there_is_told() -> None:
    assert "cannot be asked: Connection refused" in configure(f"http://127.0.0.1:{free_port()}")["msg"]


def test_a_certificate_must_be_trusted_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    with AwxServer(certificate=certificate(tmp_path)) as awx:
        result = configure(awx)
        assert "its certificate is not trusted here (self-signed certificate)" in result["msg"]
        assert not awx.written
        assert done(awx, ca_path=str(tmp_path / "cert"), check=True)["changed"]
        assert done(awx, validate_certs=False, check=True)["changed"]


def test_the_module_is_told_where_awx_is_by_the_environment_and_fails_in_one_sentence(awx: AwxServer) -> None:
    nowhere = given(awx, host=None, token=None)
    found = {"CONTROLLER_HOST": awx.url, "TOWER_OAUTH_TOKEN": TOKEN}
    assert call_module("moodle_awx", nowhere, check=True, **found)["changed"]
    assert call_module("moodle_awx", nowhere)["msg"].startswith("host: no AWX is named")
    awx.forbidden.add("projects")
    refused = call_module("moodle_awx", given(awx))
    assert "make the project 'Moodle' (403" in refused["msg"]
    assert (refused["changed"], [one["action"] for one in refused["objects"]]) == (True, ["kept", "made"])


def job(awx: AwxServer, folder: Path, cmdline: str = "", **variables: t.Any) -> Job:
    asked = {"moodle_awx_project": "https://git.example.org/operations.git", **variables}
    return launch(folder, "awx_configure", {}, asked, cmdline, TOWER_HOST=awx.url, CONTROLLER_OAUTH_TOKEN=TOKEN)


def test_a_job_configures_awx_and_shows_the_token_nowhere(awx: AwxServer, tmp_path: Path) -> None:
    archive = {
        **DECIDED,
        "moodle_archive_window": "21:30-05:00",
        "moodle_archive_timezone": "Europe/Paris",
    }
    before = everything(awx)
    checked = job(awx, tmp_path / "check", "--check --diff -vvv", **archive)
    assert checked.status == "successful", checked.log[-3000:]
    assert "made: job template Moodle deliver" in checked.log
    assert "made: schedule Moodle archive every night" in checked.log
    assert "+++ after: job template Moodle deliver" in checked.log
    assert (everything(awx), awx.written) == (before, [])

    made = job(awx, tmp_path / "first", "-vvv", moodle_awx_token=TOKEN, **archive)
    assert made.status == "successful", made.log[-3000:]
    assert TOKEN not in checked.log + made.log + json.dumps([checked.events, made.events])
    schedule = awx.one("schedules", "Moodle archive every night")
    assert schedule["rrule"].startswith("DTSTART;TZID=Europe/Paris:20260101T213000 ")
    assert schedule["extra_data"] == {**archive, "moodle_archive_category": json.dumps(CATEGORY)}
    assert not schedule["enabled"]

    again = job(awx, tmp_path / "again", **archive)
    assert not again.stats["changed"], again.log[-3000:]
    asked_for = job(awx, tmp_path / "on", moodle_awx_nightly="true", **archive)
    assert asked_for.status == "successful", asked_for.log[-3000:]
    assert schedule["enabled"]


def test_without_a_run_and_a_category_there_is_no_nightly_archive_and_a_failed_job_shows_no_token(awx: AwxServer, tmp_path: Path) -> None:
    first = job(awx, tmp_path / "first", moodle_awx_playbooks=["archive"], moodle_archive_run="session-2025")
    assert first.status == "successful", first.log[-3000:]
    assert [one["name"] for one in awx.objects["job_templates"].values()] == ["Moodle archive"]
    assert not awx.objects["schedules"]
    awx.forbidden.add("job_templates")
    failed = job(awx, tmp_path / "failed", "-vvv", moodle_awx_token=TOKEN)
    assert failed.status == "failed"
    assert "does not let the token's user make the job template" in failed.log
    assert TOKEN not in failed.log + json.dumps(failed.events)
