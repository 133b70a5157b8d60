# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/tools/read_versions.py, as somebody without Ansible and outside of the checkout runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[2] / "tools" / "read_versions.py"
FILES: dict[str, tuple[bytes, dict[str, Any]]] = {
    "board.php": (b"<?php $plugin->version = 5; $plugin->d = ['a' => 5.0, 7 => [], 8 => [null, '5']];", {"version": 5, "d": ...}),
    "old.php": (b"<?PHP $module->version = 7; ?>", {"version": 7}),
    "core.php": (
        b"<?php $version = 2023100900.00; $release = '4.3'; $maturity = MATURITY_STABLE;",
        {"version": 2023100900.0, "maturity": 200},
    ),
    "odd.php": (b"<?php\n$plugin->release = '\xff\xc3\xa9';", {"release": "\udcffé"}),
}


def run(folder: Path, *arguments: str, given: bytes = b"") -> tuple[int, list[dict[str, Any]]]:
    # -S and -I: no site-packages, no PYTHONPATH.
    done = subprocess.run([sys.executable, "-S", "-I", str(PROGRAM), *arguments], cwd=folder, input=given, capture_output=True, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.decode("ascii").splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, (content, _value) in FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "bad.php").write_bytes(b"<?php\n$plugin->version = time();")
    return tmp_path


def test_each_file_is_one_line(folder: Path) -> None:
    code, lines = run(folder, *FILES, "bad.php")
    assert (code, [line["path"] for line in lines]) == (0, [*FILES, "bad.php"])
    for line, (_content, expected) in zip(lines, FILES.values()):
        assert {**line["value"], **{key: ... for key, value in expected.items() if value is ...}}.items() >= expected.items()
    assert lines[-1]["refused"].startswith("line 2: 'time'")


def test_types_are_those_of_php(folder: Path) -> None:
    _code, (board, core) = run(folder, "board.php", "core.php")
    assert json.dumps(board["value"]) == '{"version": 5, "d": {"a": 5.0, "7": [], "8": [null, "5"]}}'
    assert json.dumps(core["value"]) == '{"version": 2023100900.0, "release": "4.3", "maturity": 200}'


@pytest.mark.parametrize(("option", "end"), [("-", b"\n"), ("--stdin0", b"\0")])
def test_paths_come_from_the_input(folder: Path, option: str, end: bytes) -> None:
    (folder / "sp ace.php").write_bytes(b"<?php $plugin->version = 1;")
    assert run(folder, option, given=end.join([b"old.php", b"sp ace.php", b""])) == (
        0,
        [{"path": "old.php", "value": {"version": 7}}, {"path": "sp ace.php", "value": {"version": 1}}],
    )


def test_a_file_that_is_not_there_is_told_and_the_others_are_read(folder: Path) -> None:
    code, (missing, old) = run(folder, "none.php", "old.php")
    assert (code, old["value"]) == (1, {"version": 7})
    assert missing["refused"].startswith("it cannot be opened")
