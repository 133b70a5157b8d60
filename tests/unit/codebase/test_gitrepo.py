# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A repository's objects, read and written through few processes: what is asked twice and what is there already costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.repositories import Source, git

from ansible_collections.lms.moodle.plugins.module_utils.codebase.git.compose import TREE, Entry
from ansible_collections.lms.moodle.plugins.module_utils.codebase.git.gitrepo import GitRepository


@pytest.fixture
def source(tmp_path: Path) -> Source:
    made = Source(tmp_path / "source")
    made.commit({"a/b.txt": "text"}, branch="stable")
    return made


@pytest.fixture
def repository(source: Source) -> Iterator[GitRepository]:
    opened = GitRepository(source.path / ".git")
    yield opened
    opened.close()


def test_tree_of_a_name_that_moved_is_another(source: Source, repository: GitRepository) -> None:
    first = source.head()
    assert repository.tree_of("stable") == repository.tree_of(first) == source.tree()
    source.commit({"c.txt": "more"}, branch="stable")
    assert repository.tree_of("stable") == source.tree()
    assert repository.tree_of(first) == repository.tree_of(first) == source.tree(first)


def test_trees_that_are_there_are_not_written_again(source: Source, repository: GitRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = source.path.parent / "trace"
    monkeypatch.setenv("GIT_TRACE", str(trace))
    there = repository.read_tree(source.tree())
    assert repository.write_tree(there) == source.tree()
    repository.flush()
    assert "mktree" not in trace.read_text()
    inner = repository.write_tree({"one": there["a"]})
    outer = repository.write_tree({"two": Entry(TREE, inner)})
    repository.flush()
    assert "mktree" in trace.read_text()
    assert git(source.path, "ls-tree", "-r", "--name-only", outer) == "two/one/b.txt"
