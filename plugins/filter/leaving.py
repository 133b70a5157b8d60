# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides which plugins a delivery uninstalls before they leave the code."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible.errors import AnsibleFilterError

Facts = Mapping[str, t.Any]
NAME = "moodle_uninstall"


def leaving_plan(
    told: Facts, asked: Sequence[str], held: Sequence[str], word: Mapping[str, str | None], releases: Sequence[Mapping[str, t.Any]]
) -> dict[str, t.Any]:
    """What is to be uninstalled of the plugins that were asked for, from what ``leaving.php`` told of them and of those in ``word``.

    ``held`` are those that the new code holds, as far as that is known; ``word`` are those that earlier runs uninstalled, with the
    dump that was taken before, or with None as soon as they left; ``releases`` are the kept ones, the oldest first.
    """
    try:
        plugins = told["plugins"]
        # A part goes with its plugin.
        alone = [name for name in dict.fromkeys(asked) if plugins[name]["owner"] not in asked]
        # Uninstalled by a run that never came as far as the switch, wholly or half.
        begun = {name: dump for name, dump in word.items() if dump is not None and _began(plugins[name])}
        half = [name for name in dict.fromkeys([*alone, *begun]) if _half(plugins[name])]
        todo = [name for name in alone if plugins[name]["database"] is not None or name in half]
        refused = [
            _nodes(told["nodes"], todo),
            *(_refused(name, plugins[name], name in word, held, releases) for name in alone),
            *(f"{name} was left half uninstalled by an earlier run: name it in {NAME} again" for name in half if name not in asked),
        ]
        return {
            "refused": [sentence for sentence in refused if sentence],
            "uninstall": todo,
            "again": {name: str(plugins[name]["disk"]) for name in half},
            "gone": list(dict.fromkeys(one for name in todo for one in (name, *plugins[name]["parts"]))),
            "begun": begun,
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(f"leaving_plan: what leaving.php told is expected ({error!r}).") from error


def _began(facts: Facts) -> bool:
    return facts["database"] is None and facts["disk"] is not None


def _half(facts: Facts) -> bool:
    """Moodle takes the version out of the database before it drops tables, and does not know then what it has begun."""
    return _began(facts) and bool(facts["left"])


def _nodes(count: int, todo: Sequence[str]) -> str:
    if not count or not todo:
        return ""
    return (
        f"{count} virtual nodes run on the same code, each with a database of its own: uninstall {', '.join(todo)} in all of them"
        f" and in the site with the playbook fleet_run (admin/cli/uninstall_plugins.php) beforehand, and leave {NAME} out"
    )


def _refused(name: str, facts: Facts, known_to_us: bool, held: Sequence[str], releases: Sequence[Mapping[str, t.Any]]) -> str:
    """Why a plugin cannot be uninstalled, and the way out; empty when it can, or when it is done."""
    if name in held:
        return f"{name} does not leave, the new code holds it: take it out of the code base, or out of {NAME}"
    half = _half(facts)
    if facts["database"] is None and not half:
        there = known_to_us or facts["disk"] is not None
        return "" if there else f"{name} is known neither to the database nor to the code: mend the name in {NAME}, or take it out"
    if facts["disk"] is None:
        return (
            f"{name} has left the code that is served already, and with it its own uninstall.php: deliver code that holds it"
            f" ({_kept(facts['kept'], releases)}), and name it with the delivery after that; or take it out of {NAME}"
        )
    if facts["needed_by"]:
        others = ", ".join(facts["needed_by"])
        return (
            f"{name} is needed by {others}, and Moodle does not uninstall it as long as the code that is served holds the latter:"
            f" make two deliveries, one without {others}, named in {NAME}, and then one without {name}"
        )
    if not facts["willing"] and not half:
        return f"{name} is not to be uninstalled, says Moodle: it belongs to core, or is in use as the default; take it out of {NAME}"
    return ""


def _kept(kept: Sequence[str], releases: Sequence[Mapping[str, t.Any]]) -> str:
    """The newest kept release that holds a plugin."""
    found = [release for release in releases if release["id"] in kept]
    return f"the release {found[-1]['id']} does, revision {found[-1]['revision']}" if found else "no kept release does"


class FilterModule:
    """Filters of the role delivery."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"leaving_plan": leaving_plan}
