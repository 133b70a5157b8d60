# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of a build can be read again, and each file has its component."""

from __future__ import annotations

from ansible_collections.lms.moodle.plugins.module_utils.codebase.changes import Changes, Component, components_of, contents, describe


def test_the_commit_message_tells_what_is_in_a_build() -> None:
    """Written and read by the same code: whoever changes the one changes the other."""
    parts = [
        Component("moodle", "", 2023100900.0, "4.3 (Build: 20231009)", "v4.3.0", "a" * 40, "", ""),
        Component("mod_board", "mod/board", 2023101600, None, "feature/a(b),c", "b" * 40, "", ""),
        Component("local_old", "local/old", None, None, "main", "c" * 40, "", ""),
    ]
    message = describe("campus", parts, Changes(("mod_board",), (), ()), [{"to": "/", "tree": "d" * 40}])
    assert contents(message) == {"moodle": "2023100900.0", "mod_board": "2023101600", "local_old": "None"}
    assert contents("Merge\n\nnothing of ours") == {}


def test_a_file_is_of_the_innermost_component() -> None:
    places = {"": "moodle", "mod/studio": "mod_studio", "mod/studio/tool/brush": "studiotool_brush"}
    assert components_of(["mod/studio/tool/brush/lib.php"], places) == {"studiotool_brush"}
    assert components_of(["mod/studio/tool/pen.php", "mod/studios/lib.php"], places) == {"mod_studio", "moodle"}
