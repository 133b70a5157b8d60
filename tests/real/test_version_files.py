# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every version.php and db/subplugins.php of every branch and tag that can be read: the reader says what PHP says, or refuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.every_ref import Found, files_of_every_ref
from support.php_says import PhpSays, compared
from support.platforms import Platform
from support.process import SupportError

ENDINGS = ("version.php", "db/subplugins.php")
MORE = ("https://github.com/vfremaux/moodle-local_moodlescript",)


@pytest.fixture(scope="module")
def found(real_platform: Platform) -> dict[str, Found | str]:
    """What each repository holds, or why it cannot be read."""
    repositories: dict[str, Found | str] = {}
    for url in (real_platform.moodle, *real_platform.plugins.values(), real_platform.vmoodle, *MORE):
        try:
            repositories[url] = files_of_every_ref(url, ENDINGS)
        except SupportError as unreadable:
            repositories[url] = str(unreadable)
    return repositories


@pytest.fixture
def php(tmp_path: Path) -> Iterator[PhpSays]:
    try:
        asked = PhpSays(tmp_path)
    except SupportError as missing:
        pytest.skip(f"the reader was not compared with PHP: {missing}")
    with asked:
        yield asked


def test_the_reader_says_what_php_says(found: dict[str, Found | str], php: PhpSays, capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    different: list[str] = []
    for url, held in found.items():
        if isinstance(held, str):
            lines.append(f"left out: {held}")
            continue
        refused: dict[str, str] = {}
        for where, content in held.contents.values():
            result = compared(content, php.of(content))
            if result.refused:
                refused[where] = result.refused
            if result.difference:
                different.append(f"{url} {where}: {result.difference}")
        count = f"{held.files} files with {len(held.contents)} contents in {held.refs} branches and tags"
        lines += [f"{url}: {count}, {len(refused)} refused", *(f"  {where}: {why}" for where, why in refused.items())]
    with capsys.disabled():
        print("", *lines, f"{len(different)} differences", sep="\n")
    assert not different, "\n".join(different)
    assert any(isinstance(held, Found) and held.contents for held in found.values())
