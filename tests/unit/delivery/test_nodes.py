# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual nodes that are led to a release one by one, while all others stay with what is served."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.delivery_root import NEW, OLD, Root

LAW, ART = "law.example.org", "art.example.org"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


@pytest.fixture
def ready(root: Root) -> Root:
    """The old release is served, the new one is prepared."""
    root.good("old")
    root.done("updated", "new", release_id="x")
    return root


def test_check_run_check_run_for_one_node(ready: Root) -> None:
    looked = ready.call("live", nodes=[LAW], check=True)
    assert (looked["changed"], (ready.path / "nodes").exists()) == (True, False)
    done = ready.done("live", nodes=[LAW])
    assert (done["changed"], done["swapped"], done["nodes"]) == (True, False, {LAW: "x"})
    assert (ready.served_to(LAW), ready.served_to(ART), ready.served()) == (NEW, OLD, OLD)
    assert ready.done("live", nodes=[LAW])["changed"] is False
    assert ready.call("live", nodes=[LAW], check=True)["changed"] is False
    assert ready.done("live", nodes=[LAW, ART])["nodes"] == {LAW: "x", ART: "x"}


def test_a_release_can_be_made_complete_for_nobody_yet(ready: Root) -> None:
    assert ready.done("live", nodes=[])["changed"] is True
    assert ready.served("work") == NEW
    assert not ready.partials()
    assert (ready.done("live", nodes=[])["changed"], ready.served()) == (False, OLD)
    # Known by its name from now on, whether a delivery is open or not.
    ready.done("abandoned")
    assert ready.done("live", nodes=[LAW], release_id="x")["nodes"] == {LAW: "x"}


def test_all_follow_when_the_release_is_served_to_everybody(ready: Root) -> None:
    ready.done("live", nodes=[LAW])
    done = ready.done("live", "new", release_id="x")
    assert (done["nodes"], done["state"], done["warnings"]) == ({}, "live", [])
    assert ready.served_to(LAW) == ready.served() == NEW
    # The link is there still, so that no request finds it gone; it follows.
    assert (ready.path / "nodes" / LAW).readlink() == Path("../current")
    assert ready.done("live", "new", release_id="x")["changed"] is False


def test_nodes_that_are_upgraded_do_not_follow_a_switch_that_is_taken_back(ready: Root) -> None:
    old = ready.linked()
    ready.done("live", nodes=[LAW])
    ready.done("live", "new", release_id="x", join=False)
    assert ready.done("live", "new", release_id="x", join=False)["changed"] is False
    ready.done("rolled_back", release_id=old)
    assert (ready.served(), ready.served_to(LAW), ready.served_to(ART)) == (OLD, NEW, OLD)
    ready.done("live", "new", release_id="x", join=False)
    assert ready.done("live", "new", release_id="x")["changed"] is True
    assert (ready.path / "nodes" / LAW).readlink() == Path("../current")


def test_a_call_that_was_killed_after_the_switch_is_brought_to_its_end(ready: Root) -> None:
    ready.done("live", nodes=[LAW])
    link = ready.path / "nodes" / LAW
    ready.done("live", "new", release_id="x")
    link.unlink()
    link.symlink_to("../releases/x")
    assert ready.call("live", "new", release_id="x", check=True)["changed"] is True
    assert ready.done("live", "new", release_id="x")["nodes"] == {}


def test_a_node_that_goes_back_stays_behind_when_all_others_go_on(ready: Root) -> None:
    old = ready.linked()
    ready.done("live", nodes=[LAW, ART])
    back = ready.done("rolled_back", nodes=[ART], release_id=old)
    assert (back["changed"], back["nodes"], back["state"]) == (True, {LAW: "x", ART: old}, "updated")
    assert ready.done("rolled_back", nodes=[ART], release_id=old)["changed"] is False
    done = ready.done("live", "new", release_id="x")
    assert done["nodes"] == {ART: old}
    assert (ready.served_to(ART), ready.served_to(LAW)) == (OLD, NEW)
    assert any(ART in warning for warning in done["warnings"])
    # And comes along later.
    assert ready.done("live", nodes=[ART], release_id="x")["nodes"] == {}
    assert ready.served_to(ART) == NEW


def test_pruning_keeps_what_the_link_of_a_node_names(root: Root) -> None:
    for number in range(4):
        root.source.commit({"version.php": str(number)}, tag=f"v{number}")
    root.done("live", "v0", release_id="v0")
    root.done("updated", "v1", release_id="v1")
    root.done("live", nodes=[LAW])
    for name in ("v2", "v3"):
        root.done("live", name, release_id=name, keep_releases=1)
    assert sorted(path.name for path in (root.path / "releases").iterdir()) == ["v1", "v2", "v3"]
    assert root.served_to(LAW) == {"version.php": "1"}
    # Requests may still run in what it leaves.
    root.done("live", nodes=[LAW], release_id="v3")
    root.done("live", "v0", release_id="v0", keep_releases=1, grace=900)
    assert (root.path / "releases" / "v1").is_dir()


def test_a_damaged_release_is_made_again_before_a_node_is_led_to_it(ready: Root) -> None:
    ready.done("live", nodes=[])
    file = ready.path / "releases" / "x" / "version.php"
    file.chmod(0o644)
    file.write_text("3")
    ready.done("live", nodes=[LAW])
    assert ready.served_to(LAW) == NEW


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"state": "updated", "nodes": [LAW]}, "switched by the states live and rolled_back"),
        ({"state": "live", "nodes": ["../current"]}, "is no host name of a node"),
        ({"state": "live", "nodes": ["a..b"]}, "is no host name of a node"),
        ({"state": "live", "nodes": ["Law.example.org"]}, "is no host name of a node"),
        ({"state": "live", "nodes": ["law\n"]}, "is no host name of a node"),
        ({"state": "live", "nodes": [LAW], "release_id": "never"}, "is not kept"),
    ],
)
def test_bad_input_is_one_sentence_and_switches_nobody(ready: Root, arguments: dict[str, object], message: str) -> None:
    assert message in ready.refused(**arguments)  # type: ignore[arg-type]
    assert not (ready.path / "nodes").exists()


def test_where_nothing_is_served_no_node_is_led_ahead(root: Root) -> None:
    assert "nothing is served" in root.refused("live", "new", nodes=[LAW])
