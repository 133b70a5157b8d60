# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in two places says the same in both."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
AWX = ROOT / "roles" / "awx" / "vars" / "main.yml"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))


def load(path: Path) -> dict[str, object]:
    return yaml.safe_load(path.read_text())  # type: ignore[no-any-return]


@pytest.mark.parametrize("role", ROLES)
def test_the_defaults_of_a_role_are_those_that_its_documentation_names(role: str) -> None:
    specs = load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
    defaults = load(ROOT / "roles" / role / "defaults" / "main.yml")
    told: dict[str, object] = {}
    for name, spec in specs.items():  # type: ignore[attr-defined]
        documented = {option: details["default"] for option, details in spec["options"].items() if "default" in details}
        assert documented.items() <= defaults.items(), f"entry point {name} of role {role}"  # type: ignore[attr-defined]
        told.update(documented)
    assert told == defaults


@pytest.mark.parametrize("role", ROLES)
def test_the_variables_of_a_role_bear_its_name(role: str) -> None:
    specs = load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
    options = {option for spec in specs.values() for option in spec["options"]}  # type: ignore[attr-defined]
    assert not [option for option in options if not option.startswith(f"{role}_")]


@pytest.mark.parametrize("playbook", PLAYBOOKS, ids=lambda path: path.stem)
def test_every_variable_of_a_playbook_is_told_at_its_top(playbook: Path) -> None:
    text = playbook.read_text()
    told = set(re.findall(r"\bmoodle_[a-z_]+", "\n".join(line for line in text.splitlines() if line.startswith("#"))))
    body = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    own = set(re.findall(r"^ +(moodle_[a-z_]+):", body, flags=re.MULTILINE))
    groups = {"moodle_build", "moodle_web", "moodle_db", "moodle_archive"}
    modules = set(MODULES)
    used = set(re.findall(r"\bmoodle_[a-z_]+", body)) - own - groups - modules
    assert used <= told


def test_every_module_is_in_the_action_group() -> None:
    groups = load(ROOT / "meta" / "runtime.yml")["action_groups"]
    assert sorted(groups["moodle"]) == MODULES  # type: ignore[index]


def test_every_module_has_the_parts_that_its_users_look_for() -> None:
    for module in MODULES:
        text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text()
        for part in ("DOCUMENTATION = ", "EXAMPLES = ", "RETURN = ", "supports_check_mode=True"):
            assert part in text, f"{module} lacks {part}"


def told_at_the_top(playbook: Path) -> set[str]:
    return set(re.findall(r"\bmoodle_[a-z_]+", "\n".join(line for line in playbook.read_text().splitlines() if line.startswith("#"))))


def test_every_playbook_has_a_job_template_in_awx() -> None:
    known = load(AWX)["awx_templates"]
    assert sorted(known) == [path.stem for path in PLAYBOOKS if path.stem != "awx_configure"]  # type: ignore[call-overload]


def test_what_a_survey_asks_is_a_variable_of_its_playbook_and_every_question_is_asked() -> None:
    data: dict[str, t.Any] = load(AWX)
    asked = [(playbook, variable) for playbook, template in data["awx_templates"].items() for variable in template["survey"]]
    for playbook, variable in asked:
        assert variable in told_at_the_top(ROOT / "playbooks" / f"{playbook}.yml"), f"{variable} in the survey of {playbook}"
    assert {variable for _playbook, variable in asked} == set(data["awx_questions"])


def test_an_answer_that_was_left_empty_is_as_good_as_none() -> None:
    """AWX hands it over as an empty text, or as null."""
    data: dict[str, t.Any] = load(AWX)
    for name, template in data["awx_templates"].items():
        imported = {"deliver": ["build"], "reconcile": ["build", "deliver"]}.get(name, [])
        for playbook in (name, *imported):
            body = "\n".join(re.findall(r"{{.*?}}", (ROOT / "playbooks" / f"{playbook}.yml").read_text(), flags=re.DOTALL))
            for variable in template["survey"]:
                question = data["awx_questions"][variable]
                if not question.get("required") and "default" not in question:
                    used = re.findall(rf"(?<!')\b{variable}\b.{{0,40}}", body)
                    careless = [use for use in used if not re.fullmatch(rf"{variable} \| default\([^()]*, true\).*", use)]
                    assert not careless, f"{variable} in {playbook}"
