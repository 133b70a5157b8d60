# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script lies inside the code, and it is told in the right way which node it is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput
from ansible_collections.lms.moodle.plugins.module_utils.fleet.script import Script


@pytest.fixture
def code(tmp_path: Path) -> Path:
    root = (tmp_path / "code").resolve()
    for name, text in {
        "local/vmoodle/cli/purge_caches.php": "<?php cli_get_params(['host' => true], ['H' => 'host']);",
        "local/vmoodle/cli/run_command.php": "<?php cli_get_params(['url' => '']);",
        "local/vmoodle/cli/bulkupgrade.php": "<?php",
        "admin/cli/cfg.php": "<?php cli_get_params(['host' => true]);",
        "public/admin/cli/cron.php": "<?php",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (tmp_path / "outside.php").write_text("<?php")
    (root / "link.php").symlink_to(tmp_path / "outside.php")
    return root


def test_only_vmoodles_scripts_take_the_host(code: Path) -> None:
    assert Script.find(code, "local/vmoodle/cli/purge_caches.php", ["-v"]).words("https://a.test") == ["--host=https://a.test", "-v"]
    assert Script.find(code, "local/vmoodle/cli/run_command.php", []).words("https://a.test") == []
    assert Script.find(code, "admin/cli/cfg.php", ["--name=x y"]).words("https://a.test") == ["--name=x y"]


def test_scripts_under_public_are_found(code: Path) -> None:
    assert Script.find(code, "admin/cli/cron.php", []).path == code / "public/admin/cli/cron.php"


@pytest.mark.parametrize("name", ["../outside.php", "link.php", "admin/cli", "admin/cli/none.php", "local/vmoodle/cli/bulkupgrade.php"])
def test_other_files_are_refused_by_name(code: Path, name: str) -> None:
    with pytest.raises(BadInput, match=f"'{name}'"):
        Script.find(code, name, [])


@pytest.mark.parametrize("word", ["--host", "--host=https://b.test", "-H", "-Hx"])
def test_arguments_do_not_choose_the_node(code: Path, word: str) -> None:
    with pytest.raises(BadInput, match="leave it out"):
        Script.find(code, "admin/cli/cfg.php", ["--ok", word])
