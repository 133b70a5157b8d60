# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""admin/cli/cfg.php: values and exit codes."""

from __future__ import annotations

import json

from support.moodle import Site

CFG = "admin/cli/cfg.php"


def test_reads_a_value(site: Site) -> None:
    result = site.cli(CFG, "--name=release", "--no-eol")
    assert (result.rc, result.out) == (0, "4.2 (Build: 20230424)")


def test_reads_a_value_of_a_plugin(site: Site) -> None:
    result = site.cli(CFG, "--component=mod_forum", "--name=version")
    assert (result.rc, result.out) == (0, "2023042400\n")


def test_lists_values_as_json(site: Site) -> None:
    result = site.cli(CFG, "--component=tool_log", "--json")
    assert result.rc == 0
    assert json.loads(result.out)["version"] == "2023042400"


def test_unset_value_is_exit_code_3(site: Site) -> None:
    result = site.cli(CFG, "--name=nosuchsetting")
    assert (result.rc, result.out) == (3, "")
    assert "No such configuration variable found." in result.err


def test_value_set_in_config_php_is_exit_code_4(site: Site) -> None:
    result = site.cli(CFG, "--name=wwwroot", "--set=http://elsewhere.test")
    assert result.rc == 4
    assert "hard-set in the config.php" in result.err


def test_set_and_unset(site: Site) -> None:
    assert site.cli(CFG, "--name=contract", "--set=kept").rc == 0
    assert site.config("contract") == "kept"
    assert site.cli(CFG, "--name=contract").out == "kept\n"
    assert site.cli(CFG, "--name=contract", "--unset").rc == 0
    assert site.config("contract") is None


def test_unknown_option_is_exit_code_1(site: Site) -> None:
    result = site.cli(CFG, "--nonsense")
    assert result.rc == 1
    assert "--nonsense" in result.err
