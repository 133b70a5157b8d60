# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plugin is written into a code base file, or taken out, as its author would have done it by hand."""

from __future__ import annotations

import difflib

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.edit import Value, remove_plugin, set_plugin
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

FILE = """\
# The campus, as of autumn
project: campus
moodle:
  version: 4.5+  # until summer
plugins:
  # Learning activities

  # asked for by the faculty of law
  mod_board:
    name: Board
    source: https://git.example.org/board.git
    # the branch is broken
    tag: v1  # see ticket 12
    # force: true

  # Everything else

  local_tools:
    source: https://git.example.org/tools.git
    branch: main
overlays:
  - path: own
"""


HEAD = "project: a\nmoodle: {version: '4.5'}\n"


def changes(old: str, new: str) -> list[str]:
    """What a diff would show."""
    return [line for line in difflib.ndiff(old.splitlines(), new.splitlines()) if line[0] in "+-"]


def change(values: dict[str, Value], component: str = "mod_board", text: str = FILE) -> list[str]:
    return changes(text, set_plugin(text, "codebase.yml", component, values))


def test_a_value_is_changed_and_nothing_else() -> None:
    assert change({"tag": "v2"}) == ["-     tag: v1  # see ticket 12", "+     tag: v2  # see ticket 12"]


def test_nothing_changes_when_all_is_as_asked() -> None:
    text = FILE.replace("# force: true", "force: yes")
    assert set_plugin(text, "codebase.yml", "moodle-mod_board", {"tag": "v1", "branch": None, "force": True, "patches": []}) == text


def test_another_kind_of_revision_takes_the_place_of_the_old_one() -> None:
    assert change({"branch": "main", "tag": None}) == ["-     tag: v1  # see ticket 12", "+     branch: main  # see ticket 12"]


def test_a_key_is_taken_away() -> None:
    assert change({"tag": None}) == ["-     tag: v1  # see ticket 12"]


def test_the_last_key_may_be_taken_away() -> None:
    text = "project: a\nmoodle: {version: '4.5'}\nplugins:\n  mod_x:\n    branch: b\n    # why\n"
    after = set_plugin(text, "codebase.yml", "mod_x", {"branch": None})
    assert after == "project: a\nmoodle: {version: '4.5'}\nplugins:\n  mod_x:\n    # why\n"
    assert set_plugin(after, "codebase.yml", "mod_x", {"branch": "b"}) == text


def test_new_keys_stand_where_they_usually_do() -> None:
    assert change({"force": True, "patches": ["a.patch", "b.patch"], "name": "Tools"}, "local_tools") == [
        "+     name: Tools",
        "+     force: true",
        "+     patches: [a.patch, b.patch]",
    ]
    after = set_plugin(FILE, "codebase.yml", "local_tools", {"force": True, "name": "Tools"})
    assert (
        "  local_tools:\n    name: Tools\n    source: https://git.example.org/tools.git\n    branch: main\n    force: true\nover" in after
    )


def test_a_zip_takes_the_place_of_a_repository() -> None:
    values: dict[str, Value] = {"source": None, "branch": None, "zip": "zips/tools.zip", "sha256": "0a" * 32}
    assert change(values, "local_tools") == [
        "-     source: https://git.example.org/tools.git",
        "-     branch: main",
        "+     zip: zips/tools.zip",
        f"+     sha256: {'0a' * 32}",
    ]


def test_a_new_plugin_stands_at_the_end_of_an_unordered_list() -> None:
    after = set_plugin(FILE, "codebase.yml", "auth_x", {"source": "/srv/x", "branch": "main"})
    assert after == FILE.replace("overlays:", "\n  auth_x:\n    source: /srv/x\n    branch: main\noverlays:")


ORDERED = """\
project: campus
moodle: {version: '4.5'}
plugins:
    # the old one
    moodle-block_a:
        branch: main
        # tag: v1
    moodle-mod_b:
    # ours
    moodle-mod_d: {branch: main}
"""


@pytest.mark.parametrize(
    ("component", "before"),
    [("auth_x", "    # the old one\n"), ("mod_a", "    moodle-mod_b:\n"), ("mod_c", "    # ours\n"), ("moodle-mod_e", "")],
)
def test_a_new_plugin_keeps_the_order_and_the_manner_of_the_list(component: str, before: str) -> None:
    entry = f"    moodle-{component.replace('moodle-', '')}:\n        source: /srv/x\n"
    expected = ORDERED.replace(before, entry + before) if before else ORDERED + entry
    assert set_plugin(ORDERED, "codebase.yml", component, {"source": "/srv/x"}) == expected


def test_a_new_plugin_stands_under_the_heading_of_its_kind() -> None:
    text = FILE.replace("local_tools", "theme_tools")
    assert set_plugin(text, "codebase.yml", "theme_a", {}) == text.replace("  theme_tools:", "  theme_a:\n\n  theme_tools:")
    assert set_plugin(text, "codebase.yml", "mod_z", {}) == text.replace("# force: true\n", "# force: true\n\n  mod_z:\n")


def test_a_new_plugin_goes_as_far_to_the_right_as_the_others() -> None:
    text = "project: a\nmoodle:\n version: '4.5'\nplugins:\n  mod_x:\n     tag: v1\n\n  mod_y:\n  mod_z:\n"
    assert set_plugin(text, "codebase.yml", "tool_x", {"tag": "v1"}) == f"{text}  tool_x:\n     tag: v1\n"


@pytest.mark.parametrize("plugins", ["", "plugins:\n", "plugins: {}\n", "plugins: ~\n"])
def test_the_list_of_plugins_is_made_when_there_is_none(plugins: str) -> None:
    text = f"project: a\nmoodle:\n   version: '4.5'\n   # tag: x\n{plugins}# own files\noverlays:\n"
    after = set_plugin(text, "codebase.yml", "mod_x", {"source": "/srv/x"})
    assert after == (
        "project: a\nmoodle:\n   version: '4.5'\n   # tag: x\nplugins:\n   mod_x:\n      source: /srv/x\n# own files\noverlays:\n"
    )


def test_an_empty_list_keeps_its_comments() -> None:
    text = "---\nproject: a\nmoodle: {version: '4.5'}\nplugins:  # none yet\n  # mod_y:\n"
    assert set_plugin(text, "codebase.yml", "mod_x", {"tag": "v1"}) == f"{text}  mod_x:\n    tag: v1\n"


@pytest.mark.parametrize("nothing", ["", " ~", " {}", " null"])
def test_a_plugin_that_says_nothing_is_given_something_to_say(nothing: str) -> None:
    text = f"project: a\nmoodle: {{version: '4.5'}}\nplugins:\n  mod_x:{nothing}  # ours\n  mod_y:\n"
    after = set_plugin(text, "codebase.yml", "mod_x", {"branch": "main"})
    assert after.endswith("plugins:\n  mod_x:  # ours\n    branch: main\n  mod_y:\n")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("MOODLE_405_STABLE", "MOODLE_405_STABLE"),
        ("3.10", "'3.10'"),
        ("2024050305", "'2024050305'"),
        ("1e5", "'1e5'"),
        ("0x1f", "'0x1f'"),
        ("12:30:45", "'12:30:45'"),
        ("2024-01-31", "'2024-01-31'"),
        ("yes", "'yes'"),
        ("null", "'null'"),
        ("~", "'~'"),
        ("*x", "'*x'"),
        ("&x", "'&x'"),
        ("#1", "'#1'"),
        ("a #1", "'a #1'"),
        ("a: b", "'a: b'"),
        ("a:", "'a:'"),
        ("- a", "'- a'"),
        ("it's", "it's"),
        ("'t is", "'''t is'"),
        ("@home", "'@home'"),
        ("%x", "'%x'"),
        ("été 😀", "été 😀"),
        ("two\nlines", '"two\\nlines"'),
        ("no\u00a0break", '"no\\_break"'),
        (" x", "' x'"),
        ("", "''"),
        ("a, b]", "a, b]"),
        ("x" * 300 + " y", "x" * 300 + " y"),
    ],
)
def test_text_is_quoted_where_it_would_be_misread(value: str, written: str) -> None:
    after = set_plugin(FILE, "codebase.yml", "mod_board", {"name": value})
    assert f"    name: {written}\n" in after


@pytest.mark.parametrize(("old", "new"), [("'Board'", "'Own'"), ('"Board"', '"Own"'), (">-\n      Bo\n      ard\n", "Own\n")])
def test_the_authors_quotes_are_kept(old: str, new: str) -> None:
    text = FILE.replace("name: Board", f"name: {old}")
    assert set_plugin(text, "codebase.yml", "mod_board", {"name": "Own"}) == text.replace(old, new)


def test_a_value_that_was_left_open_is_filled_in() -> None:
    text = FILE.replace("tag: v1  #", "tag:  #")
    assert set_plugin(text, "codebase.yml", "mod_board", {"tag": "v3"}) == text.replace("tag:  #", "tag: v3  #")
    assert set_plugin(text, "codebase.yml", "mod_board", {"tag": None, "branch": "b"}) == text.replace("tag:  #", "branch: b  #")


LISTED = """\
project: campus
moodle: {version: '4.5'}
plugins:
  mod_x:
    branch: main
    patches:
    # first of all
    - a.patch  # ours
    # for the exam
    - b.patch

    - c.patch
    force: true
"""


@pytest.mark.parametrize(
    ("patches", "lines"),
    [
        (["a.patch", "b.patch", "c.patch", "d.patch"], "# first of all|- a.patch  # ours|# for the exam|- b.patch||- c.patch|- d.patch"),
        (["a.patch", "c.patch"], "# first of all|- a.patch  # ours|# for the exam||- c.patch"),
        (["b.patch", "n, o.patch", "a.patch"], "# for the exam|- b.patch|- 'n, o.patch'|# first of all|- a.patch  # ours|"),
    ],
)
def test_a_list_keeps_its_lines_and_their_comments(patches: list[str], lines: str) -> None:
    before, rest = LISTED.split("    # first", 1)
    expected = "".join(f"    {line}\n" if line else "\n" for line in lines.split("|")) + "    force" + rest.split("    force")[1]
    assert set_plugin(LISTED, "codebase.yml", "mod_x", {"patches": patches}) == before + expected


def test_a_list_in_brackets_stays_in_brackets() -> None:
    text = FILE.replace("    branch: main", "    branch: main\n    patches: [a.patch]  # ours")
    after = set_plugin(text, "codebase.yml", "local_tools", {"patches": ["a.patch", "b, c.patch", "'d"]})
    assert after == text.replace("[a.patch]", "[a.patch, 'b, c.patch', '''d']")


def test_removing_takes_the_comments_of_the_plugin_and_no_others() -> None:
    start, end = FILE.index("  # asked for"), FILE.index("  # Everything")
    assert remove_plugin(FILE, "codebase.yml", "mod_board") == FILE[:start] + FILE[end:]
    assert remove_plugin(ORDERED, "codebase.yml", "mod_b") == ORDERED.replace("    moodle-mod_b:\n", "")
    assert remove_plugin(ORDERED, "codebase.yml", "mod_d") == ORDERED.replace("    # ours\n    moodle-mod_d: {branch: main}\n", "")


def test_text_that_looks_like_a_comment_is_none() -> None:
    text = f"{HEAD}plugins:\n  mod_x:\n    name: 'a\n  # b'\n  mod_y:\n    name: |+\n      # c\n\n  mod_z:\n"
    assert remove_plugin(text, "codebase.yml", "mod_y") == text.replace("  mod_y:\n    name: |+\n      # c\n\n", "")
    assert set_plugin(text, "codebase.yml", "mod_y", {"tag": "v1"}) == text.replace("# c\n\n", "# c\n\n    tag: v1\n")


def test_removing_what_is_not_there_changes_nothing() -> None:
    assert remove_plugin(FILE, "codebase.yml", "mod_other") == FILE


def test_the_last_plugin_leaves_an_empty_list() -> None:
    text = "project: a\nmoodle: {version: '4.5'}\nplugins:\n\n  # why\n  mod_x: {branch: main}\n\n"
    assert remove_plugin(text, "codebase.yml", "mod_x") == "project: a\nmoodle: {version: '4.5'}\nplugins:\n\n"


def test_a_wrong_plugin_can_be_removed() -> None:
    text = FILE.replace("branch: main", "brunch: main")
    assert "local_tools" not in remove_plugin(text, "codebase.yml", "local_tools")


@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_breaks_and_byte_order_mark_stay(line_break: str, last: str, mark: str) -> None:
    text = mark + "project: a\nmoodle: {version: '4.5'}\nplugins:\n  mod_x:\n    tag: v1\n  mod_y:".replace("\n", line_break)
    whole = text + last.replace("\n", line_break)
    added = set_plugin(whole, "codebase.yml", "mod_z", {"branch": "b"})
    assert added == text + "\n  mod_z:\n    branch: b".replace("\n", line_break) + last.replace("\n", line_break)
    assert remove_plugin(added, "codebase.yml", "mod_z") == whole


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{HEAD}plugins: {{mod_x: {{tag: v1}}}}\n", 3),
        (f"{HEAD}plugins:\n  mod_x: {{tag: v1}}\n", 4),
        (f"{HEAD}plugins:\n  mod_x: &x\n    tag: v1\n", 4),
        (f"{HEAD}plugins:\n  mod_x:\n    tag: &x v1\n  mod_y:\n    tag: *x\n", 5),
        (f"{HEAD}plugins:\n  mod_x:\n    tag: !!str v1\n", 5),
        (f"{HEAD}plugins:\n  ? mod_x\n  : tag: v1\n", 4),
        (f"{HEAD}plugins:\n  mod_x:\n    {{}}\n", 5),
        (f"{HEAD}plugins:\n  mod_x:\n    tag: v1\u2028\n", 5),
        (f"{HEAD}plugins:\n  mod_x:\n    tag: v1\r    # x\n", 5),
        ("{project: a, moodle: {version: '4.5'}, plugins: {mod_x: {tag: v1}}}\n", 1),
    ],
)
def test_what_cannot_be_edited_safely_is_left_to_people(text: str, line: int) -> None:
    with pytest.raises(BadInput) as caught:
        set_plugin(text, "codebase.yml", "mod_x", {"tag": "v2", "branch": None})
    assert caught.value.message.startswith(f"codebase.yml, line {line}: ")
    assert caught.value.message.endswith(", which cannot be edited safely: write plugins.mod_x with tag: v2, no branch by hand.")


def test_what_went_wrong_is_not_given_out() -> None:
    text = f"{HEAD}plugins:\n  mod_x:\n    tag: v1\n    patches:\n    -\n    - a.patch\n"
    with pytest.raises(
        BadInput, match=r"^codebase.yml is written in a way that cannot be edited safely: write plugins.mod_x with patches: \[b"
    ):
        set_plugin(text, "codebase.yml", "mod_x", {"patches": ["b.patch"]})


def test_a_list_over_several_lines_in_brackets_is_left_to_people() -> None:
    text = f"{HEAD}plugins:\n  mod_x:\n    tag: v1\n    patches: [a,\n      b]\n"
    with pytest.raises(
        BadInput, match=r"line 6: the value of 'patches' is spread over several lines, which .*: write .* patches: \[b\] by"
    ):
        set_plugin(text, "codebase.yml", "mod_x", {"patches": ["b"]})


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}plugins:\n  mod_x: {{tag: v1}}\n---\na: b\n",
        f"{HEAD}plugins:\n\tmod_x: {{tag: v1}}\n",
        f"{HEAD}plugins: [\n",
        "",
        "a: b\n",
        "- a\n",
    ],
)
def test_what_is_no_code_base_file_is_refused(text: str) -> None:
    for edit in (lambda: set_plugin(text, "codebase.yml", "mod_x", {"tag": "v2"}), lambda: remove_plugin(text, "codebase.yml", "mod_x")):
        with pytest.raises(BadInput, match=r"^codebase.yml"):
            edit()


def test_a_plugin_that_stands_twice_is_refused() -> None:
    text = f"{HEAD}plugins:\n  mod_x:\n  moodle-mod_x:\n"
    with pytest.raises(BadInput, match=r"line 5: plugins.moodle-mod_x: mod_x stands here a second time"):
        remove_plugin(text, "codebase.yml", "mod_x")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"branch": "main"}, "codebase.yml as it would be, line 9: plugins.mod_board: at most one of .* tag and branch were found"),
        ({"tag": None, "force": True}, "plugins.mod_board.force: only a named revision can be forced"),
        ({"tag": "a b"}, r"line 13: plugins.mod_board.tag: the name of a tag is expected, 'a b' was found"),
        ({"colour": "red"}, "plugins.mod_board.colour: this key is not known here"),
        ({"patches": ["../x"]}, "plugins.mod_board.patches.0: a patch file"),
    ],
)
def test_a_file_is_never_made_wrong(values: dict[str, Value], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        set_plugin(FILE, "codebase.yml", "mod_board", values)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match=r"'\.\./x' is no name of a plugin"):
        set_plugin(FILE, "codebase.yml", "../x", {})


def test_a_password_is_not_told() -> None:
    with pytest.raises(BadInput) as caught:
        set_plugin(f"{HEAD}plugins: {{mod_x: {{}}}}\n", "codebase.yml", "mod_x", {"source": "https://me:hunter2@host/x"})
    assert "hunter2" not in caught.value.message
