# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every state of a delivery, on real directories and repositories."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.delivery_root import NEW, OLD, Root, read
from support.repositories import Source, call_module, git, listing, module_command, module_environment, module_input

CONFIG = "config.php"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


@pytest.fixture
def delivered(root: Root) -> Root:
    """`old` is served and good, `new` is the repository's next revision."""
    root.good("old")
    return root


def shared(folder: Path, content: str = "secret", dest: str = CONFIG, mode: str = "0640") -> list[dict[str, str]]:
    (folder / "rendered").write_text(content)
    return [{"src": str(folder / "rendered"), "dest": dest, "mode": mode}]


# The states, one by one


@pytest.mark.parametrize("state", ["secured", "delivering", "updated", "live"])
def test_check_run_check_run_of_each_state(delivered: Root, state: str) -> None:
    revision = "new" if state in ("updated", "live") else None
    before = listing(delivered.path)
    predicted = delivered.done(state, revision, check=True)
    assert listing(delivered.path) == before
    result = delivered.done(state, revision)
    assert predicted["changed"] is result["changed"] is True
    assert result["state"] == state
    before = listing(delivered.path)
    assert not delivered.done(state, revision, check=True)["changed"]
    assert listing(delivered.path) == before
    again = delivered.done(state, revision)
    assert not again["changed"]
    assert not again["journal"]
    assert delivered.served() == (NEW if state == "live" else OLD)


def test_the_four_steps_one_after_another(delivered: Root) -> None:
    for state, revision in (("secured", None), ("delivering", None), ("updated", "new")):
        result = delivered.done(state, revision)
        assert [line["step"] for line in result["journal"]] == [{"secured": "secure", "delivering": "open", "updated": "update"}[state]] * 2
        assert delivered.served() == OLD
        assert delivered.served("safe") == OLD
    assert delivered.served("work") == NEW
    result = delivered.done("live")
    assert result["swapped"]
    assert result["previous"] == delivered.linked("safe")
    assert delivered.served() == NEW
    assert delivered.served("safe") == OLD
    assert delivered.linked("work") is None
    assert delivered.partials() == []


def test_a_diff_names_the_files(delivered: Root) -> None:
    delivered.done("updated", "new")
    for check in (True, False):
        result = delivered.done("live", "new", check=check)
        assert result["files"] == {
            "added": ["lib/new.php", "turn"],
            "modified": ["link", "version.php"],
            "removed": ["lib/b/c.php", "turn/into/file"],
        }
        assert "~ version.php\n" in result["diff"]["after"]


def test_roll_back_check_run_check_run(delivered: Root) -> None:
    delivered.done("live", "new")
    before = listing(delivered.path)
    assert delivered.done("rolled_back", check=True)["changed"]
    assert listing(delivered.path) == before
    result = delivered.done("rolled_back")
    assert result["swapped"]
    assert delivered.served() == OLD
    for check in (True, False):
        again = delivered.done("rolled_back", check=check)
        assert not again["changed"]
        assert not again["swapped"]


def test_roll_back_in_the_middle_of_a_delivery_drops_it(delivered: Root) -> None:
    delivered.done("updated", "new")
    result = delivered.done("rolled_back")
    assert not result["swapped"]
    assert result["state"] == "live"
    assert delivered.partials() == []
    assert delivered.served() == OLD


def test_roll_back_to_a_release_by_name(root: Root) -> None:
    root.done("live", "old", release_id="one")
    root.done("live", "new", release_id="two")
    assert "no safe release to go back to" in root.refused("rolled_back")
    assert "The release three is not kept in" in (message := root.refused("rolled_back", release_id="three"))
    assert "kept are: one, two" in message
    root.done("rolled_back", release_id="one")
    assert root.served() == OLD


def test_abandoned_drops_the_work_and_serves_on(delivered: Root) -> None:
    delivered.done("updated", "new")
    for check, changed in ((True, True), (False, True), (True, False), (False, False)):
        assert delivered.done("abandoned", check=check)["changed"] is changed
    assert delivered.partials() == []
    assert delivered.linked("work") is None
    assert delivered.served() == OLD


def test_only_a_release_that_was_good_becomes_safe(root: Root) -> None:
    root.done("live", "old")
    root.done("live", "new")
    assert root.linked("safe") is None
    assert root.done("live", "new", good=True)["changed"]
    assert not root.done("live", "new", good=True)["changed"]
    root.done("live", "old")
    assert root.served("safe") == NEW


def test_several_updates_in_a_row(delivered: Root) -> None:
    delivered.done("updated", "new", release_id="next")
    delivered.done("updated", "old", release_id="next")
    assert delivered.served("work") == OLD
    result = delivered.done("updated", "new", release_id="next")
    assert result["changed"]
    assert delivered.served("work") == NEW
    delivered.done("live")
    assert delivered.served() == NEW


def test_a_directory_may_become_a_file_and_back(root: Root) -> None:
    for revision, files in (("old", OLD), ("new", NEW), ("old", OLD)):
        root.done("secured", holder="tester")
        root.done("delivering", release_id=f"to-{revision}")
        root.done("updated", revision, release_id="x" if revision == "new" else f"x-{root.linked()}")
        root.done("live")
        assert root.served() == files


def test_going_back_and_forth_between_kept_releases_needs_no_new_ones(delivered: Root) -> None:
    for _turn in range(2):
        delivered.done("live", "new")
        delivered.done("rolled_back")
    assert len(list(delivered.path.glob("releases/*"))) == 2


# Rendered files


def test_a_rendered_file_has_its_mode_before_others_can_read_it_and_is_never_linked(delivered: Root, tmp_path: Path) -> None:
    delivered.done("live", "new", shared_files=shared(tmp_path))
    first = delivered.path / "current" / CONFIG
    assert stat.S_IMODE(first.stat().st_mode) == 0o440
    assert first.read_text() == "secret"
    assert not delivered.done("live", "new", shared_files=shared(tmp_path))["changed"]
    old = first.resolve()
    result = delivered.done("live", "new", shared_files=shared(tmp_path, "changed"))
    assert result["swapped"]
    assert first.read_text() == "changed"
    assert old.read_text() == "secret"
    delivered.done("live", "old", shared_files=shared(tmp_path, "changed"))
    assert first.stat().st_nlink == 1


def test_rendered_files_that_no_release_holds_are_not_kept(delivered: Root, tmp_path: Path) -> None:
    for content in ("one", "two", "three", "four"):
        delivered.done("live", "new", shared_files=shared(tmp_path, content), keep_releases=1)
    kept = {path.read_text() for path in (delivered.path / ".delivery/rendered").iterdir()}
    assert kept == {"three", "four"}


LINK = {"dest": "law", "link": "."}


def test_a_link_that_is_asked_for_is_in_each_release_and_verified(delivered: Root) -> None:
    first = delivered.done("live", "new", shared_files=[LINK])
    link = delivered.path / "current" / "law"
    assert (link.readlink(), (link / "version.php").read_text()) == (Path(), "2")
    assert not delivered.done("live", "new", shared_files=[LINK])["changed"]
    assert delivered.done("live", "old", shared_files=[LINK], good=True)["release"] != first["release"]
    assert (link.readlink(), (link / "version.php").read_text()) == (Path(), "1")
    # Somebody leads it to where releases do not follow: what is served next has it right again.
    delivered.file("law").unlink()
    link.symlink_to("/srv/moodle")
    assert delivered.call("live", "old", shared_files=[LINK], check=True)["drift"]["modified"] == ["law"]
    delivered.done("live", "old", shared_files=[LINK])
    assert link.readlink() == Path()
    delivered.done("live", "new")
    assert not link.is_symlink()


@pytest.mark.parametrize("target", ["..", "/", "/etc", "a/../..", "a\nb", "lib/..", "lib/"])
@pytest.mark.parametrize("dest", ["law", "local/law"])
def test_a_link_leads_to_nothing_outside_of_the_release(root: Root, dest: str, target: str) -> None:
    deeper = f"../{target}" if "/" in dest and not target.startswith("/") else target
    assert "out of the release" in root.refused("live", "old", shared_files=[{"dest": dest, "link": deeper}])
    assert not (root.path / "current").exists()


def test_neither_a_file_nor_a_link_is_refused(root: Root) -> None:
    for nothing in ({"link": ""}, {"src": None}):
        assert "is neither given a file" in root.refused("live", "old", shared_files=[{"dest": "law", **nothing}])


def test_a_link_does_not_hide_code(root: Root) -> None:
    assert "is part of the code base itself" in root.refused("live", "old", shared_files=[{"dest": "lib", "link": "."}])


@pytest.mark.parametrize("dest", ["../x", "/etc/x", "", ".", "a/../../x", ".git/config", "a\nb", "a/.git/x"])
def test_a_rendered_file_cannot_lie_outside_of_the_release(root: Root, tmp_path: Path, dest: str) -> None:
    assert "does not lie inside a release" in root.refused("live", "old", shared_files=shared(tmp_path, dest=dest))
    assert root.linked() is None


@pytest.mark.parametrize("mode", ["640", "416", "rw", "0888", "01777", "0o640", ""])
def test_a_mode_that_may_have_lost_its_quotes_is_refused(root: Root, tmp_path: Path, mode: str) -> None:
    assert "is not an octal number such as '0640', in quotes" in root.refused("live", "old", shared_files=shared(tmp_path, mode=mode))


@pytest.mark.parametrize(
    ("dest", "message"),
    [
        ("version.php", "version.php is part of the code base itself"),
        ("lib", "lib is part of the code base itself"),
        ("version.php/x", "version.php/x cannot lie below version.php"),
        ("link/x", "link/x cannot lie below link"),
    ],
)
def test_a_rendered_file_neither_hides_code_nor_follows_a_link(root: Root, tmp_path: Path, dest: str, message: str) -> None:
    assert message in root.refused("live", "old", shared_files=shared(tmp_path, dest=dest))
    assert root.linked() is None


def test_a_link_in_the_code_base_leads_no_rendered_file_outside(root: Root, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    root.source.commit({"version.php": "1", "local@": str(tmp_path / "outside")}, tag="evil")
    assert "cannot lie below local" in root.refused("live", "evil", shared_files=shared(tmp_path, dest="local/config.php"))
    assert list((tmp_path / "outside").iterdir()) == []


# Drift, and the traps of hard links


def test_hot_fixes_become_a_commit_and_the_safe_release(delivered: Root) -> None:
    delivered.file("version.php").write_text("fixed")
    delivered.file("lib/a.php").unlink()
    delivered.file("new/dir").write_text("added")
    fixed = {path: content for path, content in OLD.items() if path != "lib/a.php"} | {"version.php": "fixed", "new/dir": "added"}
    result = delivered.done("secured")
    assert result["drift"] == {"modified": ["version.php"], "missing": ["lib/a.php"], "unexpected": ["new/dir"]}
    assert delivered.served() == fixed
    delivered.done("live", "new")
    assert delivered.served() == NEW
    assert delivered.served("safe") == fixed
    delivered.done("rolled_back")
    assert delivered.served() == fixed
    assert not delivered.done("rolled_back")["changed"]


def test_drift_can_stop_the_delivery(delivered: Root) -> None:
    delivered.file("version.php").write_text("fixed")
    before = listing(delivered.path)
    assert "1 modified (version.php)" in delivered.refused("live", "new", drift="fail")
    assert {k: v for k, v in listing(delivered.path).items() if ".delivery" not in k} == {
        k: v for k, v in before.items() if ".delivery" not in k
    }


def test_the_same_revision_again_takes_hot_fixes_out_and_keeps_them(delivered: Root) -> None:
    delivered.file("version.php").write_text("fixed")
    assert delivered.done("live", "old")["swapped"]
    assert delivered.served() == OLD
    assert not delivered.done("live", "old")["changed"]
    delivered.done("rolled_back")
    assert delivered.served() == {**OLD, "version.php": "fixed"}


def test_hot_fixes_survive_a_roll_back_as_a_commit(delivered: Root) -> None:
    delivered.done("live", "new")
    delivered.file("version.php").write_text("fixed")
    delivered.done("rolled_back")
    repository = delivered.path / ".delivery/repo.git"
    kept = git(repository, "for-each-ref", "--format=%(refname)", "refs/hotfixes").splitlines()
    assert [git(repository, "show", f"{ref}:version.php") for ref in kept] == ["fixed"]


@pytest.mark.parametrize("trap", ["write", "truncate", "chmod", "touch", "chmod of the safe one"])
def test_a_change_through_a_shared_inode_reaches_neither_the_new_nor_the_safe_release(delivered: Root, trap: str) -> None:
    delivered.done("updated", "new")
    same, work = delivered.path / "current/same.php", delivered.path / "work/same.php"
    assert os.path.samestat(same.stat(), work.stat()), "the trap is only one where files are shared"
    if trap in ("write", "truncate"):
        same.chmod(0o644)
        same.write_text("changed in place" if trap == "write" else "")
    elif trap == "touch":
        os.utime(same, (0, 0))
    else:
        same.chmod(0o666)
    if trap == "chmod of the safe one":
        delivered.done("live", "new")
        delivered.done("rolled_back")
        assert delivered.served() == OLD
        assert stat.S_IMODE((delivered.path / "current/same.php").stat().st_mode) == 0o444
    delivered.done("live", "new")
    assert delivered.served() == NEW
    assert stat.S_IMODE((delivered.path / "current/same.php").stat().st_mode) == 0o444
    delivered.done("rolled_back")
    assert delivered.served() in (OLD, {**OLD, "same.php": "changed in place"}, {**OLD, "same.php": ""})
    assert stat.S_IMODE((delivered.path / "current/same.php").stat().st_mode) == 0o444


def test_a_damaged_release_is_made_again_before_it_is_gone_back_to(delivered: Root) -> None:
    delivered.done("live", "new")
    delivered.file("version.php", "safe").write_text("damaged")
    delivered.done("rolled_back")
    assert delivered.served() == OLD
    name = delivered.linked()
    for _turn in range(2):
        assert not delivered.done("rolled_back")["changed"]
    delivered.done("live", "new")
    delivered.done("rolled_back")
    assert delivered.linked() == name, "the copy that was made for the damaged one is used again"


def test_a_sealed_release_cannot_be_written_by_an_ordinary_user(delivered: Root) -> None:
    for path in (delivered.path / "current").resolve().rglob("*"):
        assert path.is_symlink() or not path.stat().st_mode & 0o222, path
    assert not (delivered.path / "current").resolve().stat().st_mode & 0o222


def test_what_is_verified_is_what_is_served_even_if_the_work_was_edited(delivered: Root) -> None:
    delivered.done("updated", "new")
    for path, content in (("version.php", "edited"), ("extra.php", "planted")):
        delivered.file(path, "work").write_text(content)
    delivered.done("live")
    assert delivered.served() == NEW


@pytest.mark.parametrize("name", ["odd\udcffname", "new\nline", "-rf", "--", "sp ace", "é", "quo'te\"", "back\\slash", ":(top)x", "*"])
def test_hostile_file_names_come_through_delivery_hot_fix_and_way_back(root: Root, name: str) -> None:
    source = root.source.path / "x"
    root.source.commit({"version.php": "1"})
    (root.source.path / name).write_text("1")
    source.write_text("1")
    git(root.source.path, "add", "--all", "--force")
    git(root.source.path, "commit", "-qm", "odd")
    git(root.source.path, "tag", "odd")
    result = root.done("live", "odd")
    assert len(result["files"]["added"]) == 3
    json.dumps(result).encode()
    assert all(shown.isprintable() for shown in result["files"]["added"])
    root.done("live", "odd", good=True)
    root.file(name).write_text("fixed")
    drift = root.done("live", "new")["drift"]
    assert len(drift["modified"]) == 1
    root.done("rolled_back")
    assert ((root.path / "current").resolve() / name).read_text() == "fixed"


@pytest.mark.parametrize("what", ["fifo", ".git/config"])
def test_what_git_cannot_keep_is_named(delivered: Root, what: str) -> None:
    path = delivered.file(what)
    if what == "fifo":
        os.mkfifo(path)
    else:
        path.write_text("[core]")
    assert f"{what} in " in (message := delivered.refused("live", "new"))
    assert "move it away" in message
    shutil.rmtree(path.parent) if what != "fifo" else path.unlink()
    delivered.done("live", "new")


# Other hands


def test_a_link_planted_under_a_partial_name_is_neither_followed_nor_emptied(delivered: Root, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("mine")
    (delivered.path / "releases/next.partial").symlink_to(outside)
    delivered.done("live", "new", release_id="next")
    assert delivered.served() == NEW
    assert [path.name for path in outside.iterdir()] == ["precious"]
    assert stat.S_IMODE(outside.stat().st_mode) != 0o555


def test_a_directory_called_current_is_not_replaced(root: Root) -> None:
    (root.path / "current").mkdir(parents=True)
    assert "is not a symbolic link: move it away" in root.refused("live", "old")
    assert (root.path / "current").is_dir()


@pytest.mark.parametrize("target", ["/somewhere/else", "releases/", "releases/..", "elsewhere/x", "releases/foreign"])
def test_a_link_that_no_delivery_made_is_not_guessed_about(root: Root, target: str) -> None:
    (root.path / "releases/foreign").mkdir(parents=True)
    (root.path / "current").symlink_to(target)
    assert str(root.path / "current") in root.refused("live", "old")
    assert str((root.path / "current").readlink()) == target.rstrip("/")


def test_a_served_release_that_was_removed_by_hand_can_be_delivered_and_gone_back_to_again(delivered: Root) -> None:
    for state, revision, files in (("live", "old", OLD), ("rolled_back", None, OLD), ("live", "new", NEW)):
        served = (delivered.path / "current").resolve()
        subprocess.run(["rm", "-rf", str(served)], check=True)
        if state == "rolled_back":
            delivered.done(state, revision, release_id=served.name)
        else:
            delivered.done(state, revision)
        assert delivered.served() == files
        assert not delivered.done(state, revision, **({"release_id": served.name} if state == "rolled_back" else {}))["changed"]


def test_a_safe_release_that_was_removed_by_hand_is_made_again(delivered: Root) -> None:
    delivered.done("live", "new")
    subprocess.run(["rm", "-rf", str((delivered.path / "safe").resolve())], check=True)
    delivered.done("rolled_back")
    assert delivered.served() == OLD


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'"x"', b'{"record": {"odd": 1}}', b'{"work": {"id": "x"}}', b'{"work": 7}', b"7"]
)
@pytest.mark.parametrize("which", ["state.json", "releases/{}.json"])
def test_a_damaged_memory_is_named_with_the_way_out(delivered: Root, which: str, content: bytes) -> None:
    path = delivered.path / ".delivery" / which.format(delivered.linked())
    path.write_bytes(content)
    message = delivered.refused("live", "new")
    assert f"{path} is damaged" in message
    assert "move it away" in message
    assert delivered.served() == OLD


def test_a_torn_line_of_the_journal_swallows_no_other(delivered: Root) -> None:
    journal = delivered.path / ".delivery/journal.jsonl"
    journal.write_bytes(journal.read_bytes() + b'{"time": "2026-')
    delivered.done("live", "new")
    lines = journal.read_text().splitlines()
    assert sum(1 for line in lines if line.startswith('{"time"') and line.endswith("}")) == len(lines) - 1


def test_locks_that_a_killed_git_left_stop_nothing(delivered: Root) -> None:
    repository = delivered.path / ".delivery/repo.git"
    for name in (
        "packed-refs.lock",
        "HEAD.lock",
        "config.lock",
        "shallow.lock",
        "refs/source/tags/new.lock",
        f"refs/releases/{delivered.revisions['new'][:12]}.lock",
    ):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).touch()
    delivered.done("live", "new")
    assert delivered.served() == NEW


def test_a_lost_history_is_fetched_again_or_named(delivered: Root) -> None:
    delivered.done("live", "new")
    shutil.rmtree(delivered.path / ".delivery/repo.git")
    assert "lacks the commit" in (message := delivered.refused("rolled_back"))
    assert "fetch it there from where it came" in message
    assert not delivered.done("live", "new")["changed"]
    delivered.done("rolled_back")
    assert delivered.served() == OLD


def test_a_lost_history_is_named_where_another_one_is_delivered(delivered: Root) -> None:
    for _each in range(2):
        delivered.good("new", keep_releases=9)
        delivered.good("old", keep_releases=9)
    delivered.source.commit({"version.php": "3"}, tag="three")
    delivered.good("three", keep_releases=9)
    shutil.rmtree(delivered.path / ".delivery/repo.git")
    other = Source(delivered.folder / "other")
    other.commit({"version.php": "4"}, tag="four")
    result = delivered.call("live", "four", repository=str(other.path), keep_releases=2)
    assert "lacks the commit" in result["msg"]
    assert delivered.served() == {"version.php": "3"}


@pytest.mark.parametrize("name", ["current", "safe"])
def test_a_release_that_somebody_put_elsewhere_is_named_or_made_again(delivered: Root, tmp_path: Path, name: str) -> None:
    delivered.good("new")
    release = (delivered.path / name).resolve()
    release.rename(tmp_path / "elsewhere")
    release.symlink_to(tmp_path / "elsewhere")
    before = read(tmp_path / "elsewhere")
    if name == "current":
        assert "is a symbolic link" in delivered.refused("live", revision="old")
    else:
        delivered.done("rolled_back")
        assert delivered.served() == OLD
    assert read(tmp_path / "elsewhere") == before


def test_a_directory_that_somebody_opened_is_shut_before_its_release_is_gone_back_to(delivered: Root) -> None:
    delivered.good("new")
    (delivered.path / "safe/lib").chmod(0o777)
    delivered.done("rolled_back")
    assert stat.S_IMODE((delivered.path / "current/lib").stat().st_mode) == 0o555


def test_a_corrupt_history_is_never_served(delivered: Root) -> None:
    delivered.done("updated", "new")
    for path in (delivered.path / ".delivery/repo.git/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"damaged")
    assert delivered.refused("live")
    assert delivered.refused("rolled_back")
    assert delivered.served() == OLD


# One at a time


HOLD = "import fcntl, sys, time; f = open(sys.argv[1], 'a'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(60)"


def test_a_second_call_is_told_of_the_first(delivered: Root) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(delivered.path / ".delivery/lock")],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        assert "Another run is working on the delivery" in delivered.refused("live", "new")
        assert delivered.done("live", "new", check=True)["changed"], "to look, nobody has to wait"
    finally:
        holder.kill()
        holder.communicate()
    assert delivered.done("live", "new", wait=5)["swapped"]


def test_two_at_once_of_the_real_module_make_one_release(delivered: Root) -> None:
    data = module_input({**delivered.arguments("live", "new"), "wait": 60})
    calls = [
        subprocess.Popen(module_command("moodle_delivery"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=module_environment())
        for _turn in range(3)
    ]
    for call in calls:
        assert call.stdin is not None
        call.stdin.write(data)
        call.stdin.flush()
    results = [json.loads(call.communicate()[0]) for call in calls]
    assert [result.get("failed") for result in results] == [None] * 3, results
    assert sorted(result["swapped"] for result in results) == [False, False, True]
    assert delivered.served() == NEW


def test_an_open_delivery_belongs_to_its_holder_until_it_expires(delivered: Root) -> None:
    delivered.done("secured", holder="ann")
    for state in ("delivering", "live", "rolled_back", "abandoned"):
        assert "is held by ann since" in delivered.refused(state, "new" if state == "live" else None, holder="bob")
    delivered.done("abandoned", holder="ann")
    delivered.done("secured", holder="ann", expiry=0)
    assert delivered.done("live", "new", holder="bob")["swapped"]


# Pruning


def test_pruning_keeps_the_newest_the_linked_and_what_served_a_moment_ago(delivered: Root) -> None:
    for number in range(4):
        delivered.source.commit({"version.php": str(number)}, tag=f"t{number}")
        delivered.done("live", f"t{number}", release_id=f"r{number}", keep_releases=1)
    names = {path.name for path in delivered.path.glob("releases/*")}
    assert {"r3", "r2"} <= names
    assert delivered.linked("safe") in names
    assert "r0" not in names
    assert delivered.served("safe") == OLD


def test_what_killed_calls_left_behind_goes_with_the_next_delivery(delivered: Root) -> None:
    (delivered.path / "releases/orphan.partial/deep").mkdir(parents=True)
    (delivered.path / "releases/orphan.partial/deep/file").write_text("x")
    delivered.done("live", "new")
    assert delivered.partials() == []


# Bad input


@pytest.mark.parametrize(
    ("state", "arguments", "message"),
    [
        ("live", {}, "'revision' is missing"),
        ("updated", {}, "'revision' is missing"),
        ("rolled_back", {}, "no safe release to go back to"),
        ("rolled_back", {"release_id": "x"}, "is not kept in"),
        ("live", {"revision": "--upload-pack=evil"}, "cannot be the name of a tag, branch or commit"),
        ("live", {"revision": "a..b"}, "cannot be the name of a tag, branch or commit"),
        ("live", {"revision": "old", "release_id": "../x"}, "cannot be the name of a release"),
        ("live", {"revision": "old", "release_id": "-x"}, "cannot be the name of a release"),
        ("live", {"revision": "old", "release_id": "x.partial"}, "cannot be the name of a release"),
        ("live", {"revision": "old", "release_id": "x.lock"}, "cannot be the name of a release"),
        ("live", {"revision": "old", "release_id": "x."}, "cannot be the name of a release"),
        ("live", {"revision": "old", "keep_releases": 0}, "keep_releases is 0"),
        ("live", {"revision": "old", "owner": "nobody-of-that-name"}, "this host has no user 'nobody-of-that-name'"),
        ("live", {"revision": "old", "group": "no-such-group"}, "this host has no group 'no-such-group'"),
        ("live", {"revision": "old", "path": "relative/site"}, "an absolute path is expected"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_made(root: Root, state: str, arguments: dict[str, Any], message: str) -> None:
    given = {"repository": str(root.source.path), **arguments}
    assert message in root.refused(state, **given)
    assert not root.path.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"revision": "nope"}, "has no tag, branch or commit 'nope'"),
        ({"revision": "0" * 40}, "has no tag, branch or commit '0000"),
        ({"revision": "old", "repository": "/no/such/place"}, "Could not read /no/such/place"),
        ({"revision": "old", "repository": None, "bundle": "/no/such.bundle"}, "Could not read /no/such.bundle"),
        (
            {"revision": "old", "shared_files": [{"src": "/no/such/file", "dest": "config.php", "mode": "0640"}]},
            "/no/such/file cannot be read",
        ),
    ],
)
def test_a_source_that_cannot_be_read_leaves_what_is_served(delivered: Root, arguments: dict[str, Any], message: str) -> None:
    given = {"repository": str(delivered.source.path), **arguments}
    assert message in delivered.refused("live", **given)
    if len(arguments["revision"]) < 40:  # a commit cannot be looked up without being fetched
        assert message in delivered.refused("live", check=True, **given)
    assert delivered.served() == OLD
    assert delivered.partials() == []


def test_a_release_id_stands_for_one_content(delivered: Root) -> None:
    delivered.done("live", "new", release_id="x")
    assert "The release x exists already with other content" in delivered.refused("live", "old", release_id="x")


def test_a_bundle_serves_where_no_repository_is_reached(root: Root) -> None:
    git(root.source.path, "bundle", "create", "-q", str(root.folder / "new.bundle"), "--all")
    root.source.path.rename(root.folder / "away")
    assert root.done("live", "new", repository=None, bundle=str(root.folder / "new.bundle"))["swapped"]
    assert root.served() == NEW


def test_a_tree_with_a_submodule_is_refused(delivered: Root) -> None:
    git(delivered.source.path, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendor")
    git(delivered.source.path, "commit", "-qm", "sub")
    git(delivered.source.path, "tag", "sub")
    assert "'vendor', which is a submodule" in delivered.refused("live", "sub")
    assert delivered.served() == OLD


def test_a_forged_tree_that_leads_out_is_refused(delivered: Root) -> None:
    blob = git(delivered.source.path, "hash-object", "-w", "--stdin", stdin=b"x")
    for name in (".git", "..", "."):
        inner = f"100644 blob {blob}\tx\n"
        tree = git(delivered.source.path, "mktree", stdin=inner.encode())
        forged = git(delivered.source.path, "mktree", stdin=f"040000 tree {tree}\t{name}\n".encode())
        commit = git(delivered.source.path, "commit-tree", forged, "-m", "x")
        git(delivered.source.path, "update-ref", "refs/heads/forged", commit)
        assert delivered.refused("live", "forged")
        assert delivered.served() == OLD


def test_a_password_in_the_repository_is_never_shown(root: Root) -> None:
    secret = "hunter2hunter2"  # noqa: S105
    url = f"https://me:{secret}@git.invalid/x"
    rewrite = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{root.source.path}.insteadOf", "GIT_CONFIG_VALUE_0": url}
    result = call_module("moodle_delivery", {**root.arguments("live", "old"), "repository": url}, **rewrite)
    assert result["changed"]
    assert secret not in str(result)
    for path in root.path.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    failed = call_module("moodle_delivery", {**root.arguments("live", "new"), "repository": f"https://me:{secret}@127.0.0.1:9/x"})
    assert failed["failed"]
    assert secret not in str(failed)


def test_the_information_module_looks_and_changes_nothing(delivered: Root) -> None:
    delivered.done("updated", "new")
    delivered.file("version.php").write_text("fixed")
    before = listing(delivered.path)
    seen = call_module("moodle_delivery_info", {"path": str(delivered.path), "drift": True})
    assert listing(delivered.path) == before
    assert seen["changed"] is False
    assert seen["state"] == "updated"
    assert seen["current"] == delivered.linked()
    assert seen["drift"] == {"modified": ["version.php"], "missing": [], "unexpected": []}
    assert seen["record"]["holder"] == "tester"
    assert [(release["id"], release["good"]) for release in seen["releases"]] == [(delivered.linked(), True)]
    empty = call_module("moodle_delivery_info", {"path": str(delivered.folder / "nothing"), "drift": True})
    assert (empty["state"], empty["current"], empty["releases"]) == ("empty", None, [])
