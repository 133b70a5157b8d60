# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what an upgrade of the fleet has to do, and says how it went."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from ansible.errors import AnsibleFilterError

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.fleet.names import Certificate, behind, servers
from ansible_collections.lms.moodle.plugins.module_utils.fleet.pace import Budget
from ansible_collections.lms.moodle.plugins.module_utils.fleet.routes import sharing

_SHOWN = 20

Nodes = Sequence[Mapping[str, t.Any]]
Plan = dict[str, t.Any]


def fleet_plan(nodes: Nodes, closed_by_us: Sequence[str], close_all: bool = False) -> Plan:
    """What M(vmoodle_node_info) found, and the addresses that earlier runs closed, as lists of addresses and as sentences."""
    try:
        word = set(closed_by_us)
        known = {node["wwwroot"]: node for node in nodes if node["enabled"] is not False or node["wwwroot"] in word}
        silent = {address: node["error"] for address, node in known.items() if not node["reachable"]}
        asked = {address: node for address, node in known.items() if node["reachable"]}
        pending = [address for address, node in asked.items() if node["upgrade_pending"]]
        shut = {address for address, node in asked.items() if node["maintenance"]}
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(f"fleet_plan: the nodes that vmoodle_node_info found are expected ({error!r}).") from error
    others = [address for address, node in asked.items() if not node["upgrade_pending"]]
    # Those of ours that are open were opened by somebody, or by a run that was killed before it could say so.
    ours = [address for address in closed_by_us if address in shut or address not in asked]
    theirs = [address for address in pending if address in shut and address not in word]
    to_close = [address for address in (asked if close_all else pending) if address not in shut]
    to_open = [] if close_all else [address for address in others if address in shut and address in word]
    return {
        "count": len(known),
        "asked": list(asked),
        "others": others,
        "pending": pending,
        "upgrade": [] if close_all else pending,
        "silent": silent,
        "close": to_close,
        "open": to_open,
        "closed_by_us": [*ours, *to_close],
        "findings": [
            f"{len(known)} nodes, {len(pending)} with a pending upgrade",
            *_sentence("have a pending upgrade", pending),
            *_sentence("cannot be asked", [f"{address} ({why})" for address, why in silent.items()]),
            *_sentence("were closed by somebody, and stay closed", theirs),
            *_sentence("were left closed by an earlier run, and are opened", to_open),
            *_sentence("are closed", to_close),
        ],
    }


def _sentence(what: str, named: Sequence[str]) -> list[str]:
    more = [f"and {len(named) - _SHOWN} more"] if len(named) > _SHOWN else []
    return [_one_line(f"{len(named)} {what}: {', '.join([*named[:_SHOWN], *more])}")] if named else []


def _one_line(text: str) -> str:
    # What the registry holds may be anything.
    return " ".join(text.split())


def fleet_outcome(plan: Plan, runs: Mapping[str, Mapping[str, t.Any]], after: Nodes, max_failures: str = "") -> dict[str, t.Any]:
    """How it went: ``runs`` are results by what they were for, ``after`` is what M(vmoodle_node_info) found then."""
    troubles = {address: f"cannot be asked: {why}" for address, why in plan["silent"].items()}
    general = []
    for what, result in runs.items():
        if not ({"nodes", "results"} & result.keys() or result.get("skipped")):
            general.append(f"{what}: {result['msg']}")
        for address, why in fleet_failed(result).items():
            troubles.setdefault(address, f"{what}: {why}")
    now = {node["wwwroot"]: node for node in after}
    to_be_open = {*plan["open"], *({*plan["closed_by_us"]} & {*plan["upgrade"]})}
    for address in {*plan["upgrade"], *plan["open"]}:
        if address in now and (wrong := _wrong(now[address], address in to_be_open)):
            troubles.setdefault(address, wrong)
    still = [address for address in plan["closed_by_us"] if address not in now or not _is_open(now[address])]
    done = [address for address in plan["upgrade"] if address not in troubles]
    return {
        "summary": (
            f"{len(done)} of {len(plan['pending'])} nodes upgraded, {len(troubles)} of {plan['count']} not ok,"
            f" {len(still)} closed for the upgrade"
        ),
        "lines": [*general, *(_one_line(f"{address}: {trouble}") for address, trouble in sorted(troubles.items()))],
        "counts": {
            "nodes": plan["count"],
            "pending": len(plan["pending"]),
            "upgraded": len(done),
            "not_ok": len(troubles),
            "closed": len(still),
        },
        "closed_by_us": still,
        "failed": bool(general) or _budget(max_failures, plan).fails(len(troubles)),
    }


def fleet_waves(upgrade: Sequence[str], sites: Sequence[str], canary: int, batch: int) -> list[list[str]]:
    """The addresses of each wave: the canary, then batches. Each node must be led to a release by its host name alone."""
    if shared := sorted(sharing(sites) & {*upgrade}):
        raise AnsibleFilterError(
            f"These nodes share their host name with another site, so that a web server cannot lead them to a release of their own:"
            f" {', '.join(shared[:_SHOWN])}. Upgrade the fleet without waves."
        )
    first = [list(upgrade[:canary])] if canary else []
    return [wave for wave in (*first, *(list(upgrade[at : at + batch]) for at in range(canary, len(upgrade), batch))) if wave]


def fleet_origins(addresses: Sequence[str], routes: Mapping[str, str], current: str, release: str) -> dict[str, list[str]]:
    """The releases that nodes came from when they were led to ``release``, each with their host names."""
    found: dict[str, list[str]] = {}
    for address in addresses:
        host = urlsplit(address).hostname or ""
        came = routes.get(host, current)
        # Led there by a run that was killed.
        found.setdefault(current if came == release else came, []).append(host)
    return found


def fleet_spent(troubles: Mapping[str, str], plan: Plan, max_failures: str = "") -> bool:
    """Whether no further node may be begun, after these went wrong."""
    return _budget(max_failures, plan).stops(len(troubles))


def fleet_failed(result: Mapping[str, t.Any], asked: Sequence[str] = ()) -> dict[str, str]:
    """The nodes that are not ok, and why: of M(vmoodle_cli), or of a task that was run once for each address.

    A result that tells of no node at all is the failure of all that were ``asked``.
    """
    if not ({"nodes", "results"} & result.keys() or result.get("skipped")):
        return dict.fromkeys(asked, str(result.get("msg", "failed")))
    found = {node["wwwroot"]: f"{node['verdict']}: {node['reason']}" for node in result.get("nodes", []) if node["verdict"] != "ok"}
    return found | {one["item"]: str(one.get("msg", "failed")) for one in result.get("results", []) if one.get("failed")}


def fleet_servers(
    addresses: Sequence[str], certificate: str, key: str, certificates: Mapping[str, Mapping[str, str]]
) -> list[dict[str, t.Any]]:
    """What a web server has to answer to, so that nodes are found under their addresses."""
    return _certified(servers, addresses, certificate, key, certificates)


def fleet_behind(addresses: Sequence[str], certificate: str, key: str, certificates: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The addresses with HTTPS that ends in a proxy before the web server."""
    return _certified(behind, addresses, certificate, key, certificates)


def _certified(
    work: t.Callable[..., list[t.Any]], addresses: Sequence[str], certificate: str, key: str, certificates: Mapping[str, Mapping[str, str]]
) -> list[t.Any]:
    try:
        others: dict[str, Certificate] = {name.lower(): (one["certificate"], one["key"]) for name, one in certificates.items()}
        return work(addresses, (certificate, key), others)
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(f"A certificate of a node is said as {{certificate: PATH, key: PATH}} ({error!r}).") from error
    except BadInput as error:
        raise AnsibleFilterError(str(error)) from error


def _budget(max_failures: str, plan: Plan) -> Budget:
    try:
        return Budget.parse(max_failures or None, plan["count"])
    except BadInput as error:
        raise AnsibleFilterError(str(error)) from error


def _wrong(node: Mapping[str, t.Any], to_be_open: bool) -> str:
    if not node["reachable"]:
        return f"cannot be asked any more: {node['error']}"
    if node["upgrade_pending"]:
        return "its upgrade is pending still"
    if to_be_open and node["maintenance"]:
        return "is still closed"
    return ""


def _is_open(node: Mapping[str, t.Any]) -> bool:
    return bool(node["reachable"]) and not node["maintenance"]


class FilterModule:
    """The filters."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "fleet_plan": fleet_plan,
            "fleet_waves": fleet_waves,
            "fleet_origins": fleet_origins,
            "fleet_spent": fleet_spent,
            "fleet_failed": fleet_failed,
            "fleet_outcome": fleet_outcome,
            "fleet_servers": fleet_servers,
            "fleet_behind": fleet_behind,
        }
