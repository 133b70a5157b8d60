# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of the code, the third copy, sites that were put together by hand, hot fixes for those who own the code."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path

import pytest
from support.delivery_root import NEW, OLD, Root, read
from support.repositories import git, listing, write

from ansible_collections.lms.moodle.plugins.module_utils.delivery import looks, memory, seen
from ansible_collections.lms.moodle.plugins.module_utils.delivery.layout import Layout

SITE = {"version.php": "1", "mod/a/version.php": "a1", "mod/b/version.php": "b1", "mod/b/deep/x.php": "x1", "theme/c/lib.php": "c1"}
NEXT = {"version.php": "2", "mod/a/version.php": "a2", "mod/b/version.php": "b2", "mod/d/version.php": "d2", "theme/c/lib.php": "c2"}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    root = Root(tmp_path)
    root.source.commit(SITE, tag="site")
    root.source.commit(NEXT, tag="next")
    root.good("site")
    return root


# Parts


def test_a_part_is_brought_to_another_revision_and_the_rest_stays(root: Root) -> None:
    result = root.done("live", "next", component="mod/b")
    assert root.served() == {**{path: content for path, content in SITE.items() if path != "mod/b/deep/x.php"}, "mod/b/version.php": "b2"}
    assert result["files"] == {"added": [], "modified": ["mod/b/version.php"], "removed": ["mod/b/deep/x.php"]}
    assert root.linked("safe") == result["previous"]
    assert root.done("live", "next", component="mod/b")["changed"] is False


def test_several_parts_in_a_row_then_live(root: Root) -> None:
    before = root.linked()
    for part in ("mod/a", "mod/d", "theme"):
        assert root.done("updated", "next", component=part)["changed"]
        assert root.done("updated", "next", component=part)["changed"] is False
        assert root.linked() == before
    assert root.done("live")["swapped"]
    assert root.served() == {
        **{path: content for path, content in SITE.items() if path.startswith("mod/b")},
        **{"version.php": "1", "mod/a/version.php": "a2", "mod/d/version.php": "d2", "theme/c/lib.php": "c2"},
    }
    assert root.done("rolled_back")["swapped"]
    assert root.served() == SITE


def test_the_same_part_gives_the_same_release_on_every_host(root: Root, tmp_path: Path) -> None:
    other = Root(tmp_path / "other")
    other.source = root.source
    other.good("site")
    assert other.done("live", "next", component="mod/b")["release"] == root.done("live", "next", component="mod/b")["release"]


def test_hot_fixes_elsewhere_come_along(root: Root) -> None:
    root.file("theme/c/lib.php").write_text("hot")
    result = root.done("live", "next", component="mod/b")
    assert root.served()["theme/c/lib.php"] == "hot"
    assert root.served()["mod/b/version.php"] == "b2"
    assert result["drift"]["modified"] == ["theme/c/lib.php"]
    assert root.served("safe")["theme/c/lib.php"] == "hot"


def test_hot_fixes_in_the_part_are_reported_and_overwritten_seen(root: Root) -> None:
    root.file("mod/b/version.php").write_text("hot")
    result = root.done("live", "next", component="mod/b")
    assert root.served()["mod/b/version.php"] == "b2"
    assert result["drift"]["modified"] == ["mod/b/version.php"]
    assert "+hot" in Path(result["hot_fix"]["patch"]).read_text()


def test_only_the_part_is_looked_at_when_it_is_secured(root: Root) -> None:
    root.file("theme/c/lib.php").write_text("hot")
    assert "theme/c/lib.php" in root.refused("secured", drift="fail")
    result = root.done("secured", component="mod", drift="fail")
    assert result["drift"]["modified"] == []
    assert root.served("safe")["theme/c/lib.php"] == "hot", "what is found is kept all the same"


def test_a_part_in_check_mode(root: Root) -> None:
    root.done("updated", "next", component="mod/a")
    before = listing(root.path)
    result = root.call("live", "next", component="mod/b", check=True)
    assert not result.get("failed"), result
    assert result["changed"]
    assert result["files"]["modified"] == ["mod/a/version.php", "mod/b/version.php"]
    assert listing(root.path) == before
    assert root.call("updated", "next", component="mod/a", check=True)["changed"] is False


@pytest.mark.parametrize(
    "component", ["../etc", "/etc", "mod/../..", "mod//b", ".git", "mod/.GIT/x", "mod/b/", "", ".", "mod/b\n", "mod\x00b", "mod/b/../b"]
)
def test_a_path_that_leads_elsewhere_is_refused(root: Root, component: str) -> None:
    before = listing(root.path)
    assert "is no path of a directory inside the code" in root.refused("live", "next", component=component)
    assert listing(root.path) == before


@pytest.mark.parametrize(
    "component", ["mod/nothing", "version.php", "--help", "-x/y", "link", "link/b", "mod:b", "mod/b^{tree}", "HEAD", "*"]
)
def test_what_is_no_directory_of_the_revision_is_refused(root: Root, component: str) -> None:
    root.source.commit({**NEXT, "link@": "mod"}, tag="linked")
    before = root.served()
    assert f"linked has no directory {component}:" in root.refused("live", "linked", component=component)
    assert root.served() == before


def test_a_link_in_what_is_served_is_not_followed(root: Root) -> None:
    root.source.commit({**{path: content for path, content in SITE.items() if path[:5] != "theme"}, "theme@": "/etc"}, tag="linked")
    root.good("linked")
    root.done("live", "next", component="theme/c")
    assert (root.path / "current/theme").is_dir()
    assert not (root.path / "current/theme").is_symlink()
    assert root.served()["theme/c/lib.php"] == "c2"


def test_a_part_of_nothing_is_refused(tmp_path: Path) -> None:
    root = Root(tmp_path)
    assert "deliver the whole first" in root.refused("live", "new", component="lib")
    assert not (root.path / "current").exists()


# The third copy


def test_the_third_copy_shares_no_inode(root: Root) -> None:
    root.good("next")
    result = root.done("secured", supersafe=True)
    assert result["supersafe"]
    assert root.served("supersafe") == root.served("safe") == NEXT
    assert inodes(root, "supersafe").isdisjoint(set().union(*(inodes(root, name) for name in ("safe", "current"))))
    assert root.done("secured", supersafe=True)["changed"] is False
    root.done("live", "site")
    assert inodes(root, "supersafe").isdisjoint(others(root, "supersafe"))
    assert root.served("supersafe") == NEXT


def inodes(root: Root, name: str) -> set[int]:
    return {path.stat().st_ino for path in (root.path / name).resolve().rglob("*") if path.is_file()}


def others(root: Root, name: str) -> set[int]:
    kept = (root.path / name).resolve()
    return {path.stat().st_ino for path in (root.path / "releases").rglob("*") if path.is_file() and kept not in path.parents}


def test_back_to_the_third_copy_and_on_from_there(root: Root) -> None:
    root.done("live", "next", supersafe=True)
    copy = root.linked("supersafe")
    assert root.done("rolled_back", supersafe=True)["swapped"]
    assert root.linked() == copy
    assert root.served() == SITE
    assert root.done("rolled_back", supersafe=True)["changed"] is False
    root.good("next")
    assert inodes(root, "supersafe").isdisjoint(others(root, "supersafe")), "nothing is linked to it while it is the third copy"
    assert root.done("secured", supersafe=True)["supersafe"] != copy
    assert root.served("supersafe") == NEXT


def test_a_damaged_third_copy_is_made_again_before_it_is_served(root: Root) -> None:
    root.done("live", "next", supersafe=True)
    root.file("version.php", "supersafe").write_text("spoiled")
    root.done("rolled_back", supersafe=True)
    assert root.served() == SITE


def test_what_was_never_good_is_neither_safe_nor_copied(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.done("live", "old")
    result = root.done("secured", supersafe=True)
    assert (result["safe"], result["supersafe"]) == (None, None)
    assert "never seen to work" in result["warnings"][0]
    assert root.done("secured", supersafe=True)["changed"] is False


# Put together by hand


@pytest.fixture
def by_hand(tmp_path: Path) -> Path:
    place = tmp_path / "www" / "moodle"
    write(
        place, {**SITE, "config.php": "<?php secret", ".git/config": "x", "mod/a/.svn/entries": "x", "l@": "version.php", "a\nb.php": "odd"}
    )
    return place


def test_a_site_put_together_by_hand_becomes_the_first_release(tmp_path: Path, by_hand: Path) -> None:
    root, before = Root(tmp_path), listing(by_hand)
    result = root.done("secured", adopt=str(by_hand))
    wanted = {**SITE, "config.php": "<?php secret", "l@": "version.php", "a\nb.php": "odd"}
    assert root.served() == root.served("safe") == wanted
    assert result["safe"] == root.linked()
    assert (root.path / "current/config.php").stat().st_mode & 0o777 == 0o440
    assert listing(by_hand) == before
    assert "secret" not in git(root.path / ".delivery/repo.git", "log", "-p", "--all")
    assert root.done("secured", adopt=str(by_hand))["changed"] is False
    root.source.commit(NEXT, tag="next")
    assert root.done("live", "next", adopt=str(by_hand))["swapped"]
    assert root.done("rolled_back")["swapped"]
    assert root.served() == wanted


def test_a_rendered_config_takes_the_place_of_the_one_by_hand(tmp_path: Path, by_hand: Path) -> None:
    root = Root(tmp_path)
    write(tmp_path, {"config.php": "rendered"})
    root.done("live", "new", adopt=str(by_hand), shared_files=[{"src": str(tmp_path / "config.php"), "dest": "config.php", "mode": "0640"}])
    assert root.served("safe")["config.php"] == "rendered"
    assert root.served() == {**NEW, "config.php": "rendered"}


def test_adoption_by_way_of_a_link(tmp_path: Path, by_hand: Path) -> None:
    (tmp_path / "served").symlink_to(by_hand)
    root = Root(tmp_path)
    root.done("secured", adopt=str(tmp_path / "served"))
    assert root.served() == {**SITE, "config.php": "<?php secret", "l@": "version.php", "a\nb.php": "odd"}


def test_adoption_in_check_mode_changes_nothing(tmp_path: Path, by_hand: Path) -> None:
    root = Root(tmp_path)
    before = listing(tmp_path)
    assert root.call("secured", adopt=str(by_hand), check=True)["changed"]
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"index.html": "x"}, "has no version.php"),
        ({"version.php": "1", "data/filedir/aa/bb": "x"}, "looks like a data directory"),
        ({"version.php": "1", "filedir/aa/bb": "x"}, "looks like a data directory"),
        ({"version.php": "1", "lib/up@": "../../etc"}, "leads out of"),
    ],
)
def test_what_is_no_code_is_not_adopted(tmp_path: Path, files: dict[str, str], message: str) -> None:
    root, place = Root(tmp_path), tmp_path / "place"
    write(place, files)
    assert message in root.refused("secured", adopt=str(place))
    assert not (root.path / "current").exists()


def test_a_directory_around_the_delivery_root_is_not_adopted(tmp_path: Path) -> None:
    root = Root(tmp_path / "moodle")
    write(root.folder, {"version.php": "1"})
    assert "lie in each other" in root.refused("secured", adopt=str(root.folder))


def test_a_link_that_leads_back_into_the_adopted_code_has_to_be_named(tmp_path: Path, by_hand: Path) -> None:
    root = Root(tmp_path)
    (by_hand / "law").symlink_to(by_hand)
    assert "as {dest: law, link: .}" in root.refused("secured", adopt=str(by_hand))
    root.done("secured", adopt=str(by_hand), shared_files=[{"dest": "law", "link": "."}])
    assert (root.path / "current" / "law").readlink() == Path()


def test_special_files_are_named(tmp_path: Path, by_hand: Path) -> None:
    os.mkfifo(by_hand / "pipe")
    assert "pipe" in Root(tmp_path).refused("secured", adopt=str(by_hand))


# Hot fixes for those who own the code


def test_a_hot_fix_is_pushed_to_a_branch_when_asked(root: Root) -> None:
    root.file("mod/a/version.php").write_text("hot\n")
    result = root.done("live", "next", backport="hotfixes")
    assert git(root.source.path, "show", "hotfixes:mod/a/version.php") == "hot"
    assert git(root.source.path, "rev-parse", "hotfixes") == result["hot_fix"]["commit"]
    assert result["warnings"] == []
    patch = Path(result["hot_fix"]["patch"])
    assert stat.S_IMODE(patch.stat().st_mode) == 0o600
    work = root.folder / "work"
    git(root.folder, "clone", "--quiet", str(root.source.path), str(work))
    git(work, "checkout", "--quiet", "site")
    git(work, "apply", str(patch))
    assert (work / "mod/a/version.php").read_text() == "hot\n"
    [line] = [line for line in result["journal"] if "patch" in line]
    assert (line["backport"], line["drift"]["modified"]) == ("hotfixes", ["mod/a/version.php"])


def test_a_hot_fix_that_cannot_be_pushed_is_a_warning(root: Root) -> None:
    root.file("mod/a/version.php").write_text("hot\n")
    git(root.source.path, "branch", "hotfixes", "next")
    result = root.done("live", "next", backport="hotfixes")
    assert "Could not push hotfixes" in result["warnings"][0]
    assert root.served() == NEXT


# Room, grace, holders


def test_a_release_that_was_left_a_moment_ago_is_not_pruned(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    for revision in ("next", "old", "new"):
        root.good(revision, grace=900, keep_releases=1)
    assert len(list((root.path / "releases").iterdir())) == 4
    later = memory.now() + timedelta(hours=1)
    monkeypatch.setattr("ansible_collections.lms.moodle.plugins.module_utils.delivery.delivery.now", lambda: later)
    root.good("old", grace=900, keep_releases=1)
    assert {path.name for path in (root.path / "releases").iterdir()} == {root.linked(), root.linked("safe")}


@pytest.mark.parametrize("way", ["stands in it", "was started from it"])
def test_a_release_stays_as_long_as_a_process_works_in_it(root: Root, way: str) -> None:
    spent = to_be_pruned(root)
    stands = way == "stands in it"
    waits = ["sh", "-c", "echo up; read end"]
    command = waits if stands else [*waits, str(spent / "admin/cli/cron.php")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=spent / "deep" if stands else None, **pipes) as cron:  # type: ignore[call-overload]
        assert cron.stdout.readline() == b"up\n"
        before = read(spent)
        result = root.done("live", "new", keep_releases=1)
        assert result["warnings"] == [f"The release spent stays for now: process {cron.pid} works in it."]
        assert read(spent) == before
        cron.stdin.close()
    warnings = root.done("live", "old", keep_releases=1)["warnings"]
    assert ([one for one in warnings if "works in it" in one], spent.exists()) == ([], False)


def to_be_pruned(root: Root) -> Path:
    """The one release that the next delivery would prune with ``keep_releases=3``; it holds more than what is delivered next."""
    more = {"version.php": "0", "lib/a.php": "a", "deep/er/old.php": "o", "turn/into/a/file": "1", "same.php": "same"}
    root.source.commit(more, tag="spent")
    for _each in range(2):  # what is served is looked at once more when its files are no news
        root.done("live", "spent", release_id="spent")
    for revision in ("next", "site"):
        root.good(revision, release_id=f"then-{revision}", keep_releases=4)
    return root.path / "releases" / "spent"


def directories(directory: Path) -> set[int]:
    return {path.stat().st_ino for path in (directory, *directory.rglob("*")) if path.is_dir()}


def test_a_release_is_made_over_one_that_would_be_pruned(root: Root) -> None:
    spent = to_be_pruned(root)
    before = directories(spent)
    root.done("live", "new", keep_releases=3)
    served = (root.path / "current").resolve()
    assert served.stat().st_ino in before, "it is the same directory under another name"
    assert root.served() == NEW
    assert {stat.S_IMODE(path.stat().st_mode) for path in (served, *served.rglob("*")) if path.is_dir()} == {0o555}
    assert not spent.exists()
    assert memory.Memory(Layout(root.path)).release("spent") is None
    assert root.done("live", "new", keep_releases=3)["changed"] is False
    assert root.done("rolled_back")["swapped"]
    assert root.served() == SITE


def test_a_release_with_another_rendered_file_is_made_over_one_too(root: Root, tmp_path: Path) -> None:
    spent, config = to_be_pruned(root), tmp_path / "other.php"
    before = directories(spent)
    config.write_text("another")
    commit = memory.Memory(Layout(root.path)).release(str(root.linked()))
    assert commit is not None
    shared = [{"src": str(config), "dest": "other.php", "mode": "0640"}]
    root.done("live", commit.revision, shared_files=shared, keep_releases=3)
    assert (root.path / "current").resolve().stat().st_ino in before


def test_what_becomes_the_safe_release_is_not_made_over(root: Root) -> None:
    """A hot fix that was kept before is there as a release, and old: nothing else names it until this very call."""
    root.good("old", release_id="first")
    for number in (1, 2):
        root.source.commit({**OLD, "number": str(number)}, tag=f"n{number}")
    _damage(root.path / "releases/first/same.php", "hot!")
    root.good("n1", keep_releases=9)
    kept = root.linked("safe")
    root.good("n2", keep_releases=9)
    root.done("rolled_back", release_id="first", keep_releases=9)
    _damage((root.path / "current").resolve() / "same.php", "hot!")
    assert root.done("updated", "new", keep_releases=2)["safe"] == kept
    assert (root.path / "safe").is_dir()


@pytest.fixture(params=["looked at", "known"])
def looked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The directories that `find` looks at, where the clock of the file system ticks at once so that much is known, and where not."""
    found: list[str] = []
    glance = looks.Glance.__init__

    def noted(self: looks.Glance, directory: Path, leave: Collection[str] = ()) -> None:
        found.append(directory.name)
        glance(self, directory, leave)

    monkeypatch.setattr(looks.Glance, "__init__", noted)
    monkeypatch.setattr(seen, "SETTLED", -1 if request.param == "known" else 3600 * 10**9)
    return found


@pytest.mark.parametrize("looked", ["known"], indirect=True)
def test_what_was_proved_of_a_release_spares_a_look_at_all_its_files(root: Root, looked: list[str]) -> None:
    to_be_pruned(root)
    served = root.linked()
    looked.clear()
    root.done("live", "new", keep_releases=3)
    assert served in looked and "spent" not in looked
    assert root.served() == NEW


@pytest.mark.usefixtures("looked")
def test_releases_are_made_over_one_another_again_and_again(tmp_path: Path) -> None:
    """With so many files that only those that differ are looked at afterwards."""
    root, many, places = Root(tmp_path), {f"deep/{number}/file.php": "same" for number in range(20)}, []
    for number in range(8):
        files = {**many, f"deep/{number}/file.php": "changed", "version.php": str(number)}
        root.source.commit(files, tag=f"n{number}")
        root.good(f"n{number}", keep_releases=2)
        assert root.served() == files
        assert root.done("live", f"n{number}", keep_releases=2)["changed"] is False
        places.append((root.path / "current").stat().st_ino)
    assert len(set(places)) < len(places)


@pytest.mark.usefixtures("looked")
@pytest.mark.parametrize(
    "damage",
    [
        lambda spent: None,
        lambda spent: _damage(spent / "same.php", "evil"),
        lambda spent: _damage(spent / "deep/er/unasked.php", "evil"),
        lambda spent: (spent / "same.php").chmod(0o666),
        lambda spent: (spent / "deep").chmod(0o777),
        lambda spent: (spent / "deep/er/empty").mkdir(),
        lambda spent: (spent / "same.php").unlink(),
        lambda spent: (spent / "turn").rename(spent / "elsewhere"),
        lambda spent: (spent / "same.php").rename(spent / "version.php"),
        lambda spent: _other_file(spent / "same.php", "evil"),
    ],
)
@pytest.mark.parametrize("opened", [True, False])
def test_what_was_done_to_the_release_that_it_is_made_over_is_gone(root: Root, damage: Callable[[Path], object], opened: bool) -> None:
    """Root may write where all directories are shut; that only the one moves which it writes to is the harder case."""
    spent = to_be_pruned(root)
    for path in (spent, *spent.rglob("*")):
        if path.is_dir() and (opened or os.geteuid() != 0):
            path.chmod(0o755)
    damage(spent)
    root.done("live", "new", keep_releases=3)
    served = (root.path / "current").resolve()
    assert root.served() == NEW
    assert not [path for path in served.rglob("*") if path.is_dir() and not list(path.iterdir())]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (served, *served.rglob("*")) if not path.is_symlink()}
    assert modes == {(True, 0o555), (False, 0o444), (False, 0o555)}


def _damage(path: Path, content: str) -> None:
    """Written in place where it is there, with its time set back."""
    before = path.stat() if path.exists() else None
    if before:
        path.chmod(0o644)
    path.write_text(content)
    if before:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        path.chmod(0o444)


def _other_file(path: Path, content: str) -> None:
    """Under the same name, with the same size, mode and times as far as they can be set."""
    before = path.stat()
    other = path.with_name("other")
    other.write_text(content)
    other.chmod(0o444)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def test_nothing_that_stays_is_made_over(root: Root) -> None:
    spent = to_be_pruned(root)
    held = {path.name: read(path) for path in (root.path / "releases").iterdir()}
    root.done("updated", "new", keep_releases=3, grace=900)
    assert {name: read(root.path / "releases" / name) for name in held} == held, "it was served a moment ago"
    root.done("abandoned")
    root.done("updated", "new", keep_releases=5)
    assert {name: read(root.path / "releases" / name) for name in held} == held, "there is room for one more"
    root.done("abandoned")
    root.done("updated", "new", keep_releases=3)
    assert {name for name in held if not (root.path / "releases" / name).exists()} == {spent.name}


def test_the_last_good_release_is_never_pruned(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.good("old")
    good = root.linked()
    for number in range(4):
        root.source.commit({"n": str(number)}, tag=f"n{number}")
        root.done("live", f"n{number}", keep_releases=1)
    (root.path / "safe").unlink()
    root.done("live", "new", keep_releases=1)
    assert (root.path / "releases" / str(good)).is_dir()


def test_somebody_waits_for_the_holder(root: Root) -> None:
    root.done("secured", holder="first")
    began = time.monotonic()
    assert "held by first" in root.refused("secured", holder="second", wait=1)
    assert time.monotonic() - began >= 1
    expired = root.done("secured", holder="first", expiry=1)
    assert expired["changed"] is False


def test_a_delivery_that_expired_is_taken_over_in_words(root: Root) -> None:
    root.done("secured", holder="first", expiry=0)
    result = root.done("live", "next", holder="second")
    assert "second goes on with it" in result["warnings"][0]
    assert root.served() == NEXT


def test_old_and_new_are_what_they_were(root: Root) -> None:
    root.good("old")
    assert read((root.path / "current").resolve()) == OLD
