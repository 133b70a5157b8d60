# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names from files and queries over the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.fleet.nodes import Node
from ansible_collections.lms.moodle.plugins.module_utils.fleet.registry import matching, names_from_files

NODES = [Node("https://m.test", "M", "m", master=True), Node("https://a.test", "A", "a"), Node("https://b.test", "B", "b", enabled=False)]


def test_file_stands_for_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "retry"
    file.write_text("https://a.test\n\n# a comment\n  https://b.test\n")
    assert names_from_files(["x", f"@{file}"]) == ["x", "https://a.test", "https://b.test"]
    file.write_text("")
    assert names_from_files([f"@{file}"]) == []
    with pytest.raises(BadInput, match="cannot be read"):
        names_from_files([f"@{tmp_path}/none"])


def test_query_returns_rows_or_addresses_and_never_sees_the_master() -> None:
    assert matching("[?enabled]", NODES) == {"https://a.test"}
    assert matching("[].wwwroot", NODES) == {"https://a.test", "https://b.test"}
    assert matching("[?name=='none']", NODES) == set()


@pytest.mark.parametrize("query", ["[?", "length(@)", "[].enabled", "[].{name: name}"])
def test_query_that_is_no_selection_is_refused(query: str) -> None:
    with pytest.raises(BadInput, match="select"):
        matching(query, NODES)
