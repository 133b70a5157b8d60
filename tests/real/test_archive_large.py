# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A course of a real Moodle that is larger than all memory that anybody takes for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.archiving import Archiving, courses_of, make_archiving, make_tree
from support.mariadb import MariaDB
from support.platforms import Platform

MEGABYTES = 600
_ADD_FILE = r"""
define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
get_file_storage()->create_file_from_pathname(['contextid' => context_course::instance($argv[2])->id, 'component' => 'course',
    'filearea' => 'overviewfiles', 'itemid' => 0, 'filepath' => '/', 'filename' => 'large.bin'], $argv[3]);
"""


@pytest.fixture(scope="module")
def archiving(real_platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Archiving:
    archiving = make_archiving(real_platform, database_server, tmp_path_factory.mktemp("archive"))
    source = archiving.source
    course = source.make_course("large")
    make_tree(source, {"name": "Law", "idnumber": "law", "courses": [course]})
    large = archiving.storage / "large.bin"
    with large.open("wb") as file:
        for _megabyte in range(MEGABYTES):
            file.write(os.urandom(2**20))
    source.php("-r", _ADD_FILE, "--", source.code, str(course), large, timeout=300).must_succeed()
    large.unlink()
    return archiving


def test_nobody_holds_a_large_course_in_memory(archiving: Archiving, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    peaks = {}
    for site, state, wish in (
        (archiving.source, "archived", {"category": {"idnumber": "law"}}),
        (archiving.archive, "restored", {}),
        (archiving.archive, "verified", {}),
        (archiving.source, "purged", {"confirm": archiving.run}),
        (archiving.source, "given_back", {"courses": ["large"]}),
    ):
        result, peaks[state] = _apart(tmp_path / "result.json", lambda: archiving.ask(site, state, **wish))  # noqa: B023 - called at once
        assert (result.get("msg"), result["finished"]) == (None, True), state
    with capsys.disabled():
        print(f"\nlarge course: {MEGABYTES} MB; at most {', '.join(f'{peak} MB {state}' for state, peak in peaks.items())}")
    assert list(courses_of(archiving.source)) == ["large"]
    assert max(peaks.values()) < MEGABYTES // 2


def _apart(told: Path, act: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], int]:
    """What ``act`` returns in a process of its own, and the most memory in MB that this or one that it started ever had."""
    child = os.fork()
    if child == 0:
        try:
            told.write_text(json.dumps(act()))
        finally:
            os._exit(0)
    used = os.wait4(child, 0)[2]
    return json.loads(told.read_text()), used.ru_maxrss // 1024
