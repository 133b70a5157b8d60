# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where plugins go is read from the core; nobody may lead them elsewhere."""

from __future__ import annotations

import json

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.codebase.placement import (
    Types,
    add_places,
    paths_of,
    places_of_core,
    read_subplugins_json,
)
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput


def core(types: object, root: str = "") -> dict[str, str]:
    return places_of_core(json.dumps({"plugintypes": types}).encode(), root)


def place(component: str, types: dict[str, str], root: str = "", brought: Types | None = None) -> str:
    return paths_of([(component, brought or {})], core(types, root), root)[component]


def subplugins(content: object) -> Types:
    return read_subplugins_json(json.dumps(content).encode())


def test_a_plugin_goes_where_its_type_lies() -> None:
    assert place("mod_board", {"mod": "mod", "tool": "admin/tool"}) == "mod/board"
    assert place("tool_redis", {"tool": "admin/tool"}) == "admin/tool/redis"
    assert place("local_a_b", {"local": "local"}) == "local/a_b"


def test_since_5_1_all_lies_under_public() -> None:
    assert place("mod_board", {"mod": "mod"}, "public/") == "public/mod/board"


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(BadInput, match="no plugin type 'nope'"):
        place("nope_x", {"mod": "mod"})


def test_a_plugin_may_bring_the_type_of_one_that_stands_before_it() -> None:
    plugins = [("deeper_c", {}), ("deep_b", {"subplugintypes": {"deeper": "x"}}), ("mod_a", {"plugintypes": {"deep": "mod/a/sub"}})]
    assert paths_of(plugins, {"mod": "mod"}, "") == {"mod_a": "mod/a", "deep_b": "mod/a/sub/b", "deeper_c": "mod/a/sub/b/x/c"}


def test_a_type_of_core_without_a_directory_is_left_out() -> None:
    assert core({"mod": "mod", "gone": None}) == {"mod": "mod"}


def test_subplugins_new_form_is_relative_to_the_owner_and_wins() -> None:
    both = subplugins({"subplugintypes": {"quiz": "report"}, "plugintypes": {"quiz": "mod/quiz/report"}})
    assert add_places({}, both, "public/mod/quiz", "public/") == {"quiz": "public/mod/quiz/report"}


def test_subplugins_old_form_is_relative_to_the_root() -> None:
    old = subplugins({"plugintypes": {"quiz": "mod/quiz/report"}})
    assert add_places({}, old, "public/mod/quiz", "public/") == {"quiz": "public/mod/quiz/report"}
    assert add_places({}, subplugins({}), "mod/quiz", "") == {}


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc", "", ".", "a//b", ".git/hooks", "a/.GIT", "a/", "a\nb"])
@pytest.mark.parametrize("key", ["plugintypes", "subplugintypes"])
def test_a_plugin_cannot_lead_its_subplugins_out_of_the_code_base(path: str, key: str) -> None:
    with pytest.raises(BadInput, match=r"'evil' at .* is not a place inside a code base"):
        subplugins({key: {"evil": path}})


def test_a_plugin_cannot_move_a_type_that_is_there() -> None:
    places = {"mod": "mod"}
    with pytest.raises(
        BadInput, match="The plugin at local/bad declares the plugin type 'mod' at local/bad/mod, which lies at mod already"
    ):
        add_places(places, {"subplugintypes": {"mod": "mod"}}, "local/bad", "")
    assert places == {"mod": "mod"}


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b'{"plugintypes": []}', b"{}"])
def test_a_damaged_components_json_is_told(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"lib/components\.json"):
        places_of_core(content, "")
