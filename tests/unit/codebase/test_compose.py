# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Composition equals checking everything out and adding it, tree id for tree id; what is dangerous is refused by name."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.repositories import Source, git, write

from ansible_collections.lms.moodle.plugins.module_utils.codebase.git.compose import (
    SUBMODULE,
    SYMLINK,
    TREE,
    Entry,
    Tree,
    compose,
    refuse_hazards,
)
from ansible_collections.lms.moodle.plugins.module_utils.codebase.git.store import Store
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput


class Shelf:
    """Trees in a dictionary."""

    def __init__(self) -> None:
        self.trees: dict[str, Tree] = {}

    def read_tree(self, oid: str) -> Tree:
        return dict(self.trees[oid])

    def write_tree(self, tree: Tree) -> str:
        oid = hashlib.sha256(repr(sorted(tree.items())).encode()).hexdigest()
        self.trees[oid] = dict(tree)
        return oid

    def put(self, files: dict[str, str]) -> str:
        tree: Tree = {}
        below: dict[str, dict[str, str]] = {}
        for path, content in files.items():
            name, _slash, rest = path.partition("/")
            if rest:
                below.setdefault(name, {})[rest] = content
            else:
                tree[name] = Entry("100644", content)
        tree.update({name: Entry(TREE, self.put(inner)) for name, inner in below.items()})
        return self.write_tree(tree)

    def get(self, oid: str, prefix: str = "") -> dict[str, str]:
        found: dict[str, str] = {}
        for name, entry in self.trees[oid].items():
            found |= self.get(entry.oid, f"{prefix}{name}/") if entry.mode == TREE else {f"{prefix}{name}": entry.oid}
        return found


CORE = {"version.php": "1", "mod/quiz/version.php": "2", "lib/a.php": "3"}


def composed(*plugins: tuple[str, str, dict[str, str]]) -> dict[str, str]:
    shelf = Shelf()
    return shelf.get(compose(shelf, shelf.put(CORE), [(path, name, shelf.put(files)) for path, name, files in plugins]))


def test_nothing_to_add_is_the_core_itself() -> None:
    shelf = Shelf()
    core = shelf.put(CORE)
    assert compose(shelf, core, []) == core


def test_plugins_lie_beside_what_the_core_has() -> None:
    assert composed(("mod/board", "mod_board", {"v": "b"}), ("local/new/deep", "local_x", {"v": "x"})) == {
        **CORE,
        "mod/board/v": "b",
        "local/new/deep/v": "x",
    }


@pytest.mark.parametrize("turned", [False, True])
def test_a_subplugin_lies_inside_its_plugin(turned: bool) -> None:
    plugins = [("mod/studio", "mod_studio", {"v": "s", "tool/index": "i"}), ("mod/studio/tool/brush", "studiotool_brush", {"v": "b"})]
    assert composed(*(reversed(plugins) if turned else plugins)) == {
        **CORE,
        "mod/studio/v": "s",
        "mod/studio/tool/index": "i",
        "mod/studio/tool/brush/v": "b",
    }


@pytest.mark.parametrize(
    ("plugins", "message"),
    [
        ([("mod/quiz", "mod_quiz", {"v": "1"})], "mod_quiz would lie at mod/quiz, where the core has its own code"),
        ([("version.php/x", "odd_x", {"v": "1"})], "version.php is a file in the core"),
        ([("mod/a", "mod_a", {"v": "1"}), ("mod/a", "mod_b", {"v": "2"})], "mod_a and mod_b would both lie at mod/a"),
        (
            [("mod/a", "mod_a", {"t/b/v": "1"}), ("mod/a/t/b", "t_b", {"v": "2"})],
            "t_b would lie at mod/a/t/b, where mod_a has its own code",
        ),
        ([("mod/a", "mod_a", {"t": "1"}), ("mod/a/t/b", "t_b", {"v": "2"})], "mod/a/t is a file in mod_a"),
    ],
)
def test_two_for_one_place_are_refused_by_name(plugins: list[tuple[str, str, dict[str, str]]], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        composed(*plugins)


NAME = st.text("abz.-_ é\n\\", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))
CONTENT = st.binary(max_size=8)


@st.composite
def code_bases(draw: st.DrawFn) -> tuple[dict[str, bytes], dict[str, dict[str, bytes]]]:
    """A core and plugins at places that the core leaves free; names sort around '/' on purpose."""
    files = st.dictionaries(st.lists(NAME, min_size=1, max_size=3).map("/".join), CONTENT, min_size=1, max_size=5).filter(_consistent)
    core = draw(files)
    kinds = draw(st.lists(st.sampled_from(["a", "a.b", "a-b", "mod", "mod/x", "z"]), max_size=4, unique=True))
    plugins = {f"{kind}/{draw(NAME)}": draw(files) for kind in kinds}
    kept = {
        place: content
        for place, content in plugins.items()
        if not any(
            path == place or path.startswith(f"{place}/") or place.startswith(f"{path}/") for path in (*core, *plugins) if path != place
        )
    }
    return core, kept


def _consistent(files: dict[str, bytes]) -> bool:
    return not any(other.startswith(f"{path}/") for path in files for other in files)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Source, Store]]:
    folder = tmp_path_factory.mktemp("compose")
    source, store = Source(folder / "source"), Store(folder / "store.git")
    yield source, store
    store.close()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(code_bases())
def test_composing_equals_checking_out_and_adding(
    workshop: tuple[Source, Store], code_base: tuple[dict[str, bytes], dict[str, dict[str, bytes]]]
) -> None:
    source, store = workshop
    core, plugins = code_base

    def added(parts: dict[str, dict[str, bytes]]) -> str:
        with tempfile.TemporaryDirectory(dir=source.path.parent) as name:
            for place, files in parts.items():
                write(Path(name) / place, files)
            git(Path(name), "init", "--quiet")
            git(Path(name), "add", "--all", "--force")
            tree = git(Path(name), "write-tree")
            # The store learns the objects as a fetch would bring them.
            git(Path(name), "push", "--quiet", str(store.path), f"{git(Path(name), 'commit-tree', tree, '-m', 'x')}:refs/heads/{tree}")
        return tree

    trees = {place: added({"": files}) for place, files in plugins.items()}
    result = compose(store, added({"": core}), [(place, place, tree) for place, tree in trees.items()])
    assert result == added({"": core, **plugins})


def hazards(*entries: tuple[str, str], link: str = "") -> None:
    refuse_hazards("mod_x", [(mode, "0" * 40, path) for mode, path in entries], lambda _oid: link)


@pytest.mark.parametrize("path", [".git/config", "a/.GIT/hooks/x", "../x", "a/../b", ".git"])
def test_paths_that_git_or_the_system_would_misread_are_refused(path: str) -> None:
    with pytest.raises(BadInput, match=r"mod_x: the path .* is refused"):
        hazards(("100644", path))


def test_a_submodule_is_refused() -> None:
    with pytest.raises(BadInput, match="mod_x: vendor/lib is a submodule"):
        hazards((SUBMODULE, "vendor/lib"))


@pytest.mark.parametrize(
    ("one", "other"), [("README", "readme"), ("Lang/en/a.php", "lang/fr/b.php"), ("a/B/c", "a/b"), ("straße", "STRASSE")]
)
def test_paths_that_differ_only_in_case_are_refused(one: str, other: str) -> None:
    with pytest.raises(BadInput, match="differ only in case"):
        hazards(("100644", one), ("100644", other))


@pytest.mark.parametrize("target", ["/etc/passwd", "../..", "../../x", "b/../../..", "x/../y", "./../..", "../../../a"])
def test_a_link_that_may_leave_the_plugin_is_refused(target: str) -> None:
    with pytest.raises(BadInput, match="the symbolic link a/link leads out of the plugin"):
        hazards((SYMLINK, "a/link"), link=target)


@pytest.mark.parametrize("target", ["b", "b/c", "../b", "./b", "../a/b", "."])
def test_a_link_within_the_plugin_is_kept(target: str) -> None:
    hazards((SYMLINK, "a/link"), link=target)
