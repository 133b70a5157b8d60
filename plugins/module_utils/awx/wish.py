# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wanted in AWX, in the words of its API, and what of it differs from what is found there."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..common.errors import BadInput

# The first of all days: AWX looks for the next one itself, and the rule stays the same from run to run.
FIRST_DAY = "20260101"
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# The keys of a question that are ours to say.
OURS = ("question_name", "question_description", "variable", "type", "required", "choices", "default")


@dataclass(frozen=True)
class Template:
    """A job template for one playbook."""

    playbook: str
    name: str
    fields: Mapping[str, t.Any]
    """All but the objects that it refers to."""
    variables: Mapping[str, t.Any]
    """Those of its extra variables that are ours; others stay."""
    questions: list[dict[str, t.Any]]
    """Its survey; without one, what is there stays."""


@dataclass(frozen=True)
class Schedule:
    """When a job template is started by itself."""

    name: str
    template: Template
    rrule: str
    variables: Mapping[str, t.Any]
    enabled: bool | None
    """None: switched off when it is made, and then left to whoever switches it."""


def templates(given: Mapping[str, t.Any]) -> list[Template]:
    """One template for each playbook that is asked for; ``given`` are the module's options."""
    known: Mapping[str, Mapping[str, t.Any]] = given["templates"]
    chosen = given["playbooks"] or list(known)
    for option in ("playbooks", "names", "surveys", "variables", "slices"):
        _known(option, given[option], known, "playbook")
    for playbook, count in given["slices"].items():
        if not str(count).isdecimal() or int(count) < 1:
            raise BadInput(f"slices: a number of jobs is expected for {playbook}, '{count}' was found.")
        if int(count) > 1 and not known[playbook].get("sliced"):
            able = ", ".join(name for name in known if known[name].get("sliced"))
            raise BadInput(f"slices: {playbook} cannot be sliced, each slice would do the work of all; {able} can.")
    return [_template(given, playbook) for playbook in chosen]


def _template(given: Mapping[str, t.Any], playbook: str) -> Template:
    known = given["templates"][playbook]
    slices = int(given["slices"].get(playbook, 1))
    asked = given["surveys"].get(playbook, known.get("survey", []))
    _known("surveys", asked, given["questions"], "question")
    _known("answers", given["answers"], given["questions"], "question")
    # A slice has its nodes: nobody is asked for others.
    asked = [name for name in asked if slices == 1 or name != "moodle_nodes"]
    questions = [_question(name, given["questions"][name], given["answers"]) for name in asked]
    fields = {
        "description": known["description"],
        "playbook": "/".join(filter(None, [given["folder"].strip("/"), f"{playbook}.yml"])),
        "ask_variables_on_launch": True,
        "ask_job_type_on_launch": True,
        "ask_diff_mode_on_launch": True,
        # Always said: a playbook that is sliced by hand does its work several times.
        "job_slice_count": slices,
        **({"ask_limit_on_launch": True} if known.get("sliced") else {}),
        **({"survey_enabled": True} if questions else {}),
    }
    variables = {**({"moodle_sliced": True} if slices > 1 else {}), **given["variables"].get(playbook, {})}
    return Template(playbook, given["names"].get(playbook, f"{given['name']} {playbook}"), fields, variables, questions)


def _question(variable: str, asked: Mapping[str, t.Any], answers: Mapping[str, t.Any]) -> dict[str, t.Any]:
    choices = list(asked.get("choices", []))
    default = as_answer(answers[variable]) if variable in answers else asked.get("default", "")
    if choices and default not in choices:
        raise BadInput(f"answers: one of {', '.join(choices)} is expected for {variable}, '{default}' was found.")
    question = {
        "question_name": asked["ask"],
        "question_description": asked.get("help", ""),
        "variable": variable,
        "type": "multiplechoice" if choices else "text",
        "required": asked.get("required", False),
    }
    # An empty default would be an answer: only one that is there is said.
    return {**question, **({"choices": "\n".join(choices)} if choices else {}), **({"default": default} if default else {})}


def survey(template: Template, found: Mapping[str, t.Any], known: Iterable[str]) -> dict[str, t.Any] | None:
    """The survey to be set, None where it is as wanted. Questions for variables that are none of ours are somebody's own, and stay."""
    spec = list(found.get("spec", []))
    own = [question for question in spec if question.get("variable") not in set(known)]
    wanted = template.questions + own
    if not template.questions or [_compared(question) for question in spec] == [_compared(question) for question in wanted]:
        return None
    return {"name": found.get("name", ""), "description": found.get("description", ""), "spec": wanted}


def _compared(question: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A question as far as it matters: AWX keeps choices as a list or as lines, and may hold an empty default or none."""
    kept = {key: question[key] for key in OURS if question.get(key) not in (None, "")}
    if isinstance(kept.get("choices"), str):
        kept["choices"] = kept["choices"].splitlines()
    return kept


def schedules(given: Mapping[str, t.Any], made: Iterable[Template]) -> list[Schedule]:
    """The schedules, each with the answers that its template's survey insists on."""
    by_playbook = {template.playbook: template for template in made}
    wanted = []
    for one in given["schedules"]:
        _known("schedules", [one["playbook"]], by_playbook, "playbook")
        template = by_playbook[one["playbook"]]
        name = one["name"] or f"{template.name} at {one['at'] or 'its times'}"
        wanted.append(Schedule(name, template, _rrule(name, one), _answered(name, template, one["variables"]), one["enabled"]))
    names = [(schedule.template.name, schedule.name) for schedule in wanted]
    for template_name, name in names:
        if names.count((template_name, name)) > 1:
            raise BadInput(f"schedules: there are two for {template_name} named '{name}': give each a name of its own.")
    return wanted


def _rrule(name: str, one: Mapping[str, t.Any]) -> str:
    """The rule of a schedule, as AWX takes and keeps it."""
    if one["rrule"]:
        rule = " ".join(one["rrule"].split())
        if re.search(r"UNTIL=\w+(?<!Z)(?!\w)", rule):
            raise BadInput(f"schedules: UNTIL of '{name}' must be in UTC and end in Z, or AWX would keep another rule than the one given.")
        return rule
    time = re.fullmatch(r"\s*([01]?\d|2[0-3]):([0-5]\d)\s*", one["at"] or "")
    if not time:
        raise BadInput(f"schedules: for '{name}' an hour such as 22:00 is expected as 'at', or a 'rrule'; '{one['at'] or ''}' was found.")
    if not set(one["days"]) <= set(DAYS):
        raise BadInput(f"schedules: the days of '{name}' are of {', '.join(DAYS)}; '{', '.join(one['days'])}' was found.")
    days = [day for day in DAYS if day in one["days"]]
    often = f"FREQ=WEEKLY;INTERVAL=1;BYDAY={','.join(days)}" if days else "FREQ=DAILY;INTERVAL=1"
    return f"DTSTART;TZID={one['timezone']}:{FIRST_DAY}T{int(time[1]):02}{time[2]}00 RRULE:{often}"


def _answered(name: str, template: Template, variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """AWX asks nobody at night: what the survey insists on is in the schedule, and answers to its questions are text."""
    asked = {question["variable"]: question for question in template.questions}
    needed = {key: question.get("default", "") for key, question in asked.items() if question["required"]}
    answers = {**needed, **{key: as_answer(value) if key in asked else value for key, value in variables.items()}}
    missing = [key for key in needed if not answers[key]]
    if missing:
        raise BadInput(
            f"schedules: '{name}' needs a value for {', '.join(missing)}, which {template.name} insists on: give it as a variable."
        )
    return answers


def as_answer(value: t.Any) -> str:
    """A value as it would be typed into a survey."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    return json.dumps(value, ensure_ascii=False)


def differences(wanted: Mapping[str, t.Any], found: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The fields that are not as wanted."""
    return {field: value for field, value in wanted.items() if found.get(field) != value}


def merged(found: Mapping[str, t.Any], ours: Mapping[str, t.Any]) -> dict[str, t.Any] | None:
    """Variables with ours among them, None where they are."""
    return {**found, **ours} if differences(ours, found) else None


def _known(option: str, names: Iterable[str], known: Mapping[str, t.Any], what: str) -> None:
    for name in names:
        if name not in known:
            raise BadInput(f"{option}: there is no {what} '{name}'; there are {', '.join(known)}.")
