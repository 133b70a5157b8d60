# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plugins that the benchmark makes up: the same ones every time, of a real plugin's size, and such as the resolver understands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from bench.shapes import CHANGING, FEWEST, MOST, SERIES, TAG, Plugin, make_plugins
from support.repositories import git
from support.resolving import at, core, refs, wish
from support.sources import Source

from ansible_collections.lms.moodle.plugins.module_utils.codebase.php.versionphp import read_plugin
from ansible_collections.lms.moodle.plugins.module_utils.codebase.resolving.resolver import resolve

COUNT = 10


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Source]:
    return make_plugins(tmp_path_factory.mktemp("shapes"), COUNT, 2)


def test_same_number_gives_the_same_commits(sources: Mapping[str, Source], tmp_path: Path) -> None:
    again = make_plugins(tmp_path, COUNT, 2)
    assert list(again) == list(sources)
    for name, source in sources.items():
        assert git(Path(again[name].url), "show-ref") == git(Path(source.url), "show-ref")


def test_plugins_are_as_large_as_real_ones(sources: Mapping[str, Source]) -> None:
    for source in sources.values():
        assert FEWEST <= len(git(Path(source.url), "ls-tree", "-r", "--name-only", TAG).splitlines()) <= MOST


def test_resolver_chooses_the_release_that_the_file_names(sources: Mapping[str, Source]) -> None:
    wishes = []
    for name, source in sources.items():
        listed = git(Path(source.url), "for-each-ref", "--format=%(refname:lstrip=1) %(objectname)").splitlines()
        candidates = []
        for line in listed:
            ref, _, commit = line.partition(" ")
            kind, _, short = ref.partition("/")
            properties = read_plugin(git(Path(source.url), "show", f"{commit}:version.php"))
            candidates.append(at(f"{ {'tags': 'tag', 'heads': 'branch'}[kind] } {short}", properties.pop("version"), commit, **properties))
        wishes.append(wish(name, *candidates))
    assert "4.2" in SERIES
    assert set(refs(resolve(core("4.2"), wishes)).values()) == {f"tag {TAG}"}


def test_each_edition_is_another_in_every_php_file(sources: Mapping[str, Source]) -> None:
    repository = Path(sources[Plugin.numbered(CHANGING).component].url)
    files = [path for path in git(repository, "ls-tree", "-r", "--name-only", TAG).splitlines() if path.endswith(".php")]
    for older, newer in ((TAG, "edition-0"), ("edition-0", "edition-1")):
        assert git(repository, "diff", "--name-only", older, newer).splitlines() == files
