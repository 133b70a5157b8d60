# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small PHP and XML files, written from what they must say."""

from __future__ import annotations

from collections.abc import Sequence

HEADER = """<?php
// Copyright (c) 2026, the lms.moodle contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

"""


def version_file(settings: dict[str, str]) -> str:
    """A plugin's version.php; the values are PHP expressions."""
    lines = "".join(f"$plugin->{name} = {value};\n" for name, value in settings.items())
    return f"{HEADER}defined('MOODLE_INTERNAL') || die();\n\n{lines}"


def language_file(name: str) -> str:
    return f"{HEADER}defined('MOODLE_INTERNAL') || die();\n\n$string['pluginname'] = '{name}';\n"


def tables_file(path: str, table: str, fields: Sequence[str]) -> str:
    """An install.xml with one table: an id and the named text or number fields."""
    kinds = {
        "course": 'TYPE="int" LENGTH="10" NOTNULL="true" DEFAULT="0"',
        "timemodified": 'TYPE="int" LENGTH="10" NOTNULL="true" DEFAULT="0"',
        "name": 'TYPE="char" LENGTH="255" NOTNULL="true" DEFAULT=""',
    }
    lines = "".join(f'        <FIELD NAME="{name}" {kinds.get(name, "TYPE=" + chr(34) + "text" + chr(34))}/>\n' for name in fields)
    return (
        '<?xml version="1.0" encoding="UTF-8" ?>\n'
        f'<XMLDB PATH="{path}/db" VERSION="20230101" COMMENT="Tables of {path}">\n  <TABLES>\n    <TABLE NAME="{table}"><FIELDS>\n'
        '        <FIELD NAME="id" TYPE="int" LENGTH="10" NOTNULL="true" SEQUENCE="true"/>\n'
        f"{lines}      </FIELDS></TABLE>\n  </TABLES>\n</XMLDB>\n"
    )


def since(text: str, branch: int) -> str:
    """The text as of a branch: what lies between `@since NNN` and `@end` is dropped before branch NNN."""
    kept: list[str] = []
    open_blocks: list[bool] = []
    for line in text.splitlines(keepends=True):
        words = line.split()
        if "@since" in words:
            open_blocks.append(branch >= int(words[words.index("@since") + 1]))
        elif "@end" in words:
            open_blocks.pop()
        elif all(open_blocks):
            kept.append(line)
    return "".join(kept)
