# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings AWX to what is wanted, one object after the other. Each request leaves something whole: the next run goes on from there."""

from __future__ import annotations

import json
import time
import typing as t
from collections.abc import Callable, Mapping

from ..common.errors import BadInput, MoodleError
from ..common.process import secrets_in
from .api import Api
from .wish import Schedule, Template, differences, merged, schedules, survey, templates

WORDS = {
    "organizations": "organisation",
    "execution_environments": "execution environment",
    "credentials": "credential",
    "projects": "project",
    "inventories": "inventory",
    "inventory_sources": "inventory source",
    "job_templates": "job template",
    "schedules": "schedule",
}
FETCHED = ("successful", "ok")
GOING = ("new", "pending", "waiting", "running")
PAUSE = 2.0  # seconds between two looks at a project that is fetched


class Configuration:
    """All that one call makes, changes and leaves."""

    def __init__(self, api: Api, given: Mapping[str, t.Any], *, check_mode: bool, sleep: Callable[[float], None] = time.sleep) -> None:
        self.api = api
        self.given = given
        self.check_mode = check_mode
        self.objects: list[dict[str, t.Any]] = []
        self.diff: list[dict[str, t.Any]] = []
        self.warnings: list[str] = []
        self._sleep = sleep
        # All of it is read before AWX is asked: what cannot be right leaves AWX as it was.
        self.templates = templates(given)
        self.schedules = schedules(given, self.templates)
        if given["project"] and secrets_in(given["project"]):
            raise BadInput("project: the URL holds a password. Make a credential in AWX for it, and name that as project_credential.")

    def run(self) -> dict[str, t.Any]:
        """The module's result."""
        try:
            self._configure()
        except MoodleError as error:
            error.result.update(self._result())
            raise
        return self._result()

    def _result(self) -> dict[str, t.Any]:
        changed = any(one["action"] != "kept" for one in self.objects)
        return {"changed": changed, "objects": self.objects, "diff": self.diff, "warnings": self.warnings}

    def _configure(self) -> None:
        given, name = self.given, self.given["name"]
        self.api.who()
        # Credentials are looked for first: a wrong name leaves AWX as it was.
        credentials = [self._credential(credential) for credential in given["credentials"]]
        image, project_fields = {"image": given["image"], **self._login(given["image_credential"])}, self._project()
        if not project_fields:
            self._project_must_be_there()
        organization = self._ensure("organizations", given["organization"], {})
        within = {"organization": organization}
        runs_in: dict[str, t.Any] = {}
        if given["image"]:
            # Its name is one in all of AWX, and it never changes its organisation.
            runs_in["execution_environment"] = self._ensure("execution_environments", name, image, initial=within)
        project = self._ensure("projects", name, project_fields, within, {"scm_update_on_launch": True})
        self._fetched(project)
        inventory = self._ensure("inventories", given["inventory"] or name, {}, within)
        if given["inventory_path"]:
            source = {"source": "scm", "source_project": project, "source_path": given["inventory_path"], **runs_in}
            # A host that the project's inventory no longer has goes; one that was added by hand stays.
            initial = {"overwrite": True, "overwrite_vars": True, "update_on_launch": True}
            self._ensure("inventory_sources", name, source, {"inventory": inventory}, initial)
        numbers: dict[str, int | None] = {}
        for template in self.templates:
            # AWX takes the organisation from the project.
            found = self._find("job_templates", template.name, within)
            if found or not self._renamed(template, project):
                refers = {"project": project, "inventory": inventory, **runs_in}
                numbers[template.name] = self._template(template, found, refers, credentials)
        for schedule in self.schedules:
            if schedule.template.name in numbers:
                self._schedule(schedule, numbers[schedule.template.name])

    def _project(self) -> dict[str, t.Any]:
        if not self.given["project"]:
            return {}
        fields = {"scm_type": "git", "scm_url": self.given["project"], "scm_branch": self.given["revision"]}
        return {**fields, **self._login(self.given["project_credential"])}

    def _project_must_be_there(self) -> None:
        found = self._find("organizations", self.given["organization"], {})
        if not found or not self._find("projects", self.given["name"], {"organization": found["id"]}):
            raise BadInput(f"project: there is no project '{self.given['name']}' yet: give the URL of its repository.")

    def _login(self, credential: str) -> dict[str, t.Any]:
        return {"credential": self._credential(credential)} if credential else {}

    def _credential(self, name: str) -> int:
        """The number of a credential that somebody made: passwords are none of our business."""
        if name.isdecimal():
            return int(name)
        found = self._find("credentials", name, {})
        if not found:
            raise MoodleError(f"There is no credential '{name}' in {self.api.host}, or the token's user may not use it.")
        return int(found["id"])

    def _find(self, kind: str, name: str, within: Mapping[str, t.Any]) -> dict[str, t.Any] | None:
        if None in within.values():
            return None
        found = self.api.all(kind, name=name, **within)
        if len(found) > 1:
            numbers = ", ".join(str(one["id"]) for one in found)
            help_ = "name it by its number" if kind == "credentials" else "rename or remove what is one too many"
            raise MoodleError(f"{self.api.host} has {len(found)} {kind.replace('_', ' ')} named '{name}' (numbers {numbers}): {help_}.")
        return found[0] if found else None

    def _ensure(
        self,
        kind: str,
        name: str,
        fields: Mapping[str, t.Any],
        within: Mapping[str, t.Any] | None = None,
        initial: Mapping[str, t.Any] | None = None,
    ) -> int | None:
        """The number of the object, as wanted then; ``within`` is where its name is one, ``initial`` is for a new one alone."""
        found = self._find(kind, name, within or {})
        return self._settle(kind, name, found, fields, {**(within or {}), **(initial or {})})

    def _settle(
        self, kind: str, name: str, found: Mapping[str, t.Any] | None, fields: Mapping[str, t.Any], initial: Mapping[str, t.Any]
    ) -> int | None:
        """Make or change the object where it is not as wanted. Its number; None where check mode would make it."""
        if found:
            changes = differences(fields, found)
            if changes and not self.check_mode:
                self.api.patch(f"{kind}/{found['id']}/", changes, f"change the {WORDS[kind]} '{name}'")
            self._told(kind, name, "changed" if changes else "kept", {field: found.get(field) for field in changes}, changes)
            return int(found["id"])
        whole = {"name": name, **initial, **fields}
        number = None if self.check_mode else int(self.api.post(f"{kind}/", whole, f"make the {WORDS[kind]} '{name}'")["id"])
        self._told(kind, name, "made", {}, whole)
        return number

    def _told(self, kind: str, name: str, action: str, before: Mapping[str, t.Any], after: Mapping[str, t.Any]) -> None:
        what = f"{WORDS[kind]} {name}"
        known = next((one for one in self.objects if (one["kind"], one["name"]) == (WORDS[kind], name)), None)
        if known is None:
            self.objects.append({"kind": WORDS[kind], "name": name, "action": action})
        elif known["action"] == "kept":
            known["action"] = action
        if action != "kept":
            self.diff.append({"before_header": what, "after_header": what, "before": dict(before), "after": dict(after)})

    def _fetched(self, project: int | None) -> None:
        """Wait until AWX has the playbooks: it refuses a template for one that it has not seen."""
        name = self.given["name"]
        if self.check_mode and (project is None or self.objects[-1]["action"] != "kept"):
            return
        wanted = {template.fields["playbook"] for template in self.templates}
        asked, end = False, time.monotonic() + self.given["wait"]
        while True:
            status = self.api.get(f"projects/{project}/")["status"]
            if status not in GOING:
                missing = sorted(wanted.difference(self.api.get(f"projects/{project}/playbooks/")))
                if status in FETCHED and not missing:
                    return
                if self.check_mode:
                    self.warnings.append(f"{self._not_fetched(status, missing)} It would be fetched anew first.")
                    return
                if asked:
                    raise MoodleError(self._not_fetched(status, missing))
                self.api.post(f"projects/{project}/update/", {}, f"fetch the project '{name}'")
                asked = True
            elif time.monotonic() > end:
                raise MoodleError(f"AWX has not fetched the project '{name}' within {self.given['wait']} s. Run again later.")
            self._sleep(PAUSE)

    def _not_fetched(self, status: str, missing: list[str]) -> str:
        name = self.given["name"]
        if status not in FETCHED:
            return f"AWX could not fetch the project '{name}' ({status}): its last update in AWX says why."
        return (
            f"The project '{name}' holds no {', '.join(missing)}: set folder to where its playbooks are, or playbooks to those that it has."
        )

    def _renamed(self, template: Template, project: int | None) -> bool:
        """Whether the template bears another name by now: then that is somebody's wish, and told."""
        same = {field: template.fields[field] for field in ("playbook", "description")}
        others = self.api.all("job_templates", project=project, **same) if project else []
        if others:
            self.warnings.append(
                f"There is no job template '{template.name}', but '{others[0]['name']}' for the same playbook, which is left as it is: "
                f"rename it in AWX, or give its name as names for {template.playbook}."
            )
        return bool(others)

    def _template(
        self, template: Template, found: Mapping[str, t.Any] | None, refers: Mapping[str, t.Any], credentials: list[int]
    ) -> int | None:
        variables = merged(_read((found or {}).get("extra_vars"), template.name), template.variables)
        fields = {**template.fields, **refers, **({} if variables is None else {"extra_vars": json.dumps(variables, indent=2)})}
        number = self._settle("job_templates", template.name, found, fields, {})
        self._survey(template, number, self.api.get(f"job_templates/{number}/survey_spec/") if found else {})
        self._credentials(template, number, credentials)
        return number

    def _survey(self, template: Template, number: int | None, found: Mapping[str, t.Any]) -> None:
        wanted = survey(template, found, self.given["questions"])
        if wanted is None:
            return
        if not self.check_mode:
            self.api.post(f"job_templates/{number}/survey_spec/", wanted, f"set the survey of '{template.name}'")
        self._told("job_templates", template.name, "changed", {"survey": found.get("spec", [])}, {"survey": wanted["spec"]})

    def _credentials(self, template: Template, number: int | None, credentials: list[int]) -> None:
        place = f"job_templates/{number}/credentials"
        there = [one["id"] for one in self.api.all(place)] if number and credentials else []
        for credential in credentials:
            if credential not in there:
                if not self.check_mode:
                    self.api.post(f"{place}/", {"id": credential}, f"give '{template.name}' the credential {credential}")
                self._told("job_templates", template.name, "changed", {"credentials": there}, {"credentials": [*there, credential]})

    def _schedule(self, schedule: Schedule, template: int | None) -> None:
        within = {"unified_job_template": template}
        found = self._find("schedules", schedule.name, within)
        variables = merged((found or {}).get("extra_data") or {}, schedule.variables)
        fields: dict[str, t.Any] = {"rrule": schedule.rrule}
        if variables is not None:
            fields["extra_data"] = variables
        if schedule.enabled is not None:
            fields["enabled"] = schedule.enabled
        self._settle("schedules", schedule.name, found, fields, {**within, "enabled": False})


def _read(text: str | None, name: str) -> dict[str, t.Any]:
    """The extra variables of a template, which AWX keeps as they were typed: JSON, or YAML."""
    try:
        variables = json.loads(text or "{}")
    except ValueError:
        variables = _read_yaml(text or "")
    if not isinstance(variables, (dict, type(None))):
        raise MoodleError(f"The extra variables of the job template '{name}' cannot be read: mend them in AWX.")
    return variables or {}


def _read_yaml(text: str) -> t.Any:
    """What the text says; itself where it says nothing that can be read."""
    try:
        import yaml  # noqa: PLC0415
    except ImportError as error:
        raise MoodleError("Extra variables in YAML need PyYAML on this machine: install it (Debian: python3-yaml).") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
