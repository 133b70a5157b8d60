# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a delivery, as a table, and how two trees differ."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.delivery_root import NEW, OLD
from support.repositories import Source

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.delivery.history import History
from ansible_collections.lms.moodle.plugins.module_utils.delivery.steps import STATES, Situation, plan
from ansible_collections.lms.moodle.plugins.module_utils.delivery.trees import (
    Change,
    Drift,
    Entry,
    listed_changes,
    parse_diff_tree,
    parse_ls_tree,
    shown,
)

PHASES = (None, "secured", "delivering", "updated")
PLANS = {
    # asked for: the steps from each phase, for new content that is not prepared yet
    "secured": (["secure"], [], [], []),
    "delivering": (["secure", "open"], ["open"], [], []),
    "updated": (["secure", "open", "update"], ["open", "update"], ["update"], ["update"]),
    "live": (["secure", "open", "update", "switch"], ["open", "update", "switch"], ["update", "switch"], ["update", "switch"]),
    "rolled_back": (["go_back"], ["go_back", "abandon"], ["go_back", "abandon"], ["go_back", "abandon"]),
    "abandoned": ([], ["abandon"], ["abandon"], ["abandon"]),
}


@pytest.mark.parametrize(("wanted", "phase"), [(wanted, phase) for wanted in STATES for phase in PHASES])
def test_each_state_implies_those_before_it(wanted: str, phase: str | None) -> None:
    assert plan(wanted, Situation(phase, serves_wanted=False, work_is_wanted=False)) == PLANS[wanted][PHASES.index(phase)]


@pytest.mark.parametrize(
    ("wanted", "phase", "facts", "steps"),
    [
        ("updated", "updated", {"work_is_wanted": True}, []),
        ("live", "updated", {"work_is_wanted": True}, ["switch"]),
        ("updated", None, {"serves_wanted": True}, []),
        ("updated", "delivering", {"serves_wanted": True}, []),
        ("updated", "updated", {"serves_wanted": True}, ["update"]),
        ("live", None, {"serves_wanted": True}, []),
        ("live", "updated", {"serves_wanted": True}, ["abandon"]),
        ("rolled_back", None, {"serves_target": True}, []),
        ("rolled_back", "updated", {"serves_target": True}, ["abandon"]),
    ],
)
def test_what_holds_already_is_not_done_again(wanted: str, phase: str | None, facts: dict[str, bool], steps: list[str]) -> None:
    assert plan(wanted, Situation(phase, **{"serves_wanted": False, "work_is_wanted": False, **facts})) == steps


def test_a_phase_of_another_version_is_not_guessed_about() -> None:
    with pytest.raises(BadInput, match="the phase 'dreaming', which this version does not know"):
        plan("live", Situation("dreaming", serves_wanted=False, work_is_wanted=False))


ENTRIES = st.none() | st.builds(Entry, st.sampled_from(["100644", "100755"]), st.sampled_from("ab"))


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.builds(Change, ENTRIES, ENTRIES), max_size=6))
def test_changes_are_the_same_in_both_directions(changes: dict[str, Change]) -> None:
    there, back = listed_changes(changes), listed_changes({path: Change(new, old) for path, (old, new) in changes.items()})
    assert (there["added"], there["modified"]) == (back["removed"], back["modified"])


@given(st.binary(min_size=1).map(lambda name: name.decode(errors="surrogateescape")))
def test_a_name_as_it_is_shown_fits_on_a_line_and_into_json(name: str) -> None:
    assert shown(name).isprintable()
    assert shown(name).encode()


def test_a_long_drift_is_told_in_short() -> None:
    assert str(Drift(modified=tuple("abcdefg"), missing=("x\ny",))) == "7 modified (a, b, c, d, e, …), 1 missing (x\\ny)"


@pytest.mark.parametrize("path", [".git/x", "a/.Git", "../x", "a/../b", "a//b", "./a"])
def test_a_forged_path_is_refused(path: str) -> None:
    with pytest.raises(BadInput, match="leads out of it"):
        parse_ls_tree(f"100644 blob {'0' * 40}\t{path}\0".encode(), "tree")


@pytest.mark.parametrize("path", [".git/x", "a/.Git", "../x", "a/../b", "a//b", "./a"])
@pytest.mark.parametrize("mode", ["100644", "160000"])
def test_a_forged_path_is_refused_where_it_is_new_too(path: str, mode: str) -> None:
    with pytest.raises(BadInput, match="leads out of it"):
        parse_diff_tree(f":000000 {mode} {'0' * 40} {'1' * 40} A\0{path}\0".encode(), "tree")


def test_a_submodule_is_refused_where_it_is_new_too() -> None:
    with pytest.raises(BadInput, match="submodule"):
        parse_diff_tree(f":100644 160000 {'0' * 40} {'1' * 40} T\0mod/a\0".encode(), "tree")


def test_a_step_between_trees_is_what_their_lists_say(tmp_path: Path) -> None:
    source = Source(tmp_path / "source")
    odd: dict[str, bytes | str | None] = {"line\nbreak.php": "1", "ümlaut.php": "1", " a\tb ": "1"}
    trees = [source.tree(source.commit(files)) for files in (OLD, NEW, {**OLD, **odd}, {})]
    history = History(source.path / ".git")
    for one in (None, *trees):
        for other in trees:
            old, new = history.files(one) if one else {}, history.files(other)
            paths = {path for path in {*old, *new} if old.get(path) != new.get(path)}
            assert history.differences(one, other) == {path: Change(old.get(path), new.get(path)) for path in paths}


def test_a_tree_is_asked_for_single_paths(tmp_path: Path) -> None:
    source = Source(tmp_path / "source")
    tree = source.tree(source.commit(OLD))
    paths = ["lib", "lib/a.php", "link", "link/further", "gone", "turn/into/file/further"]
    assert History(source.path / ".git").kinds(tree, paths) == {"lib": "tree", "lib/a.php": "blob", "link": "blob"}


def test_modes_of_long_ago_are_those_of_today() -> None:
    listed = b"".join(b"%s blob %s\t%s\0" % (mode, b"0" * 40, mode) for mode in (b"100664", b"100644", b"100755", b"120000"))
    assert [entry.mode for entry in parse_ls_tree(listed, "tree").values()] == ["100644", "100644", "100755", "120000"]
    assert parse_diff_tree(f":100664 100644 {'1' * 40} {'1' * 40} M\0a\0".encode(), "tree") == {}
