# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which plugins are uninstalled before they leave the code, and why others are refused."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.lms.moodle.plugins.filter.leaving import leaving_plan

HERE = {"database": "5", "disk": 5, "owner": "", "parts": [], "needed_by": [], "willing": True, "left": ["its version"], "kept": []}
UNKNOWN = {**HERE, "database": None, "disk": None, "willing": False, "left": []}
GONE = {**HERE, "database": None, "willing": False, "left": []}
HALF = {**GONE, "left": ["the table x"]}
RELEASES = [{"id": "one", "revision": "aa"}, {"id": "two", "revision": "bb"}, {"id": "three", "revision": "cc"}]


def plan(
    plugins: dict[str, t.Any], *asked: str, held: t.Sequence[str] = (), word: dict[str, str | None] | None = None, nodes: int = 0
) -> dict[str, t.Any]:
    told = {"nodes": nodes, "plugins": plugins}
    return leaving_plan(told, asked or list(plugins), held, word or {}, RELEASES)


def refused(plugins: dict[str, t.Any], *asked: str, **more: t.Any) -> str:
    (sentence,) = plan(plugins, *asked, **more)["refused"]
    return str(sentence)


def test_what_leaves_is_uninstalled_once_and_its_parts_go_with_it() -> None:
    plugins = {"mod_x": {**HERE, "parts": ["xpart_one", "xpart_two"]}, "xpart_one": {**HERE, "owner": "mod_x", "needed_by": ["mod_x"]}}
    done = plan(plugins, "xpart_one", "mod_x", "mod_x")
    assert (done["refused"], done["uninstall"], done["gone"]) == ([], ["mod_x"], ["mod_x", "xpart_one", "xpart_two"])
    assert plan({"xpart_one": {**HERE, "owner": "mod_x"}})["uninstall"] == ["xpart_one"]


def test_what_the_new_code_holds_stays() -> None:
    assert "tool_x does not leave" in refused({"tool_x": HERE}, held=["tool_x"])
    assert "tool_x does not leave" in refused({"tool_x": UNKNOWN}, held=["tool_x"])


def test_a_name_that_nobody_knows_is_refused_unless_an_earlier_run_uninstalled_it() -> None:
    assert "known neither to the database nor to the code" in refused({"tool_x": UNKNOWN})
    assert plan({"tool_x": UNKNOWN}, word={"tool_x": None}) == {"refused": [], "uninstall": [], "again": {}, "gone": [], "begun": {}}


def test_what_was_never_installed_needs_no_end() -> None:
    assert plan({"tool_x": GONE}) == {"refused": [], "uninstall": [], "again": {}, "gone": [], "begun": {}}


def test_what_the_served_code_lacks_is_refused_with_the_release_that_has_it() -> None:
    lacking = {**HERE, "disk": None}
    sentence = refused({"tool_x": {**lacking, "kept": ["two", "one", "three.partial"]}})
    assert "the release two does, revision bb" in sentence
    assert "no kept release does" in refused({"tool_x": lacking})


def test_what_another_plugin_needs_takes_two_deliveries_though_that_one_is_named_too() -> None:
    needed = {**HERE, "willing": False, "needed_by": ["tool_y"]}
    sentence = refused({"tool_x": needed, "tool_y": HERE})
    assert sentence.startswith("tool_x is needed by tool_y")
    assert "two deliveries, one without tool_y, named in moodle_uninstall, and then one without tool_x" in sentence


def test_what_moodle_keeps_is_refused() -> None:
    assert "belongs to core" in refused({"theme_boost": {**HERE, "willing": False}})


def test_virtual_nodes_refuse_what_would_be_done_and_nothing_else() -> None:
    assert refused({"tool_x": HERE}, nodes=3).startswith("3 virtual nodes run on the same code")
    assert plan({"tool_x": UNKNOWN}, nodes=3, word={"tool_x": None})["refused"] == []


def test_what_an_earlier_run_began_is_gone_on_with() -> None:
    plugins = {"tool_x": GONE, "mod_y": HALF, "mod_z": HERE}
    done = plan(plugins, word={"tool_x": "a.sql.gz", "mod_y": "a.sql.gz", "mod_z": "a.sql.gz"})
    assert done["refused"] == []
    assert done["uninstall"] == ["mod_y", "mod_z"]
    assert done["again"] == {"mod_y": "5"}
    assert done["begun"] == {"tool_x": "a.sql.gz", "mod_y": "a.sql.gz"}


def test_what_an_earlier_run_began_is_known_without_being_named() -> None:
    told = {"nodes": 0, "plugins": {"tool_x": GONE, "mod_y": HALF}}
    done = leaving_plan(told, [], [], {"tool_x": "", "mod_y": ""}, RELEASES)
    assert (done["uninstall"], list(done["begun"])) == ([], ["tool_x", "mod_y"])
    assert done["refused"] == ["mod_y was left half uninstalled by an earlier run: name it in moodle_uninstall again"]


def test_what_left_long_ago_and_is_brought_again_was_not_just_begun() -> None:
    told = {"nodes": 0, "plugins": {"tool_x": GONE}}
    assert leaving_plan(told, [], [], {"tool_x": None}, RELEASES)["begun"] == {}


def test_what_is_no_answer_is_said() -> None:
    with pytest.raises(AnsibleFilterError, match="told is expected"):
        leaving_plan({"plugins": {}}, ["tool_x"], [], {}, RELEASES)
