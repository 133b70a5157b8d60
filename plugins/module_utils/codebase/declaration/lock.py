# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock: what was decided for a manifest, commit by commit. A build from the lock alone decides nothing."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...common.errors import BadInput
from ...common.process import without_secrets
from .manifest import COMMIT, Part
from .third_party import yaml
from .yaml_file import read_yaml

HEADER = "# Written by lms.moodle: what was decided for the code base file beside it. Keep it in Git, do not edit it.\n"
NEEDED = ("component", "source", "wanted", "ref", "commit")
KEYS = (*NEEDED, "tree", "reason")
Dumper = getattr(yaml, "CSafeDumper", getattr(yaml, "SafeDumper", object))


@dataclass(frozen=True)
class Locked:
    """One decision: for this wish (source and wanted) it was this commit; ``tree`` is what was built of it, its patches applied."""

    component: str
    source: str
    wanted: str
    ref: str
    commit: str
    tree: str = ""
    reason: str = ""

    def answers(self, part: Part, branch: str = "") -> bool:
        """Whether the manifest still asks what was asked when this was decided."""
        return (self.component, self.source, self.wanted) == (part.component, source_of(part), wish(part, branch))


def wish(part: Part, branch: str) -> str:
    """What is asked for. A choice is one for a branch of the core: with another branch it has to be made anew."""
    lowest = f", {part.maturity} or better" if part.maturity != "stable" else ""
    return f"{part.wanted}{lowest}, for branch {branch}" if part.wanted.kind == "newest" else f"{part.wanted}{lowest}"


def source_of(part: Part) -> str:
    """Its source as it may be shown, and as it is on any host: a zip is known by its checksum, wherever it lies."""
    zipped_here = part.wanted.kind == "zip" and "://" not in part.source
    return posixpath.basename(part.source) if zipped_here else without_secrets(part.source)


def decision(part: Part, ref: str, commit: str, reason: str = "", branch: str = "") -> Locked:
    """What was found for ``part``. The lock is kept in Git and shown to many: no password in a URL goes into it."""
    return Locked(part.component, source_of(part), wish(part, branch), ref, commit, "", reason)


def write_lock(project: str, tree: str, entries: Iterable[Locked], overlays: Iterable[Mapping[str, str]] = ()) -> str:
    components = [{key: getattr(entry, key) for key in KEYS} for entry in entries]
    data = {"project": project, "tree": tree, "components": components, "overlays": [dict(overlay) for overlay in overlays]}
    return HEADER + yaml.dump(data, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1000)


def read_lock(text: str, name: str, project: str) -> dict[str, Locked]:
    """The decisions by component; a lock of another project or a damaged one is an error, not a guess."""
    data, _dummy = read_yaml(text, name)
    if not isinstance(data, dict) or not isinstance(data.get("components"), list):
        raise BadInput(f"{name} is not a lock file: restore it from Git, or delete it to have everything decided afresh.")
    if data.get("project") != project:
        raise BadInput(f"{name} belongs to the project '{data.get('project')}', not to '{project}': name another lock_file.")
    found = {}
    for item in data["components"]:
        if not _is_decision(item):
            raise BadInput(f"{name} has a damaged entry: {item!r}. Restore it from Git, or delete it to have everything decided afresh.")
        found[item["component"]] = Locked(**item)
    return found


def read_overlays(text: str, name: str) -> list[dict[str, str]]:
    """The own files that were laid over: where, and which tree."""
    data, _dummy = read_yaml(text, name)
    found = data.get("overlays") if isinstance(data, dict) else None
    return [item for item in found or [] if isinstance(item, dict) and {"to", "tree"} <= set(item)]


def _is_decision(item: object) -> bool:
    if not isinstance(item, dict) or not set(NEEDED) <= set(item) <= set(KEYS):
        return False
    return all(isinstance(value, str) for value in item.values()) and bool(COMMIT.fullmatch(item["commit"]))
