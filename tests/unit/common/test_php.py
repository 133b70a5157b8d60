# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the code is looked for: what is not there, or not ours to see, is told in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.common.php import code_root


def test_the_code_is_where_its_configuration_is(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no installed Moodle"):
        code_root(str(tmp_path))
    (tmp_path / "config.php").touch()
    (tmp_path / "current").symlink_to(".")
    assert code_root(str(tmp_path / "current")) == tmp_path.resolve()


def test_a_code_that_cannot_be_looked_into_is_told_in_words() -> None:
    # Root may look everywhere, but not at such a name.
    with pytest.raises(BadInput, match="cannot be looked into by the user who runs this"):
        code_root("/" + "x" * 300)
