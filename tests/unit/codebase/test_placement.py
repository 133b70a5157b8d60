# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where plugins go is read from the core; nobody may lead them elsewhere."""

from __future__ import annotations

import json

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.codebase.placement import add_places, path_of, places_of_core, places_of_subplugins
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput


def core(types: object, root: str = "") -> dict[str, str]:
    return places_of_core(json.dumps({"plugintypes": types}).encode(), root)


def test_a_plugin_goes_where_its_type_lies() -> None:
    assert path_of("mod_board", core({"mod": "mod", "tool": "admin/tool"})) == "mod/board"
    assert path_of("tool_redis", core({"tool": "admin/tool"})) == "admin/tool/redis"
    assert path_of("local_a_b", core({"local": "local"})) == "local/a_b"


def test_since_5_1_all_lies_under_public() -> None:
    assert path_of("mod_board", core({"mod": "mod"}, "public/")) == "public/mod/board"


def test_an_unknown_type_is_named() -> None:
    with pytest.raises(BadInput, match="no plugin type 'nope'"):
        path_of("nope_x", core({"mod": "mod"}))


def test_a_type_of_core_without_a_directory_is_left_out() -> None:
    assert core({"mod": "mod", "gone": None}) == {"mod": "mod"}


def test_subplugins_new_form_is_relative_to_the_owner_and_wins() -> None:
    both = json.dumps({"subplugintypes": {"quiz": "report"}, "plugintypes": {"quiz": "mod/quiz/report"}}).encode()
    assert places_of_subplugins(both, "public/mod/quiz", "public/") == {"quiz": "public/mod/quiz/report"}


def test_subplugins_old_form_is_relative_to_the_root() -> None:
    old = json.dumps({"plugintypes": {"quiz": "mod/quiz/report"}}).encode()
    assert places_of_subplugins(old, "mod/quiz", "") == {"quiz": "mod/quiz/report"}
    assert places_of_subplugins(b"{}", "mod/quiz", "") == {}


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/etc", "", ".", "a//b", ".git/hooks", "a/.GIT", "a/", "a\nb"])
@pytest.mark.parametrize("key", ["plugintypes", "subplugintypes"])
def test_a_plugin_cannot_lead_its_subplugins_out_of_the_code_base(path: str, key: str) -> None:
    with pytest.raises(BadInput, match=r"'evil' at .* is not a place inside a code base"):
        places_of_subplugins(json.dumps({key: {"evil": path}}).encode(), "mod/bad", "")


def test_a_plugin_cannot_move_a_type_that_is_there() -> None:
    places = {"mod": "mod"}
    with pytest.raises(BadInput, match="local_bad declares the plugin type 'mod' at local/bad/mod, which lies at mod already"):
        add_places(places, {"mod": "local/bad/mod"}, "local_bad")
    assert places == {"mod": "mod"}


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[]", b'{"plugintypes": []}', b"{}"])
def test_a_damaged_components_json_is_told(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"lib/components\.json"):
        places_of_core(content, "")
