# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plugin directory's list says: a hint where the Git repository of a plugin is. It is a stranger's word, and checked."""

from __future__ import annotations

import difflib
import json
import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from ...common.errors import BadInput
from ...common.process import without_secrets
from ..declaration.manifest import COMPONENT, SOURCE

_ON_THIS_HOST = re.compile(r"/|file:", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,10})?")


class Truncated(BadInput):
    """The list begins as it should, and its end is missing; ``found`` is what there is of it."""

    def __init__(self, name: str, found: str) -> None:
        super().__init__(f"{name} is {found}.")
        self.found = found


@dataclass(frozen=True)
class PluginList:
    name: str
    repositories: Mapping[str, str]
    left_out: Mapping[str, str]  # why the entry of a component is of no use

    def repository(self, component: str) -> str | None:
        return self.repositories.get(component)

    def suggestions(self, component: str) -> list[str]:
        """Components of the list whose names are nearly the same."""
        return difflib.get_close_matches(component, self.repositories, n=3, cutoff=0.75)

    def why_none(self, component: str) -> str:
        """Why the list has no repository of a component, as the end of a sentence that begins with its name."""
        if component in self.left_out:
            return f"its entry in {self.name} is of no use: {self.left_out[component]}"
        similar = self.suggestions(component)
        return f"{self.name} does not know it{'; it knows ' + ', '.join(similar) if similar else ''}"


def parse_plugin_list(data: bytes, name: str, *, own: bool = False) -> PluginList:
    """Check a list called ``name``; one that is the user's ``own`` may also name repositories on this host."""
    repositories: dict[str, str] = {}
    left_out: dict[str, str] = {}
    for entry in _entries(data, name):
        component = entry.get("component") if isinstance(entry, dict) else None
        if not isinstance(component, str) or component in repositories:  # null: not a plugin that can be installed by itself
            continue
        match = COMPONENT.fullmatch(component)
        if not match or match[1] != component:
            continue
        repository, problem = _repository(entry, own)
        if repository:
            repositories[component] = repository
            left_out.pop(component, None)
        else:
            left_out[component] = problem
    if not repositories and not left_out:
        raise BadInput(f"{name} names no plugin at all: it is not the plugin directory's list.")
    return PluginList(name, repositories, left_out)


def _entries(data: bytes, name: str) -> list[t.Any]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise Truncated(name, f"cut off after {len(data)} bytes") from None
        raise BadInput(f"{name} is not UTF-8, so it is not the plugin directory's list.") from None
    try:
        content = json.loads(text)
    except RecursionError:
        raise BadInput(f"{name} is nested too deeply to be the plugin directory's list.") from None
    except ValueError as error:
        raise _not_json(text.strip(), error, name, len(data)) from None
    plugins = content.get("plugins") if isinstance(content, dict) else None
    if not isinstance(plugins, list):
        raise BadInput(f"{name} is JSON without a list 'plugins': it is not the plugin directory's list.")
    return plugins


def _not_json(text: str, error: ValueError, name: str, size: int) -> BadInput:
    """The beginning tells a web page from a list, the place of the error a list that ends too early from one that is broken."""
    if text.startswith("<"):
        return BadInput(f"{name} is a web page, not the list: a login or a proxy stands before it.")
    if not text:
        return Truncated(name, "empty")
    reason = getattr(error, "msg", "a number is too long")
    position = getattr(error, "pos", 0)
    if text.startswith("{") and (not text.endswith("}") or position >= len(text) or reason.startswith("Unterminated string")):
        return Truncated(name, f"cut off after {size} bytes")
    return BadInput(f"{name} is not JSON: {reason} at character {position}.")


def _repository(entry: Mapping[str, t.Any], own: bool) -> tuple[str, str]:
    """The repository that an entry names for its newest version, else as its source; or why there is none."""
    versions = entry.get("versions")
    in_git = [version for version in versions if _is_in_git(version)] if isinstance(versions, list) else []
    named = [max(in_git, key=_age)["vcsrepositoryurl"]] if in_git else []
    problem = "it names no Git repository"
    for number, value in enumerate([*named, entry.get("source")]):
        url = value.strip() if isinstance(value, str) else ""
        wrong = _wrong(url, own) if url else ""
        if url and not wrong:
            return url, ""
        if wrong and number == 0:
            problem = wrong
    return "", problem


def _is_in_git(version: object) -> bool:
    if not isinstance(version, dict) or str(version.get("vcssystem")).lower() != "git":
        return False
    return isinstance(version.get("vcsrepositoryurl"), str) and bool(version["vcsrepositoryurl"].strip())


def _age(version: Mapping[str, t.Any]) -> tuple[int, float]:
    created, number = version.get("timecreated"), str(version.get("version"))
    return (created if isinstance(created, int) else 0), (float(number) if _NUMBER.fullmatch(number) else 0.0)


def _wrong(url: str, own: bool) -> str:
    if not SOURCE.fullmatch(url):
        return f"{_cut(url)} is no URL of a Git repository"
    if not own and _ON_THIS_HOST.match(url):
        return f"{_cut(url)} is on this host, where a list from elsewhere must not point"
    return ""


def _cut(text: str) -> str:
    shown = ascii(without_secrets(text))
    return shown if len(shown) < 100 else f"{shown[:96]}…'"  # noqa: PLR2004 - what a message can hold
