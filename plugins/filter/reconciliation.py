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
IN_ORDER = "in order"
NEWER = "newer available"
TO_BUILD = "to build"
TO_DELIVER = "to deliver"
TO_REMOVE = "to remove"
NOT_KNOWN = "not known"
LONGEST = 200  # of what a host that could not be asked said


def reconciliation(info: Mapping[str, t.Any], served: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What M(moodle_codebase_info) found, and for each host what M(moodle_delivery_info) found, as rows, a table and a verdict."""
    try:
        planned = _by_component(info["planned"])
        built = _by_component(info["built"].get("components", []))
        deployed = {host: _deployed(about, info) for host, about in served.items()}
        known = [built, *filter(None, deployed.values())]
        gone = dict.fromkeys(name for held in known for name in held if name not in planned)
        rows = [_row(part, info, built.get(name), _there(name, _version(part), deployed, served)) for name, part in planned.items()]
        rows += [_gone(name, info, built.get(name), deployed) for name in gone]
        silent = {host: word for host, about in served.items() if (word := _silent(about))}
        drift = {host: found for host, about in served.items() if (found := _drift(about))}
        return {
            "rows": rows,
            "table": [
                *_table(rows),
                *(f"{host}: {_why(word, served[host])}" for host, word in silent.items()),
                *(f"{host}: {line}" for host, lines in drift.items() for line in lines),
            ],
            "drift": drift,
            "in_sync": bool(info["in_sync"]) and not drift and not silent and all(row["verdict"] in (IN_ORDER, NEWER) for row in rows),
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(
            f"reconciliation: the results of moodle_codebase_info and moodle_delivery_info are expected ({error!r})."
        ) from error


def _row(part: Mapping[str, t.Any], info: Mapping[str, t.Any], built: Mapping[str, t.Any] | None, there: Mapping[str, Row]) -> Row:
    name = part["component"]
    wanted = _by_component(info["desired"]).get(name)
    locked = _by_component(info["locked"]).get(name)
    newer = _by_component(info["outdated"]).get(name)
    states = {here["state"] for here in there.values()}
    verdicts = []
    if not built or not built["same"] or (built["ref"], built["commit"]) != (part["ref"], part["commit"]):
        verdicts.append(TO_BUILD)
    verdicts += [verdict for verdict in (TO_DELIVER, NOT_KNOWN) if verdict in states]
    if newer:
        verdicts.append(NEWER)
    return {
        "component": name,
        "wanted": wanted["wanted"] if wanted else "needed by others",
        "locked": locked["ref"] if locked else "-",
        "deployed": _said({host: here["version"] for host, here in there.items()}),
        "available": newer["available"] if newer else f"{_version(part)} ({part['ref']})",
        "verdict": ", ".join(verdicts) or IN_ORDER,
    }


def _gone(name: str, info: Mapping[str, t.Any], built: Mapping[str, t.Any] | None, deployed: Mapping[str, t.Any]) -> Row:
    """The file does not name it any more, and the last build or a host still has it."""
    versions = {host: _version(found.get(name)) for host, found in deployed.items() if found}
    locked = _by_component(info["locked"]).get(name) or built
    return {
        **dict.fromkeys(COLUMNS, "-"),
        "component": name,
        "locked": locked["ref"] if locked else "-",
        "deployed": _said(versions),
        "verdict": TO_REMOVE,
    }


def _deployed(about: Mapping[str, t.Any], info: Mapping[str, t.Any]) -> dict[str, Mapping[str, t.Any]] | None:
    """What a host serves, by component; None where that is not known."""
    revision = revision_served(about)
    return _by_component(info["deployed"].get(revision) or []) or None if revision else None


def _there(name: str, wanted: str, deployed: Mapping[str, t.Any], served: Mapping[str, t.Any]) -> dict[str, Row]:
    """The version of a component on each host, and whether a delivery would change it there."""
    found = {}
    for host, about in served.items():
        held = deployed[host]
        if word := _silent(about):
            found[host] = {"version": word, "state": NOT_KNOWN}
        elif held is None:
            found[host] = {"version": "unknown" if about.get("current") else "nothing", "state": TO_DELIVER}
        else:
            version, same = _version(held[name]), held[name]["same"]
            # Own files, a patch or a hot fix: the number alone would hide it.
            hidden = not same and version == wanted
            found[host] = {"version": f"{version} (other files)" if hidden else version, "state": IN_ORDER if same else TO_DELIVER}
    return found


def _silent(about: Mapping[str, t.Any]) -> str:
    """Why a host said nothing; empty when it did."""
    if about.get("unreachable"):
        return "unreachable"
    return "" if "current" in about and not about.get("failed") else "failed" if about else "not asked"


def _why(word: str, about: Mapping[str, t.Any]) -> str:
    said = " ".join(str(about.get("msg") or "").split())
    return f"{word}: {said[:LONGEST]}" if said else word


def revision_served(about: Mapping[str, t.Any]) -> str:
    """The commit that a host serves, from what M(moodle_delivery_info) found; empty when it serves nothing."""
    releases = {release["id"]: release["revision"] for release in about.get("releases") or []}
    return str(releases.get(about.get("current")) or "")


def _version(found: Mapping[str, t.Any] | None) -> str:
    """PHP reads 2023100900.00 as a number with a point."""
    version = found["version"] if found else None
    if version is None:
        return "-"
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
