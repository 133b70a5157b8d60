# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The double of AWX's API says what AWX's own source says, and AWX's own rules take what we would send to it."""

from __future__ import annotations

import ast
import re
import types
import typing as t
from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock

import pytest
import yaml
from support.awx_server import KINDS, TYPES, wrong_answer, wrong_rule, wrong_survey
from support.cache import cache_directory
from support.process import SupportError, program, run

from ansible_collections.lms.moodle.plugins.module_utils.awx.wish import Template, schedules, survey, templates

ROOT = Path(__file__).resolve().parents[2]
DATA = yaml.safe_load((ROOT / "roles" / "awx" / "vars" / "main.yml").read_text())
URL, RELEASE = "https://github.com/ansible/awx.git", "24.6.1"
# What a repository on this machine may be asked for; servers decide for themselves.
UPLOAD_PACK = "git -c uploadpack.allowFilter=true -c uploadpack.allowAnySHA1InWant=true upload-pack"
SERIALIZERS = {
    "organizations": "OrganizationSerializer",
    "credentials": "CredentialSerializer",
    "execution_environments": "ExecutionEnvironmentSerializer",
    "projects": "ProjectSerializer",
    "inventories": "InventorySerializer",
    "inventory_sources": "InventorySourceSerializer",
    "job_templates": "JobTemplateSerializer",
    "schedules": "ScheduleSerializer",
}
RULES = [
    "DTSTART;TZID=Europe/Paris:20260101T220000 RRULE:FREQ=DAILY;INTERVAL=1",
    "DTSTART:20260101T220000Z RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU",
    "DTSTART:20260101T220000Z RRULE:FREQ=DAILY;INTERVAL=1;UNTIL=20270101T000000Z",
    "DTSTART:20260101T220000Z RRULE:FREQ=DAILY;INTERVAL=1;COUNT=999",
    "DTSTART:20260101T220000 RRULE:FREQ=DAILY;INTERVAL=1",
    "RRULE:FREQ=DAILY;INTERVAL=1",
    "DTSTART:20260101T220000Z",
    "DTSTART:20260101T220000Z RRULE:FREQ=DAILY",
    "DTSTART:20260101T220000Z RRULE:FREQ=SECONDLY;INTERVAL=1",
    "DTSTART:20260101T220000Z DTSTART:20260102T220000Z RRULE:FREQ=DAILY;INTERVAL=1",
    "DTSTART:20260101T220000Z RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=2MO",
    "DTSTART:20260101T220000Z RRULE:FREQ=DAILY;INTERVAL=1;COUNT=1000",
    "DTSTART:20260101T220000Z RRULE:FREQ=DAILY;INTERVAL=1;COUNT=5;UNTIL=20270101T000000Z",
    "DTSTART:20260101T220000Z RRULE:FREQ=DAILY;INTERVAL=1 EXDATE:20260102T220000Z",
    "DTSTART:20260101T220000Z RRULE:FREQ=DAILY;INTERVAL=1 RDATE:20260102T220000Z",
]
QUESTION: dict[str, t.Any] = {"type": "text", "question_name": "Q", "variable": "v", "required": False}
CHOICE = {**QUESTION, "type": "multiplechoice", "choices": "a\nb"}
SPECS: list[t.Any] = [
    [QUESTION],
    [{**QUESTION, "default": "x"}],
    [{**CHOICE, "default": "a"}],
    [CHOICE],
    [],
    "text",
    ["text"],
    [{**QUESTION, "type": "yesno"}],
    [{**QUESTION, "required": "no"}],
    [{**QUESTION, "default": 1}],
    [{**QUESTION, "type": "integer", "default": "1"}],
    [QUESTION, QUESTION],
    [{**CHOICE, "default": "c"}],
    [{**QUESTION, "type": "multiplechoice"}],
    *[[{name: value for name, value in QUESTION.items() if name != left_out}] for left_out in QUESTION],
]
ANSWERS: list[dict[str, t.Any]] = [{}, {"v": ""}, {"v": "a"}, {"v": "c"}, {"v": True}, {"v": 1}, {"v": ["a"]}, {"v": {"a": 1}}]


class Awx:
    """AWX's source at its newest release, file by file as it is asked for."""

    def __init__(self) -> None:
        self.store = cache_directory() / "awx.git"
        if not (self.store / "complete").exists():
            self._git("init", "--quiet", "--bare", str(self.store))
            for key, value in {"url": URL, "promisor": "true", "partialclonefilter": "blob:none", "uploadpack": UPLOAD_PACK}.items():
                self._git("config", f"remote.origin.{key}", value)
            self._git(
                "fetch", "--quiet", "--depth=1", "--filter=blob:none", "--no-tags", "origin", f"+refs/tags/{RELEASE}:refs/tags/{RELEASE}"
            )
            (self.store / "complete").touch()

    def parsed(self, file: str) -> ast.Module:
        return ast.parse(self._git("show", f"{RELEASE}:awx/{file}"))

    def _git(self, *words: str) -> str:
        here = [] if words[0] == "init" else ["--git-dir", str(self.store)]
        done = run([program("git", "git"), *here, *words], env={"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "LC_ALL": "C"})
        if done.rc != 0:
            said = [line.removeprefix("fatal: ") for line in done.err.splitlines() if line.startswith("fatal: ")]
            raise SupportError(f"{URL} cannot be read: {(said or ['no answer'])[0]}")
        return done.out


@pytest.fixture(scope="module")
def awx(request: pytest.FixtureRequest) -> Awx:
    if not request.config.getoption("--real"):
        pytest.skip("the double was not held against AWX: give --real (make test-real)")
    try:
        return Awx()
    except SupportError as unreadable:
        pytest.skip(f"the double was not held against AWX: {unreadable}")


def function(awx: Awx, file: str, path: str, **known: t.Any) -> Callable[..., t.Any]:
    """A function of AWX's, taken out of its file: all that it needs of AWX is given, Django and the rest are not installed."""
    body: t.Any = awx.parsed(file).body
    *classes, name = path.split(".")
    for one in classes:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == one).body
    found = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)
    found.decorator_list = []
    space: dict[str, t.Any] = {"re": re, "_": str, **known}
    exec(compile(ast.Module([found], []), file, "exec"), space)  # noqa: S102
    return space[name]  # type: ignore[no-any-return]


def fields_of(classes: dict[str, ast.ClassDef], name: str) -> list[str]:
    """The fields of a serializer: those of its bases where it says so, and its own."""
    if name not in classes:
        return []
    inherited = [field for base in reversed(classes[name].bases) for field in fields_of(classes, getattr(base, "id", ""))]
    for node in classes[name].body:
        if isinstance(node, ast.ClassDef) and node.name == "Meta":
            for said in node.body:
                if isinstance(said, ast.Assign) and getattr(said.targets[0], "id", "") == "fields":
                    own = [one.value for one in ast.walk(said.value) if isinstance(one, ast.Constant)]
                    kept = inherited if "*" in own else []
                    return [field for field in [*kept, *own] if field != "*" and f"-{field}" not in own and not field.startswith("-")]
    return inherited


@pytest.mark.parametrize("kind", SERIALIZERS)
def test_the_double_has_no_field_that_awx_has_not(awx: Awx, kind: str) -> None:
    classes = {node.name: node for node in awx.parsed("api/serializers.py").body if isinstance(node, ast.ClassDef)}
    told = fields_of(classes, SERIALIZERS[kind])
    assert {"id", "name", "description"} <= set(told)
    known = KINDS[kind]
    assert {*known.fields, *known.read_only} - {"kind" if kind == "credentials" else ""} <= set(told)


def test_the_double_takes_the_rules_that_awx_takes_and_no_others(awx: Awx) -> None:
    class ValidationError(Exception):
        pass

    outside = {"serializers": types.SimpleNamespace(ValidationError=ValidationError), "Schedule": MagicMock(), "logger": MagicMock()}
    validate = function(awx, "api/serializers.py", "SchedulePreviewSerializer.validate_rrule", **outside)

    def takes(rule: str) -> bool:
        try:
            validate(None, rule)
        except ValidationError:
            return False
        return True

    verdicts = {rule: takes(rule) for rule in RULES}
    assert verdicts == {rule: not wrong_rule(rule) for rule in RULES}
    assert set(verdicts.values()) == {True, False}
    assert takes(schedules(options(schedules=[nightly()]), wanted())[0].rrule)
    weekly = {**nightly(), "at": "3:05", "days": ["SU", "MO"]}
    assert takes(schedules(options(schedules=[weekly]), wanted())[0].rrule)


def test_awx_takes_our_surveys_and_the_double_refuses_what_awx_refuses(awx: Awx) -> None:
    outside = {
        "Response": lambda said, **_status: said,
        "status": MagicMock(),
        "models": MagicMock(),
        "SURVEY_TYPE_MAPPING": TYPES,
        "encrypt_value": str,
    }
    validate = function(awx, "api/views/__init__.py", "JobTemplateSurveySpec._validate_spec_data", **outside)
    for template in wanted():
        spec = survey(template, {}, DATA["awx_questions"])
        if template.questions:
            assert validate(spec, {}) is None, template.name
    verdicts = [validate({"name": "", "description": "", "spec": spec}, {}) is None for spec in SPECS]
    assert verdicts == [not wrong_survey({"name": "", "description": "", "spec": spec}) for spec in SPECS]
    assert set(verdicts) == {True, False}
    (types_of_awx,) = [
        node.value
        for node in awx.parsed("main/constants.py").body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "SURVEY_TYPE_MAPPING"
    ]
    assert eval(compile(ast.Expression(types_of_awx), "constants.py", "eval")) == TYPES  # noqa: S307


def test_awx_takes_the_answers_of_our_schedules_and_the_double_judges_answers_as_awx_does(awx: Awx) -> None:
    judge = function(awx, "main/models/mixins.py", "SurveyJobTemplateMixin._survey_element_validation", copy=lambda value: value)
    for question in (QUESTION, CHOICE, {**QUESTION, "required": True}):
        for answers in ANSWERS:
            assert bool(judge(None, question, answers)) == bool(wrong_answer(question, answers)), (question, answers)
    (schedule,) = schedules(options(schedules=[nightly()]), wanted())
    for question in schedule.template.questions:
        assert not judge(None, question, schedule.variables)


def test_awx_finds_our_playbooks_in_the_repository(awx: Awx) -> None:
    (known,) = [
        node.value
        for node in awx.parsed("main/utils/ansible.py").body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "valid_playbook_re"
    ]
    valid = eval(compile(ast.Expression(known), "ansible.py", "eval"), {"re": re})  # noqa: S307
    for template in wanted():
        lines = (ROOT / template.fields["playbook"]).read_text().splitlines()
        assert any(valid.match(line) for line in lines), template.playbook


def test_awx_hands_its_hosts_out_to_the_slices_one_by_one(awx: Awx) -> None:
    sliced = function(awx, "main/models/inventory.py", "Inventory.get_sliced_hosts")
    hosts = ["alpha", "beta", "gamma", "web1", "web2"]
    slices = [sliced(None, hosts, number, 2) for number in (1, 2)]
    assert slices == [["alpha", "gamma", "web2"], ["beta", "web1"]]


def nightly() -> dict[str, t.Any]:
    category = {"idnumber": "{start}-{end}"}
    variables = {"moodle_archive_run": "session-2025", "moodle_archive_category": category, "moodle_archive_state": "archived"}
    return {
        "playbook": "archive",
        "name": "",
        "at": "22:00",
        "days": [],
        "timezone": "Europe/Paris",
        "rrule": "",
        "variables": variables,
        "enabled": None,
    }


def options(**more: t.Any) -> dict[str, t.Any]:
    empty: dict[str, t.Any] = {name: {} for name in ("names", "surveys", "answers", "variables", "slices")}
    data = {"templates": DATA["awx_templates"], "questions": DATA["awx_questions"]}
    return {**empty, **data, "name": "Moodle", "folder": "playbooks", "playbooks": [], "schedules": [], **more}


def wanted() -> list[Template]:
    return templates(options())
