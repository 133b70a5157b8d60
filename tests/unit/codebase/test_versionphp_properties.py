# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reader against a grammar of version files, and against anything at all."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.version_texts import VersionFile, changed_files, version_files

from ansible_collections.lms.moodle.plugins.module_utils.codebase.php.tokens import Refused
from ansible_collections.lms.moodle.plugins.module_utils.codebase.php.versionphp import read_plugin, read_subplugins, read_version

MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def exactly(value: object) -> object:
    """5, 5.0, True and "5" differ, -0.0 differs from 0.0, and so does another order."""
    if isinstance(value, dict):
        return [(exactly(key), exactly(item)) for key, item in value.items()]
    return [exactly(item) for item in value] if isinstance(value, list) else repr(value)


@MANY
@given(version_files())
def test_a_file_is_read_as_it_was_made(made: VersionFile) -> None:
    variables = read_version(made.php)
    assert {name: exactly(variables[name]) for name in made.variables} == {name: exactly(value) for name, value in made.variables.items()}
    if made.plugin:
        plugin = read_plugin(made.php)
        assert {name: exactly(value) for name, value in plugin.items()} == {name: exactly(value) for name, value in made.plugin.items()}


@MANY
@given(version_files())
def test_text_and_its_bytes_are_read_alike(made: VersionFile) -> None:
    assert exactly(read_version(made.php)) == exactly(read_version(made.php.decode("utf-8", "surrogateescape")))


@MANY
@given(st.one_of(st.binary(), st.binary().map(lambda junk: b"<?php " + junk), changed_files()))
def test_whatever_is_given_is_read_or_refused(php: bytes) -> None:
    for content in (php, php.decode(errors="replace")):
        for read in (read_version, read_plugin, read_subplugins):
            try:
                read(content)
            except Refused as refusal:
                assert refusal.message


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_version(f"<?php {text}")
    except Refused as refusal:
        assert refusal.message
