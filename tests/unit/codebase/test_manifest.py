# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code base file: what is right is typed, what is wrong is named with file, line and key."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.manifest import (
    MOODLE_SOURCE,
    Manifest,
    Overlay,
    Part,
    Wanted,
    parse_manifest,
)
from ansible_collections.lms.moodle.plugins.module_utils.codebase.declaration.yaml_file import read_yaml
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import BadInput

GOOD = """\
project: campus
moodle:
  version: 4.10+
plugins:
  moodle-tool_redis:
    name: Redis management
    source: https://git.example.org/tool_redis.git
    branch: MOODLE_405_STABLE
  mod_board:
    source: /srv/git/board.git
    tag: v1
"""


SHA256 = "ab" * 32
COMMIT = "c0" * 20

EVERYTHING = f"""\
project: campus
moodle:
  version: '4.5'
  patches: [patches/core.patch, /srv/patches/more.patch]
plugins:
  mod_newest:
    source: https://git.example.org/newest.git
    maturity: beta
  mod_listed:
  mod_exact:
    version: 2024050305.01
    maturity: rc
  mod_release:
    name: 2
    source: https://git.example.org/release.git
    version: 3.10 (stable)
    force: yes
  mod_forced:
    source: git@git.example.org:forced.git
    commit: {COMMIT}
    force: true
    patches:
      - ./patches/a.patch
      - patches/b.patch
  mod_calm:
    branch: main
    force: no
    tag:
  mod_zipped:
    zip: zips/zipped.zip
    sha256: {SHA256.upper()}
  mod_fetched:
    zip: https://downloads.example.org/fetched.zip?v=1
    sha256: {SHA256}
    force: True
overlays:
  - path: overlays/boost/
    to: theme/boost/
  - {{path: /srv/overlays/root}}
  - {{path: ., to: .}}
"""


def parsed(text: str, base: str | None = "/srv/build") -> Manifest:
    data, lines = read_yaml(text, "codebase.yml")
    return parse_manifest(data, "codebase.yml", lines, base)


def test_a_good_file() -> None:
    manifest = parsed(GOOD)
    assert manifest.project == "campus"
    assert manifest.moodle == Part("moodle", MOODLE_SOURCE, Wanted("version", "4.10+"))
    assert manifest.plugins == (
        Part("mod_board", "/srv/git/board.git", Wanted("tag", "v1")),
        Part("tool_redis", "https://git.example.org/tool_redis.git", Wanted("branch", "MOODLE_405_STABLE")),
    )


def test_a_file_that_uses_everything() -> None:
    manifest = parsed(EVERYTHING)
    assert manifest.moodle.patches == ("/srv/build/patches/core.patch", "/srv/patches/more.patch")
    assert {plugin.component: plugin for plugin in manifest.plugins} == {
        part.component: part
        for part in (
            Part("mod_newest", "https://git.example.org/newest.git", Wanted("newest", ""), maturity="beta"),
            Part("mod_listed", "", Wanted("newest", "")),
            Part("mod_exact", "", Wanted("version", "2024050305.01"), maturity="rc"),
            Part("mod_release", "https://git.example.org/release.git", Wanted("version", "3.10 (stable)"), force=True),
            Part(
                "mod_forced",
                "git@git.example.org:forced.git",
                Wanted("commit", COMMIT),
                force=True,
                patches=("/srv/build/patches/a.patch", "/srv/build/patches/b.patch"),
            ),
            Part("mod_calm", "", Wanted("branch", "main")),
            Part("mod_zipped", "/srv/build/zips/zipped.zip", Wanted("zip", SHA256)),
            Part("mod_fetched", "https://downloads.example.org/fetched.zip?v=1", Wanted("zip", SHA256), force=True),
        )
    }
    assert manifest.overlays == (
        Overlay("/srv/build/overlays/boost", "theme/boost"),
        Overlay("/srv/overlays/root", ""),
        Overlay("/srv/build", ""),
    )


def test_a_wish_reads_like_a_sentence() -> None:
    assert str(Wanted("newest", "")) == "newest compatible"
    assert str(Wanted("tag", "v1")) == "tag v1"


def test_a_definition_has_truth_values_and_whole_numbers() -> None:
    plugin = {"source": "/srv/git/board.git", "version": 2024050305, "force": True}
    (part,) = parse_manifest({"project": "a", "moodle": {"version": "4.5"}, "plugins": {"mod_board": plugin}}, "definition").plugins
    assert part == Part("mod_board", "/srv/git/board.git", Wanted("version", "2024050305"), force=True)


@pytest.mark.parametrize("key", ["patches", "zip", "path"])
def test_a_definition_has_no_folder_that_a_path_could_be_relative_to(key: str) -> None:
    plugin = {"patches": {"patches": ["a.patch"]}, "zip": {"zip": "a.zip", "sha256": SHA256}}.get(key)
    data = {"project": "a", "moodle": {"version": "4.5"}, "plugins": {"mod_x": plugin}, "overlays": [{"path": "x"}]}
    with pytest.raises(BadInput, match=rf"definition: .*{key}.*: there is no file that '.*' could be relative to: give an absolute path"):
        parse_manifest(data, "definition")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("branch: a\n    tag: b", r"line 5: plugins.mod_x: at most one of version, tag, branch, commit .* tag and branch were found"),
        (
            "branch: a\n    maturity: beta",
            r"line 7: plugins.mod_x.maturity: it is for choosing among versions, and branch leaves no choice",
        ),
        ("maturity: gold", r"line 6: plugins.mod_x.maturity: alpha, beta, rc or stable is expected, 'gold' was found"),
        ("force: true", r"line 6: plugins.mod_x.force: only a named revision can be forced: add one of version, tag"),
        ("tag: a\n    force: 1", r"line 7: plugins.mod_x.force: 'true' or 'false' is expected, '1' was found"),
        ("tag: a\n    force: maybe", r"line 7: plugins.mod_x.force: 'true' or 'false' is expected, 'maybe' was found"),
        ("zip: a.zip", r"line 6: plugins.mod_x.zip: its checksum is missing: add the key 'sha256'"),
        (f"sha256: {SHA256}", r"line 6: plugins.mod_x.sha256: only a zip has a checksum"),
        (f"zip: a.zip\n    sha256: {SHA256[1:]}", r"line 7: plugins.mod_x.sha256: a SHA-256 checksum \(64 hex"),
        (
            f"zip: a.zip\n    sha256: {SHA256}\n    tag: a\n    source: /x",
            r"line 6: plugins.mod_x.zip: .* does not go with source and tag",
        ),
        (f"zip: a.zip\n    sha256: {SHA256}\n    maturity: rc", r"line 8: plugins.mod_x.maturity: .* zip leaves no choice"),
        (f"zip: ftp://host/a.zip\n    sha256: {SHA256}", r"line 6: plugins.mod_x.zip: a URL \(https\) or a path"),
        (f"zip: x/../../a.zip\n    sha256: {SHA256}", r"line 6: plugins.mod_x.zip: a URL \(https\) or a path without '..' is expected"),
        ("version: ' 1'", r"line 6: plugins.mod_x.version: a plugin's version number or the name of a release is expected"),
        ("name: [a]", r"line 6: plugins.mod_x.name: free text is expected, a list was found"),
        ("patches: a.patch", r"line 6: plugins.mod_x.patches: a list of patch files is expected, 'a.patch' was found"),
        (
            "patches:\n      - a.patch\n      - ../b",
            r"line 8: plugins.mod_x.patches.1: a patch file \(a path without '..'\) is expected, '../b'",
        ),
        ("patches: [a.patch, ./a.patch]", r"line 6: plugins.mod_x.patches.1: './a.patch' stands here a second time"),
        ('patches: ["a\\0b"]', r"line 6: plugins.mod_x.patches.0: a patch file"),
        ('tag: "a\\ud800b"', r"line 6: plugins.mod_x.tag: the name of a tag"),
        ("overlay: x", r"line 6: plugins.mod_x.overlay: this key is not known here; allowed are name, source"),
        ("[]: x", r"line 6: a key is one word"),
    ],
)
def test_what_is_wrong_with_a_plugin_is_named_with_its_line(lines: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parsed(f"project: campus\nmoodle:\n  version: '4.5'\nplugins:\n  mod_x:\n    {lines}\n")


@pytest.mark.parametrize(
    ("overlay", "message"),
    [
        ("{to: x}", r"line 4: overlays.0: the key 'path' \(the directory of own files\) is missing"),
        ("x", r"line 4: overlays.0: a mapping is expected, 'x' was found"),
        ("{path: a, from: b}", r"line 4: overlays.0.from: this key is not known here; allowed are path, to"),
        ("{path: a/../b}", r"line 4: overlays.0.path: a directory \(a path without '..'\) is expected"),
        ("{path: ''}", r"line 4: overlays.0.path: a directory"),
        ("{path: a, to: /theme}", r"line 4: overlays.0.to: a place inside the code base"),
        ("{path: a, to: theme/..}", r"line 4: overlays.0.to: a place inside the code base"),
        ("{path: a, to: theme/.GIT/hooks}", r"line 4: overlays.0.to: a place inside the code base"),
        ('{path: a, to: "a\\0"}', r"line 4: overlays.0.to: a place inside the code base"),
    ],
)
def test_what_is_wrong_with_an_overlay_is_named_with_its_line(overlay: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parsed(f"project: campus\nmoodle: {{version: 4.5}}\noverlays:\n  - {overlay}\n")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("project: campus", "projekt: campus", r"codebase.yml, line 1: projekt: this key is not known here; allowed are project, moodle"),
        ("project: campus", "project: ../x", r"line 1: project: a name of letters"),
        ("project: campus", "project: a..b", r"line 1: project: a name of letters"),
        ("project: campus", "project: x.lock", r"line 1: project: a name of letters"),
        ("project: campus\n", "", r"codebase.yml: the key 'project' is missing"),
        ("  version: 4.10+", "  version: four", r"line 3: moodle.version: .* here '4.5', '4.5\+' or '4.5.1' is expected, 'four'"),
        ("  version: 4.10+", "  version: 4.5beta", r"line 3: moodle.version"),
        ("  version: 4.10+", "  source: /srv/x", r"line 2: moodle: exactly one of version, tag, branch, commit .* none was found"),
        ("  version: 4.10+", "  tag: v1\n  branch: x", r"line 2: moodle: exactly one of .* tag and branch were found"),
        ("  version: 4.10+", "  commit: abc123", r"line 3: moodle.commit: a whole commit id"),
        ("  version: 4.10+", "  branch: --upload-pack=x", r"line 3: moodle.branch: the name of a branch is expected"),
        ("  version: 4.10+", "  branch: a:b", r"line 3: moodle.branch"),
        ("  version: 4.10+", "  branch: a..b", r"line 3: moodle.branch"),
        ("  version: 4.10+", "  branch: a*", r"line 3: moodle.branch"),
        ("moodle:\n", "moodle: 4.5\nx:\n", r"line 3: x: this key is not known"),
        ("  version: 4.10+", "  - version", r"line 2: moodle: a mapping is expected, a list was found"),
        ("mod_board:", "Mod-Board:", r"line 9: plugins.Mod-Board: a plugin is named"),
        ("mod_board:", "moodle-tool_redis:", r"line 9: plugins.moodle-tool_redis: this key stands here a second time"),
        ("mod_board:", "tool_redis:", r"line 9: plugins.tool_redis: tool_redis stands here a second time, first as 'moodle-tool_redis'"),
        ("  version: 4.10+", "  version: \u0664.5", r"line 3: moodle.version: .* here '4.5', '4.5\+' or '4.5.1' is expected"),
        (
            "  version: 4.10+",
            "  tag: v1\n  patches: {a: b}",
            r"line 4: moodle.patches: a list of patch files is expected, a dict was found",
        ),
        ("  version: 4.10+", "  tag: v1\n  force: true", r"line 4: moodle.force: this key is not known here"),
        ("/srv/git/board.git", "--upload-pack=evil", r"line 10: plugins.mod_board.source: a Git URL"),
        ("/srv/git/board.git", "ext::sh -c evil", r"line 10: plugins.mod_board.source: a Git URL"),
        ("/srv/git/board.git", "../board.git", r"line 10: plugins.mod_board.source: a Git URL"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInput, match=message):
        parsed(GOOD.replace(old, new))


def test_a_password_in_a_wrong_source_is_not_shown() -> None:
    with pytest.raises(BadInput) as caught:
        parsed(GOOD.replace("/srv/git/board.git", "ftp://me:hunter2@host/x"))
    assert "hunter2" not in caught.value.message


def test_a_wrong_value_is_shown_on_one_short_line() -> None:
    with pytest.raises(BadInput) as caught:
        parse_manifest({"project": "two\nlines " + "x" * 1000, "moodle": {}}, "definition")
    assert r"'two\nlines xxx" in caught.value.message
    assert len(caught.value.message) < 400
    with pytest.raises(BadInput, match=r"definition: a\\nb: this key is not known here"):
        parse_manifest({"a\nb": 1}, "definition")


def test_a_version_in_a_dictionary_must_be_text() -> None:
    with pytest.raises(BadInput, match=r"cannot tell 3\.1 from 3.10"):
        parse_manifest({"project": "a", "moodle": {"version": 3.10}}, "definition")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 1, column 5"),
        ("a: 1\n---\nb: 2\n", "found another document"),
        ("a: \x00", "special characters are not allowed"),
        ("a: &x [*x]", "an anchor may stand for one value"),
        ("a: &x {b: 1}\nc: *x", "an anchor may stand for one value"),
        ("[" * 3000, "nested too deeply"),
        ("[" * 200000, "nested too deeply"),
        ("- " * 200000, "nested too deeply"),
        ("{a: " * 200000, "nested too deeply"),
        ("\n".join(f"{' ' * level}a:" for level in range(3000)), "nested too deeply"),
        ("a:\n\tb: 1", "line 2, column 1: found character '\\\\t' that cannot start any token"),
        ("a:\t1", "line 1, column 3: found character '\\\\t' that cannot start any token"),
        ("a: 1\nb: 2\na: 3", "line 3: a: this key stands here a second time"),
        ("a: &x 1\nb: &x 2", "line 2, column 4: second occurrence"),
        ("a: *x", "line 1, column 4: found undefined alias 'x'"),
        ("a: b: c", "line 1, column 5: mapping values are not allowed here"),
        ("? [a, b]\n: c", "line 1: a key is one word"),
    ],
)
def test_a_file_that_is_not_yaml_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        read_yaml(text, "codebase.yml")
    assert "\n" not in caught.value.message


def test_an_anchor_may_stand_for_a_word() -> None:
    assert read_yaml("a: &b 3.10\nc: *b", "x")[0] == {"a": "3.10", "c": "3.10"}


@pytest.mark.parametrize("tail", ["", "b: [\n", "c: \t1\n", "[" * 1200 + "]" * 1200])
def test_libyaml_changes_nothing_but_the_time(tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> object:
        try:
            return read_yaml(EVERYTHING + tail, "codebase.yml")
        except BadInput as refusal:
            return refusal.message

    quick = told()
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert told() == quick


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["project", "moodle", "plugins"]), inner, max_size=4)
    ),
)


@given(ANYTHING)
def test_whatever_is_given_is_refused_in_words_or_right(data: object) -> None:
    try:
        parse_manifest(data, "definition")
    except BadInput as refusal:
        assert refusal.message.startswith("definition")


@given(st.text())
def test_whatever_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        read_yaml(text, "codebase.yml")
    except BadInput as refusal:
        assert refusal.message.startswith("codebase.yml")
