# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plugins from elsewhere, each with a repository of its own and the branch and tag names seen in the wild."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from minimoodle import php


@dataclass(frozen=True)
class Edition:
    """One commit of a plugin: where it is, what its version.php says, and what else it holds."""

    line: str
    date: str
    settings: dict[str, str]
    tags: tuple[str, ...] = ()
    start: str | None = None
    """The line that this one leaves, when it is new."""
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contributed:
    component: str
    editions: tuple[Edition, ...]

    @property
    def repository(self) -> str:
        return f"moodle-{self.component}.git"

    def files(self, edition: Edition) -> Iterator[tuple[str, str]]:
        kind, name = self.component.split("_", 1)
        yield "version.php", php.version_file({"component": f"'{self.component}'", **edition.settings})
        yield f"lang/en/{name if kind == 'mod' else self.component}.php", php.language_file(name.capitalize())
        yield "README.md", f"# {self.component}\n\nA plugin of the stand-in Moodle.\n"
        yield from edition.files.items()


def _settings(version: int, requires: int, low: int, high: int, **more: str) -> dict[str, str]:
    return {
        "version": str(version),
        "requires": str(requires),
        "supported": f"[{low}, {high}]",
        "maturity": "MATURITY_STABLE",
        "release": f"'{version}'",
        **more,
    }


_BOARD_TABLE = php.tables_file("mod/board", "board", ("course", "name", "intro", "timemodified"))
_BOARD_WITH_COLOUR = php.tables_file("mod/board", "board", ("course", "name", "intro", "timemodified", "colour"))
_BOARD_UPGRADE = f"""{php.HEADER}defined('MOODLE_INTERNAL') || die();

function xmldb_board_upgrade(float $oldversion): bool {{
    global $DB;
    if ($oldversion < 2023101000) {{
        $DB->execute('ALTER TABLE {{board}} ADD COLUMN IF NOT EXISTS colour LONGTEXT NULL');
        upgrade_mod_savepoint(true, 2023101000, 'board');
    }}
    return true;
}}
"""
# Its own end tells how it found the site.
_STEWARD_END = f"""{php.HEADER}defined('MOODLE_INTERNAL') || die();

function xmldb_tool_steward_uninstall(): bool {{
    global $CFG;
    $found = ['closed' => is_file("$CFG->dataroot/climaintenance.html"), 'cron' => get_config('core', 'cron_enabled')];
    return (bool) file_put_contents("$CFG->dataroot/steward-ended.json", json_encode($found));
}}
"""
_STUDIO_TYPES = json.dumps({"plugintypes": {"studiotool": "mod/studio/tool"}}, indent=4) + "\n"
_STUDIO = {
    "db/install.xml": php.tables_file("mod/studio", "studio", ("course", "name", "intro", "timemodified")),
    "db/subplugins.json": _STUDIO_TYPES,
    "tool/pen/version.php": php.version_file({"component": "'studiotool_pen'", "version": "2023050100", "requires": "2022112800"}),
    "tool/pen/lang/en/studiotool_pen.php": php.language_file("Pen"),
}

CONTRIBUTED: tuple[Contributed, ...] = (
    # Stable branches in Moodle's own form, a schema change on the way, a newer main.
    Contributed(
        "mod_board",
        (
            Edition(
                "MOODLE_401_STABLE",
                "2022-12-05",
                _settings(2022120500, 2022112800, 401, 401),
                ("v4.1-r1",),
                None,
                {"db/install.xml": _BOARD_TABLE},
            ),
            Edition(
                "MOODLE_402_STABLE",
                "2023-05-08",
                _settings(2023050800, 2023042400, 402, 402),
                ("v4.2-r1",),
                "MOODLE_401_STABLE",
                {"db/install.xml": _BOARD_TABLE},
            ),
            Edition(
                "MOODLE_402_STABLE",
                "2023-07-03",
                _settings(2023050801, 2023042400, 402, 402),
                ("v4.2-r2",),
                None,
                {"db/install.xml": _BOARD_TABLE},
            ),
            Edition(
                "MOODLE_403_STABLE",
                "2023-10-16",
                _settings(2023101600, 2023100900, 403, 403),
                ("v4.3-r1",),
                "MOODLE_402_STABLE",
                {"db/install.xml": _BOARD_WITH_COLOUR, "db/upgrade.php": _BOARD_UPGRADE},
            ),
            Edition(
                "main",
                "2024-04-15",
                _settings(2024041500, 2024041200, 404, 404, maturity="MATURITY_BETA"),
                (),
                "MOODLE_403_STABLE",
                {"db/install.xml": _BOARD_WITH_COLOUR, "db/upgrade.php": _BOARD_UPGRADE},
            ),
        ),
    ),
    # Tags without stable branches; the newest is for a core that the older sites do not have.
    Contributed(
        "tool_steward",
        (
            Edition(
                "main",
                "2023-01-09",
                _settings(2023010900, 2022112800, 401, 402),
                ("v1.0.0",),
                files={"db/uninstall.php": _STEWARD_END},
            ),
            Edition(
                "main",
                "2023-06-19",
                _settings(2023061900, 2022112800, 401, 403),
                ("v1.1.0",),
                files={"db/uninstall.php": _STEWARD_END},
            ),
            Edition("main", "2023-11-20", _settings(2023112000, 2023100900, 403, 404), ("v2.0.0",)),
        ),
    ),
    # Leans on a plugin of core's, and moves on a branch that carries no tag.
    Contributed(
        "theme_campus",
        (
            Edition(
                "MOODLE_402_STABLE", "2023-05-15", _settings(2023051500, 2023042400, 402, 403, dependencies="['theme_boost' => 2023042400]")
            ),
            Edition(
                "MOODLE_402_STABLE", "2023-09-04", _settings(2023051502, 2023042400, 402, 403, dependencies="['theme_boost' => 2023042400]")
            ),
            Edition(
                "MOODLE_403_STABLE",
                "2023-11-06",
                _settings(2023110600, 2023100900, 403, 403, dependencies="['theme_boost' => 2023100900]"),
                (),
                "MOODLE_402_STABLE",
            ),
        ),
    ),
    # Leans on another contributed plugin.
    Contributed(
        "block_notes",
        (
            Edition(
                "main", "2023-02-13", _settings(2023021300, 2022112800, 401, 404, dependencies="['mod_board' => ANY_VERSION]"), ("1.0",)
            ),
            Edition(
                "main", "2023-08-14", _settings(2023081400, 2022112800, 401, 404, dependencies="['mod_board' => 2023050800]"), ("1.1",)
            ),
        ),
    ),
    # Brings a type of its own, and a sub-plugin with it.
    Contributed(
        "mod_studio",
        (Edition("MOODLE_402_STABLE", "2023-05-22", _settings(2023052200, 2023042400, 402, 403), ("v4.2.0",), None, _STUDIO),),
    ),
    # A sub-plugin of that type, from a repository of its own.
    Contributed(
        "studiotool_brush",
        (
            Edition(
                "main", "2023-06-05", _settings(2023060500, 2022112800, 402, 403, dependencies="['mod_studio' => 2023052200]"), ("v1.0",)
            ),
        ),
    ),
)
