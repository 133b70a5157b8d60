# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused before any other program is started, and how the answer of one is read."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.delivery_root import Root

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput, MoodleError
from ansible_collections.lms.moodle.plugins.module_utils.delivery import cvs, subversion
from ansible_collections.lms.moodle.plugins.module_utils.delivery.imports import check_source
from ansible_collections.lms.moodle.plugins.module_utils.delivery.subversion import files_below
from ansible_collections.lms.moodle.plugins.module_utils.delivery.svn_dump import Node, read_dump, undelta

SHA256 = "a" * 64
GOOD = {
    "svn": ["svn://h/p", "svn+ssh://deploy@h:22/p", "https://h/p q/@x", "file:///srv/svn/trunk", "svn://[::1]:3690/x"],
    "cvs": ["/srv/cvs#m", ":local:/srv/cvs#m/n", ":ext:me@h:/srv/cvs#m", "h:/srv/cvs#m", ":pserver:me:p@:w@h:2401/srv/cvs#m"],
    "archive": ["/srv/a b.zip"],
}
BAD = {
    "svn": [
        "--config-dir=/tmp/x",
        "/srv/svn/trunk",
        "svn:/h/p",
        "svn+rsh://h/p",
        "ext::sh -c x",
        "svn+ssh://-oProxyCommand=x/p",
        "svn+ssh://-l@h/p",
        "svn+ssh://h;x/p",
        "svn://h/p\n--x",
        "svn://h/a/../../b",
        "svn://h/a/%2e%2e/b",
        "svn://h/p?x",
        "svn://h/p#x",
        "svn://",
        "svn://[::1/x",
        "file://h/p",
        "https://me:hunter2@h/p",
        "ftp://me:hunter2@h/p",
    ],
    "cvs": [
        "-d#m",
        "/srv/cvs",
        "/srv/cvs#",
        "/srv/cvs#-n",
        "/srv/cvs#m/-n",
        "/srv/cvs#../m",
        "/srv/cvs#/m",
        "/srv/../cvs#m",
        "/srv/cvs#m\n",
        ":ext;CVS_RSH=/tmp/x:h:/srv/cvs#m",
        ":fork:/srv/cvs#m",
        ":ext:-oProxyCommand=x:/srv/cvs#m",
        ":ext:-l@h:/srv/cvs#m",
        ":pserver:me:hunter2@h/srv/cvs#m",
        ":gserver:me:hunter2@h:/srv/cvs#m",
    ],
    "archive": ["a.zip", "-a.zip", "https://h/a.zip", "/srv/a\n.zip", ""],
}


@pytest.mark.parametrize(("control", "location"), [(control, location) for control, all_ in GOOD.items() for location in all_])
def test_a_place_that_is_one(control: str, location: str) -> None:
    check_source(control, location, None)


@pytest.mark.parametrize(("control", "location"), [(control, location) for control, all_ in BAD.items() for location in all_])
def test_a_place_that_is_none_or_hides_something_is_refused_without_its_password(control: str, location: str) -> None:
    with pytest.raises(BadInput, match=r"^repository: ") as refusal:
        check_source(control, location, None)
    assert "hunter2" not in refusal.value.message
    assert refusal.value.message.isprintable()


@pytest.mark.parametrize(
    ("control", "revision"),
    [
        ("svn", "1"),
        ("svn", "HEAD"),
        ("svn", "{2026-11-21}"),
        ("cvs", "MOODLE_19_STABLE"),
        ("cvs", "HEAD"),
        ("cvs", "{2026-11-21T06:00}"),
        ("archive", SHA256),
        ("svn", "b" * 40),
        ("cvs", "b" * 40),
        ("archive", "b" * 40),
    ],
)
def test_a_revision_that_is_one(control: str, revision: str) -> None:
    check_source(control, None, revision)


NO_REVISIONS = ["", "-r1", "1:2", "r1", "BASE", "PREV", "1 --x", "HEAD\n", "x@1", "../x", "a" * 63]
NO_DATES = ["{yesterday}", "{2026-13-01}", "{2026-11-21", "{2026-11-21}\n"]


@pytest.mark.parametrize("control", ["svn", "cvs", "archive"])
@pytest.mark.parametrize("revision", NO_REVISIONS + NO_DATES)
def test_a_revision_that_is_none_is_refused(control: str, revision: str) -> None:
    if control == "cvs" and revision in ("BASE", "PREV", "r1", "a" * 63):
        return
    with pytest.raises(BadInput, match=r"^revision: ") as refusal:
        check_source(control, None, revision)
    assert refusal.value.message.isprintable()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("{2026-11-21}", "2026-11-21T00:00:00Z"),
        ("{2026-11-21T06:00}", "2026-11-21T06:00:00Z"),
        ("{2026-11-21 06:00:01Z}", "2026-11-21T06:00:01Z"),
        ("{2026-11-21T00:30+01:00}", "2026-11-20T23:30:00Z"),
        ("{2026-11-21T00:30-0130}", "2026-11-21T02:00:00Z"),
    ],
)
def test_a_date_means_the_same_moment_on_every_host(written: str, meant: str) -> None:
    assert subversion.check_revision(written) == f"{{{meant}}}"
    assert cvs.check_revision(written) == meant


@pytest.mark.parametrize(
    "root",
    [":pserver:me:hunter2@h:/srv/cvs#m", ":pserver:me:hunter2@h/x", ":ext;CVS_RSH=x:me:hunter2@h:/srv", ":gserver:me:hunter2@h:/x#m"],
)
def test_the_password_in_a_root_of_cvs_is_known_for_one(root: str) -> None:
    assert cvs.secrets_in(root) == {"hunter2"}


@pytest.mark.parametrize("root", ["/srv/cvs#m", ":ext:me@h:/srv/cvs#m", ":pserver:me:@h:/srv/cvs#m", "", "https://me:pw@h/"])
def test_where_no_password_is_none_is_seen(root: str) -> None:
    assert cvs.secrets_in(root) == set()


def test_nothing_is_asked_for_a_commit_that_is_here(tmp_path: Path) -> None:
    root = Root(tmp_path)
    root.done("live", "old")
    root.done("live", root.revisions["new"], repository=str(root.source.path))
    result = root.done("live", root.revisions["old"], source_control="svn", repository="svn://127.0.0.1:9/nobody/there")
    assert result["swapped"]


def test_a_bundle_holds_commits_of_git_and_nothing_else(tmp_path: Path) -> None:
    message = Root(tmp_path).refused("live", "HEAD", repository=None, bundle="/srv/x", source_control="svn")
    assert message == "bundle: it holds commits of Git, while source_control is svn: give 'repository'."


# The dump of Subversion


def number(value: int) -> bytes:
    """As svndiff writes it."""
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def window(instructions: bytes, new: bytes, length: int, source: int = 0) -> bytes:
    return b"".join(map(number, (0, source, length, len(instructions), len(new)))) + instructions + new


@given(parts=st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_content_comes_window_by_window(parts: list[bytes]) -> None:
    delta = b"SVN\0" + b"".join(window(b"\x80" + number(len(part)), part, len(part)) for part in parts)
    assert undelta(delta) == b"".join(parts)


def test_a_copy_of_what_is_still_being_written_repeats() -> None:
    instructions = b"\x83" + b"\x40" + number(100) + number(1) + b"\x42" + number(0)
    assert undelta(b"SVN\0" + window(instructions, b"abc", 105)) == b"abc" + (b"bc" * 50) + b"ab"


@pytest.mark.parametrize(
    "delta",
    [
        b"",
        b"SVN\1",
        b"SVN\0\x80",
        b"SVN\0" + window(b"\x83", b"abc", 4),
        b"SVN\0" + window(b"\x83", b"abc", 3)[:-1],
        b"SVN\0" + window(b"\x03\x00", b"", 3, source=3),
        b"SVN\0" + window(b"\x03\x00", b"", 3),
        b"SVN\0" + window(b"\x43\x05", b"", 3),
    ],
)
def test_a_damaged_difference_is_refused(delta: bytes) -> None:
    with pytest.raises(MoodleError, match=r"^Subversion's dump cannot be read: "):
        undelta(delta)


def dump(*nodes: tuple[str, str, bytes]) -> bytes:
    text = b"SVN-fs-dump-format-version: 3\n\nUUID: x\n\nRevision-number: 1\nProp-content-length: 10\nContent-length: 10\n\nPROPS-END\n\n"
    for path, kind, content in nodes:
        text += f"Node-path: {path}\nNode-kind: {kind}\nNode-action: add\nProp-content-length: 10\n".encode()
        text += b"Text-content-length: %d\nContent-length: %d\n\nPROPS-END\n%b\n\n" % (len(content), len(content) + 10, content)
    return text


def test_a_dump_that_ends_early_is_not_taken_for_a_whole_one() -> None:
    whole = dump(("p", "dir", b""), ("p/a", "file", b"x: y\n\nNode-path: q\n"))
    nodes = list(read_dump(io.BytesIO(whole)))
    assert [(node.path, node.directory, node.content) for node in nodes] == [("p", True, b""), ("p/a", False, b"x: y\n\nNode-path: q\n")]
    start = whole.index(b"Node-path: p/a")
    for end in range(start + 1, len(whole) - 2):
        with pytest.raises(EOFError):
            list(read_dump(io.BytesIO(whole[:end])))


def test_content_of_another_checksum_is_damage() -> None:
    text = dump(("a", "file", b"x")).replace(
        b"Node-kind", b"Text-content-md5: " + hashlib.md5(b"y", usedforsecurity=False).hexdigest().encode() + b"\nNode-kind"
    )
    with pytest.raises(MoodleError, match="came damaged"):
        list(read_dump(io.BytesIO(text)))


def test_a_change_is_no_whole_revision() -> None:
    with pytest.raises(MoodleError, match="as a change, where a whole revision was asked for"):
        list(read_dump(io.BytesIO(dump(("a", "file", b"x")).replace(b": add", b": change"))))


@pytest.mark.parametrize("path", ["p/.git/config", "p/a/.GIT/hooks/x", "p/../x", "p//x", "p/./x"])
def test_a_server_cannot_name_a_path_that_leads_elsewhere(path: str) -> None:
    with pytest.raises(BadInput, match="is not safe to unpack"):
        list(files_below("p", iter([Node(path, False, {}, b"")]), 0, "svn://h/p"))


def test_a_special_file_that_is_no_link_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="p/x is special"):
        list(files_below("", iter([Node("p/x", False, {"svn:special": b"*"}, b"device 1 2")]), 0, "svn://h/p"))
