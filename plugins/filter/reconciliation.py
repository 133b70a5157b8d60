# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lays side by side what is wanted, locked, deployed and available, component by component."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Mapping

from ansible.errors import AnsibleFilterError

Row = dict[str, str]
COLUMNS = ("component", "wanted", "locked", "deployed", "available", "verdict")


def reconciliation(info: Mapping[str, t.Any], served: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What M(moodle_codebase_info) found, and for each host what M(moodle_delivery_info) found, as rows, a table and a verdict."""
    try:
        rows = [_row(part, info, served) for part in info["planned"]]
        rows += [_gone(part) for part in info["built"].get("components", []) if part["component"] not in {row["component"] for row in rows}]
        drift = {host: found for host, about in served.items() if (found := _drift(about))}
        return {
            "rows": rows,
            "table": _table(rows) + [f"{host}: {line}" for host, lines in drift.items() for line in lines],
            "drift": drift,
            "in_sync": bool(info["in_sync"]) and not drift and all(row["verdict"] in ("in order", NEWER) for row in rows),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(
            f"reconciliation: the results of moodle_codebase_info and moodle_delivery_info are expected ({error!r})."
        ) from error


NEWER = "newer available"


def _row(part: Mapping[str, t.Any], info: Mapping[str, t.Any], served: Mapping[str, t.Any]) -> Row:
    name = part["component"]
    wanted = _by_component(info["desired"]).get(name)
    locked = _by_component(info["locked"]).get(name)
    newer = _by_component(info["outdated"]).get(name)
    built = _by_component(info["built"].get("components", [])).get(name)
    deployed = {host: _deployed(name, about, info) for host, about in served.items()}
    verdicts = []
    if not built or built["commit"] != part["commit"]:
        verdicts.append("to build")
    if any(not here["same"] for here in deployed.values()):
        verdicts.append("to deliver")
    if newer:
        verdicts.append(NEWER)
    return {
        "component": name,
        "wanted": wanted["wanted"] if wanted else "needed by others",
        "locked": locked["ref"] if locked else "-",
        "deployed": _said({host: here["version"] for host, here in deployed.items()}),
        "available": newer["available"] if newer else f"{_number(part['version'])} ({part['ref']})",
        "verdict": ", ".join(verdicts) or "in order",
    }


def _gone(part: Mapping[str, t.Any]) -> Row:
    row = dict.fromkeys(COLUMNS, "-")
    return {**row, "component": part["component"], "locked": part["ref"], "verdict": "to remove"}


def _deployed(component: str, about: Mapping[str, t.Any], info: Mapping[str, t.Any]) -> Row:
    """What a host serves of a component. A host that could not be asked, or serves nothing yet, is out of step."""
    if not about.get("releases") and about.get("current") is None:
        return {"version": "unreachable" if about.get("unreachable") or about.get("failed") else "nothing", "same": ""}
    found = _by_component(info["deployed"].get(revision_served(about), [])).get(component)
    if found is None:
        return {"version": "unknown", "same": ""}
    return {"version": "-" if found["version"] is None else _number(found["version"]), "same": "yes" if found["same"] else ""}


def revision_served(about: Mapping[str, t.Any]) -> str:
    """The commit that a host serves, from what M(moodle_delivery_info) found; empty when it serves nothing."""
    releases = {release["id"]: release["revision"] for release in about.get("releases") or []}
    return str(releases.get(about.get("current")) or "")


def _number(version: object) -> str:
    """PHP reads 2023100900.00 as a number with a point."""
    return str(int(version)) if isinstance(version, float) and version.is_integer() else str(version)


def _said(versions: Mapping[str, str]) -> str:
    if not versions:
        return "-"
    if len(set(versions.values())) == 1:
        return next(iter(versions.values()))
    return ", ".join(f"{host}: {version}" for host, version in sorted(versions.items()))


def _drift(about: Mapping[str, t.Any]) -> list[str]:
    drift = about.get("drift") or {}
    return [f"{kind} {path}" for kind in ("modified", "missing", "unexpected") for path in drift.get(kind) or []]


def _by_component(parts: Iterable[Mapping[str, t.Any]]) -> dict[str, Mapping[str, t.Any]]:
    return {part["component"]: part for part in parts}


def _table(rows: list[Row]) -> list[str]:
    """Lines of equal columns, without the blanks at their ends."""
    lines = [dict(zip(COLUMNS, COLUMNS)), *rows]
    widths = {column: max(len(line[column]) for line in lines) for column in COLUMNS}
    return ["  ".join(line[column].ljust(widths[column]) for column in COLUMNS).rstrip() for line in lines]


class FilterModule:
    """Filters of lms.moodle."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"reconciliation": reconciliation, "revision_served": revision_served}
