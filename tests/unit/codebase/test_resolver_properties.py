# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resolver against trying every combination, against any version.php, and against the clock."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.resolving import at, core, error, reasons, wish

from ansible_collections.lms.moodle.plugins.module_utils.codebase.resolving.resolver import Candidate, Wish, resolve
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

# Against trying everything

VERSIONS = st.sampled_from([1, 2, 2.5, "3", 4])
NAMES = ("mod_a", "mod_b", "mod_c", "mod_d")
NEEDS = st.dictionaries(st.sampled_from([*NAMES, "mod_core", "mod_gone"]), st.sampled_from([0, 1, 2, "2.5", 3, 4.0, 5, "any"]), max_size=3)
CANDIDATES = st.lists(st.tuples(VERSIONS, NEEDS, st.booleans()), min_size=1, max_size=4)
UNIVERSES = st.dictionaries(st.sampled_from(NAMES), CANDIDATES, min_size=1)


def wishes_of(universe: dict[str, Any]) -> list[Wish]:
    return [
        wish(name, *(at(f"tag v{place}", version, dependencies=needs, requires=old * 2099010100) for place, (version, needs, old) in rungs))
        for name, rungs in ((name, list(enumerate(rungs))) for name, rungs in universe.items())
    ]


def best_by_trying_everything(wishes: list[Wish]) -> dict[str, Candidate] | None:
    """Of all combinations that hold, the one in which every plugin is highest; None if there is none."""
    holding = []
    ranked = [sorted((one for one in wished.candidates if not one.version["requires"]), key=rank) for wished in wishes]  # type: ignore[index]
    for combination in itertools.product(*(range(len(rungs)) for rungs in ranked)):
        chosen = {wished.component: rungs[place] for wished, rungs, place in zip(wishes, ranked, combination)}
        have = {name: Decimal(str(one.version["version"])) for name, one in chosen.items()} | {"mod_core": Decimal(3)}  # type: ignore[index]
        wanted = [need for one in chosen.values() for need in one.version["dependencies"].items()]  # type: ignore[index]
        if all(version == "any" or name not in have or have[name] >= Decimal(str(version)) for name, version in wanted):
            holding.append((combination, chosen))
    if not holding:
        return None
    best, chosen = max(holding, key=lambda pair: sum(pair[0]))
    assert all(place <= highest for combination, _dummy in holding for place, highest in zip(combination, best))
    return chosen


def rank(candidate: Candidate) -> tuple[Decimal, str]:
    return Decimal(str(candidate.version["version"])), candidate.name  # type: ignore[index]


@given(UNIVERSES, st.randoms(use_true_random=False))
def test_it_finds_the_one_highest_combination_in_whatever_order_it_is_asked(universe: dict[str, Any], chance: random.Random) -> None:
    wishes = wishes_of(universe)
    best = best_by_trying_everything(wishes)
    shuffled = [wish(one.component, *chance.sample(one.candidates, len(one.candidates))) for one in wishes]
    chance.shuffle(shuffled)
    if best is None:
        assert error(wishes, mod_core=3) == error(shuffled, mod_core=3)
        return
    resolution = resolve(core(mod_core=3), wishes)
    assert {name: choice.candidate for name, choice in resolution.choices.items()} == best
    assert resolve(core(mod_core=3), shuffled) == resolution
    for wished in wishes:
        above = {f"tag {one.name}" for one in wished.candidates if rank(one) > rank(best[wished.component])}
        assert above <= set(reasons(resolution.choices[wished.component]))


@given(UNIVERSES, st.dictionaries(st.sampled_from(NAMES), st.lists(st.none() | VERSIONS, min_size=4, max_size=4)))
def test_with_sub_plugins_coming_and_going_what_is_chosen_still_holds(universe: dict[str, Any], inside: dict[str, list[Any]]) -> None:
    wishes = []
    for wished in wishes_of(universe):
        versions = inside.get(wished.component, [None] * 4)
        brought = [{"mod_gone": version} if version else {} for version in versions]
        wishes.append(wish(wished.component, *(replace(one, brings=there) for one, there in zip(wished.candidates, brought))))
    try:
        resolution = resolve(core(mod_core=3), wishes)
    except BadInput:
        return
    have = {"mod_core": Decimal(3)}
    for choice in resolution.choices.values():
        have |= {name: max(Decimal(str(version)), have.get(name, Decimal(0))) for name, version in choice.candidate.brings.items()}
    have |= {name: Decimal(str(choice.candidate.version["version"])) for name, choice in resolution.choices.items()}  # type: ignore[index]
    for name, choice in resolution.choices.items():
        for other, version in choice.candidate.version["dependencies"].items():  # type: ignore[index]
            missing = any((one.component, one.needed_by) == (other, name) for one in resolution.missing)
            assert missing == (other not in have)
            assert missing or version == "any" or have[other] >= Decimal(str(version))


JUNK = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.lists(st.integers() | st.text(max_size=2), max_size=3)
)
PROPERTIES = ("version", "requires", "supported", "incompatible", "maturity", "dependencies", "component", "release")


@given(st.lists(st.dictionaries(st.sampled_from(PROPERTIES), JUNK | st.dictionaries(st.text(max_size=3), JUNK)), max_size=4), st.booleans())
def test_whatever_a_version_php_says_there_is_an_answer_or_one_error(found: list[dict[str, Any]], force: bool) -> None:
    candidates = [Candidate("tag", f"v{place}", "c", properties) for place, properties in enumerate(found)]
    wishes = [Wish("mod_x", False, False, "stable", "", candidates)]
    wishes += [Wish(f"mod_{place}", True, force, "stable", "", [one]) for place, one in enumerate(candidates)]
    wishes += [Wish("mod_y", False, force, "beta", "1.0", candidates)]
    for wished in wishes:
        try:
            assert resolve(core(), [wished]).choices[wished.component].candidate in candidates
        except BadInput as problem:
            assert problem.message.startswith(f"{wished.component}: ")


def test_a_large_code_base_is_decided_at_once() -> None:
    def plugin(place: int) -> Wish:
        candidates = [
            at(
                f"tag v{version}" if version % 2 else f"branch MOODLE_{400 + version}_STABLE",
                2024000000 + version,
                supported=[400, 402] if version < 50 else [403, 405],
                dependencies={f"mod_p{(place + 1) % 500}": 2024000000 + version - 5, "mod_forum": "any"},
            )
            for version in range(60)
        ]
        return wish(f"mod_p{place}", *candidates)

    wishes = [plugin(place) for place in range(500)]
    start = time.process_time()
    resolution = resolve(core(mod_forum=1), wishes)
    assert time.process_time() - start < 2
    assert {choice.candidate.name for choice in resolution.choices.values()} == {"v49"}
