# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of AWX's REST API, for AWX cannot be installed here: the kinds and rules that moodle_awx meets, over HTTP.

`tests/contract/test_awx_api.py` holds its fields and its verdicts against AWX's own source.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import typing as t
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

TOKEN = "hunter2-token-of-awx"  # noqa: S105
PREFIX = "/api/v2/"
LONGEST_PAGE = 200
TEXTS = ("text", "textarea", "password")
CHOICES = ("multiplechoice", "multiselect")
TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys((*TEXTS, *CHOICES), str),
    "integer": int,
    "float": (float, int),
}


@dataclass(frozen=True)
class Kind:
    """What the API lets be said of one kind of object."""

    fields: Mapping[str, t.Any]
    """The fields that can be written, with what they are when nobody says."""
    refers: Mapping[str, str] = field(default_factory=dict)
    required: tuple[str, ...] = ("name",)
    one_within: tuple[str, ...] = ()
    """Where a name is one."""
    read_only: tuple[str, ...] = ()


_COMMON = {"name": "", "description": ""}
KINDS = {
    "organizations": Kind({**_COMMON, "max_hosts": 0}),
    "credentials": Kind({**_COMMON, "organization": None, "kind": "ssh"}, {"organization": "organizations"}),
    "execution_environments": Kind(
        {**_COMMON, "organization": None, "image": "", "credential": None, "pull": ""},
        {"organization": "organizations", "credential": "credentials"},
        ("name", "image"),
    ),
    "projects": Kind(
        {
            **_COMMON,
            "organization": None,
            "scm_type": "",
            "scm_url": "",
            "scm_branch": "",
            "credential": None,
            "scm_update_on_launch": False,
            "allow_override": False,
        },
        {"organization": "organizations", "credential": "credentials"},
        one_within=("organization",),
        read_only=("status",),
    ),
    "inventories": Kind(
        {**_COMMON, "organization": None, "kind": "", "variables": ""}, {"organization": "organizations"}, one_within=("organization",)
    ),
    "inventory_sources": Kind(
        {
            **_COMMON,
            "inventory": None,
            "source": "",
            "source_path": "",
            "source_project": None,
            "execution_environment": None,
            "overwrite": False,
            "overwrite_vars": False,
            "update_on_launch": False,
        },
        {"inventory": "inventories", "source_project": "projects", "execution_environment": "execution_environments"},
        ("name", "inventory", "source"),
        ("inventory",),
    ),
    "job_templates": Kind(
        {
            **_COMMON,
            "job_type": "run",
            "inventory": None,
            "project": None,
            "playbook": "",
            "execution_environment": None,
            "extra_vars": "",
            "forks": 0,
            "limit": "",
            "job_slice_count": 1,
            "survey_enabled": False,
            "allow_simultaneous": False,
            "ask_variables_on_launch": False,
            "ask_job_type_on_launch": False,
            "ask_diff_mode_on_launch": False,
            "ask_limit_on_launch": False,
        },
        {"inventory": "inventories", "project": "projects", "execution_environment": "execution_environments"},
        ("name", "project"),
        ("organization",),
        ("organization",),
    ),
    "schedules": Kind(
        {**_COMMON, "unified_job_template": None, "rrule": "", "extra_data": {}, "enabled": True},
        {"unified_job_template": "job_templates"},
        ("name", "unified_job_template", "rrule"),
        ("unified_job_template",),
    ),
}


class Refused(Exception):
    """A field that AWX does not take; its answer is what stands here."""


class AwxServer:
    """For the length of a `with`: an AWX with nothing in it but the organisation that each one has."""

    def __init__(self, *, certificate: Path | None = None, longest_page: int = LONGEST_PAGE) -> None:
        self.objects: dict[str, dict[int, dict[str, t.Any]]] = {kind: {} for kind in KINDS}
        self.surveys: dict[int, dict[str, t.Any]] = {}
        self.attached: dict[int, list[int]] = {}
        self.playbooks: list[str] = []
        """What a project holds when it has been fetched."""
        self.fetch = "successful"
        self.written: list[str] = []
        """Each request that was to change something."""
        self.forbidden: set[str] = set()
        """Kinds that the token's user may only read."""
        self._seen: dict[int, list[str]] = {}
        self._looks: dict[int, int] = {}
        self._last = 0
        self._longest = longest_page
        self.add("organizations", name="Default")
        awx = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one piece: two would wait for each other

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, said = awx.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
                content = b"" if said is None else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

            def log_message(self, *_arguments: t.Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=lambda: self._server.serve_forever(0.02), daemon=True)
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> AwxServer:
        self._thread.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def add(self, kind: str, /, **fields: t.Any) -> int:
        """Put something there by hand, as somebody does in the interface."""
        self._last += 1
        self.objects[kind][self._last] = {**KINDS[kind].fields, "id": self._last, **fields}
        return self._last

    def one(self, kind: str, name: str) -> dict[str, t.Any]:
        (found,) = [one for one in self.objects[kind].values() if one["name"] == name]
        return found

    def answer(self, method: str, path: str, login: str, body: bytes) -> tuple[int, t.Any]:
        address = urlsplit(path)
        if not address.path.startswith(PREFIX):
            return 404, {"detail": "The requested resource could not be found."}
        if login != f"Bearer {TOKEN}":
            return 401, {"detail": "Authentication credentials were not provided."}
        words = address.path.removeprefix(PREFIX).strip("/").split("/")
        with self._one_at_a_time:
            if method != "GET":
                self.written.append(f"{method} {'/'.join(words)}")
                if words[0] in self.forbidden:
                    return 403, {"detail": "You do not have permission to perform this action."}
            try:
                return self._served(method, words, dict(parse_qsl(address.query, keep_blank_values=True)), json.loads(body or b"{}"))
            except Refused as refused:
                return 400, refused.args[0]
            except (KeyError, ValueError):
                return 404, {"detail": "Not found."}

    def _served(self, method: str, words: list[str], query: dict[str, str], body: dict[str, t.Any]) -> tuple[int, t.Any]:
        kind = words[0]
        if kind == "me":
            return 200, {"count": 1, "results": [{"username": "moodle-admin"}]}
        if len(words) == 1:
            if method == "POST":
                return 201, self._make(kind, body)
            return 200, self._page(kind, self.objects[kind].values(), query)
        number = int(words[1])
        found = self.objects[kind][number]
        if len(words) == 2:
            if method == "PATCH":
                self._change(kind, found, body)
            elif kind == "projects":
                self._look(found)
            return 200, found
        return getattr(self, f"_{words[2]}")(method, number, body, query)  # type: ignore[no-any-return]

    def _page(self, place: str, found: t.Iterable[dict[str, t.Any]], query: dict[str, str]) -> dict[str, t.Any]:
        size = min(int(query.pop("page_size", 25)), self._longest)
        page = int(query.pop("page", 1))
        chosen = [one for one in found if all(str(one[name]) == value for name, value in query.items())]
        more = urlencode({**query, "page_size": size, "page": page + 1})
        following = f"{PREFIX}{place}/?{more}" if len(chosen) > page * size else None
        return {"count": len(chosen), "next": following, "results": chosen[(page - 1) * size : page * size]}

    def _make(self, kind: str, body: dict[str, t.Any]) -> dict[str, t.Any]:
        known = KINDS[kind]
        missing = [name for name in known.required if body.get(name) in (None, "")]
        if missing:
            raise Refused({name: ["This field is required."] for name in missing})
        made = {**known.fields, **{name: value for name, value in body.items() if name in known.fields}}
        self._judge(kind, made, None)
        number = self.add(kind, **made)
        if kind == "projects":
            self._start(number)
        return self.objects[kind][number]

    def _change(self, kind: str, found: dict[str, t.Any], body: dict[str, t.Any]) -> None:
        known = KINDS[kind]
        changes = {name: value for name, value in body.items() if name in known.fields and name not in known.read_only}
        self._judge(kind, {**found, **changes}, found)
        found.update(changes)
        if kind == "projects" and {"scm_type", "scm_url", "scm_branch"} & set(changes):
            self._start(found["id"])

    def _judge(self, kind: str, wanted: dict[str, t.Any], found: dict[str, t.Any] | None) -> None:
        known = KINDS[kind]
        for name, other in known.refers.items():
            if wanted[name] is not None and wanted[name] not in self.objects[other]:
                raise Refused({name: [f'Invalid pk "{wanted[name]}" - object does not exist.']})
        getattr(self, f"_judge_{kind}", lambda *_arguments: None)(wanted, found)
        same = [
            one
            for one in self.objects[kind].values()
            if one["name"] == wanted["name"] and one is not found and all(one[name] == wanted[name] for name in known.one_within)
        ]
        if same and kind != "credentials":
            raise Refused({"__all__": [f"{kind} with this {(*known.one_within, 'name')} combination already exists."]})

    @staticmethod
    def _judge_projects(wanted: dict[str, t.Any], _found: object) -> None:
        if wanted["scm_type"] and not wanted["scm_url"]:
            raise Refused({"scm_url": ["SCM URL is required."]})

    @staticmethod
    def _judge_execution_environments(wanted: dict[str, t.Any], found: dict[str, t.Any] | None) -> None:
        if found and wanted["organization"] not in (None, found["organization"]):
            raise Refused({"organization": ["Cannot change the organization of an execution environment"]})

    @staticmethod
    def _judge_inventory_sources(wanted: dict[str, t.Any], _found: object) -> None:
        if wanted["source"] == "scm" and wanted["source_project"] is None:
            raise Refused({"source_project": ["Project required for scm type sources."]})

    def _judge_job_templates(self, wanted: dict[str, t.Any], _found: object) -> None:
        if wanted["inventory"] is None:
            raise Refused({"inventory": ["You must either set a default value or ask to prompt on launch."]})
        if wanted["playbook"] not in self._seen.get(wanted["project"], []):
            raise Refused({"playbook": ["Playbook not found for project."]})
        wanted["organization"] = self.objects["projects"][wanted["project"]]["organization"]

    def _judge_schedules(self, wanted: dict[str, t.Any], _found: object) -> None:
        if errors := wrong_rule(wanted["rrule"]):
            raise Refused({"rrule": errors})
        template = self.objects["job_templates"][wanted["unified_job_template"]]
        spec = self.surveys.get(template["id"], {}).get("spec", []) if template["survey_enabled"] else []
        if errors := [error for question in spec for error in wrong_answer(question, wanted["extra_data"])]:
            raise Refused({"variables_needed_to_start": errors})

    def _start(self, project: int) -> None:
        self._looks[project] = 0
        self.objects["projects"][project]["status"] = "pending"

    def _look(self, project: dict[str, t.Any]) -> None:
        """A fetch takes its time: it is over when it is looked at for the second time."""
        self._looks[project["id"]] = self._looks.get(project["id"], 1) + 1
        if project["status"] in ("pending", "running") and self._looks[project["id"]] > 1:
            project["status"] = self.fetch
            if self.fetch == "successful":
                self._seen[project["id"]] = list(self.playbooks)

    def _playbooks(self, _method: str, number: int, _body: object, _query: object) -> tuple[int, t.Any]:
        return 200, self._seen.get(number, [])

    def _update(self, _method: str, number: int, _body: object, _query: object) -> tuple[int, t.Any]:
        self._start(number)
        return 202, {"project_update": 1}

    def _survey_spec(self, method: str, number: int, body: dict[str, t.Any], _query: object) -> tuple[int, t.Any]:
        if method == "GET":
            return 200, self.surveys.get(number, {})
        if error := wrong_survey(body):
            raise Refused({"error": error})
        self.surveys[number] = body
        return 200, None

    def _credentials(self, method: str, number: int, body: dict[str, t.Any], query: dict[str, str]) -> tuple[int, t.Any]:
        attached = self.attached.setdefault(number, [])
        if method == "GET":
            return 200, self._page(f"job_templates/{number}/credentials", [self.objects["credentials"][one] for one in attached], query)
        new = self.objects["credentials"].get(body["id"])
        if not new:
            raise Refused({"detail": "Object cannot be found."})
        if new["kind"] in [self.objects["credentials"][one]["kind"] for one in attached]:
            raise Refused({"error": f"Cannot assign multiple {new['kind']} credentials."})
        attached.append(body["id"])
        return 204, None


def wrong_rule(rule: str) -> list[str]:
    """What AWX has against the rule of a schedule."""
    starts = re.findall(r"DTSTART(?:;[^:]+)?:[0-9]+T[0-9]+Z?", rule)
    wrong = [] if starts else ["Valid DTSTART required in rrule."]
    if re.search(r"DTSTART:[0-9]+T[0-9]+ ", rule):
        wrong.append("DTSTART cannot be a naive datetime.")
    if len(starts) > 1:
        wrong.append("Multiple DTSTART is not supported.")
    if "rrule:" not in rule.lower():
        wrong.append("One or more rule required in rrule.")
    if re.search(r"(ex|r)date:", rule.lower()):
        wrong.append("EXDATE or RDATE not allowed in rrule.")
    for part in re.findall(r"RULE:\S*", rule):
        if "interval" not in part.lower():
            wrong.append(f"INTERVAL required in rrule: {part}")
        elif "secondly" in part.lower():
            wrong.append(f"SECONDLY is not supported: {part}")
        if re.search(r"BYDAY[:=][0-9]+[a-zA-Z]{2}", part):
            wrong.append(f"BYDAY with numeric prefix not supported: {part}")
        if "COUNT" in part and "UNTIL" in part:
            wrong.append(f"RRULE may not contain both COUNT and UNTIL: {part}")
        count = re.search(r"COUNT=([0-9]+)", part)
        if count and int(count[1]) > 999:
            wrong.append(f"COUNT > 999 is unsupported: {part}")
    zone = re.search(r"TZID=([^:]+):", rule)
    if zone and zone[1] not in zoneinfo.available_timezones():
        wrong.append("rrule parsing failed validation: A valid TZID must be provided (e.g., America/New_York)")
    return wrong


def wrong_survey(given: Mapping[str, t.Any]) -> str:
    """The first thing that AWX has against a survey; empty where it takes it."""
    for name, kind in (("name", str), ("description", str), ("spec", list)):
        if not isinstance(given.get(name), kind):
            return f"Field '{name}' is missing from survey spec, or of another type."
    if not given["spec"]:
        return "'spec' doesn't contain any items."
    wrong = [wrong_question(question, number) for number, question in enumerate(given["spec"])]
    if any(wrong):
        return next(filter(None, wrong))
    variables = [question["variable"] for question in given["spec"]]
    return "" if len(set(variables)) == len(variables) else f"'variable' duplicated in survey: {variables}."


def wrong_question(question: t.Any, number: int) -> str:
    """The first thing that AWX has against one question of a survey."""
    names = ("type", "question_name", "variable", "required")
    if not isinstance(question, dict) or not all(isinstance(question.get(name), bool if name == "required" else str) for name in names):
        return f"Survey question {number} is not a json object, or something is missing from it or of another type."
    if question["type"] not in TYPES:
        return f"'{question['type']}' in survey question {number} is not one of the allowed question types."
    default = question.get("default", "")
    if default != "" and not isinstance(default, TYPES[question["type"]]):
        return f"Default value {default} in survey question {number} is of another type."
    if question["type"] in CHOICES and "choices" not in question:
        return f"Survey question {number} must specify choices."
    if question["type"] in CHOICES and any(line not in question["choices"] for line in default.splitlines()):
        return "Default choice must be answered from the choices listed."
    return ""


def wrong_answer(question: Mapping[str, t.Any], answers: Mapping[str, t.Any]) -> list[str]:
    """What AWX has against the answer to one question of a survey, of the types that we ask."""
    name = question["variable"]
    if name not in answers:
        return [f"'{name}' value missing"] if question["required"] else []
    if question["type"] in TEXTS and not isinstance(answers[name], str):
        return [f"Value {answers[name]} for '{name}' expected to be a string."]
    if question["type"] == "multiplechoice" and answers[name] not in question["choices"].splitlines():
        return [f"Value {answers[name]} for '{name}' expected to be one of {question['choices'].splitlines()}."]
    return []
