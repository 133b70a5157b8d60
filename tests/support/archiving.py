# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two sites that share a storage, and the module that brings courses from one to the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.lms.moodle.plugins.module_utils.common.background import Background
from ansible_collections.lms.moodle.plugins.module_utils.common.errors import MoodleError
from ansible_collections.lms.moodle.plugins.modules import course_archive
from ansible_collections.lms.moodle.plugins.modules.course_archive import CourseArchive

from .mariadb import MariaDB
from .moodle import Site, installed_site
from .options import defaults
from .platforms import Platform
from .sources import Source

PHP = Path(__file__).resolve().parents[2] / "plugins" / "php"
HOSTILE = 'L\'année “1re” / <b>"droit"</b>\n\U0001f600 \\ 100 %'
# Below a category: a tree of categories, each {"name", "idnumber", "courses": [ids], "below": […]}.
_TREE = r"""
define('CLI_SCRIPT', true);
require($argv[1] . '/config.php');
require_once($CFG->dirroot . '/course/lib.php');
function make(array $tree, int $parent): int {
    global $DB;
    $made = core_course_category::create((object) ['name' => $tree['name'], 'idnumber' => $tree['idnumber'] ?? '', 'parent' => $parent]);
    foreach ($tree['courses'] ?? [] as $place => $course) {
        $DB->set_field('course', 'category', $made->id, ['id' => $course]);
        $DB->set_field('course', 'sortorder', $made->sortorder + $place + 1, ['id' => $course]);
        if ($context = $DB->get_record('context', ['contextlevel' => 50, 'instanceid' => $course])) {
            class_exists('context_course') && context_course::instance($course)->update_moved(context_coursecat::instance($made->id));
        }
    }
    foreach ($tree['below'] ?? [] as $below) {
        make($below, (int) $made->id);
    }
    return (int) $made->id;
}
$top = make(json_decode($argv[2], true), 0);
fix_course_sortorder();
echo $top;
"""


@dataclass
class Archiving:
    """A source, an archive and what lies between them."""

    source: Site
    archive: Site
    storage: Path
    run: str = "2025-2026"
    warnings: list[str] = field(default_factory=list)

    def ask(self, site: Site, state: str, *, check: bool = False, **wish: Any) -> dict[str, Any]:
        """The module's result, a failure's too."""
        asked = {
            **defaults(course_archive),
            "moodle": str(site.code),
            "storage": str(self.storage),
            "run": self.run,
            "state": state,
            "php_options": [f"{name}={value}" for name, value in site.php_settings().items()],
            "_php": str(PHP),
            **wish,
        }
        try:
            return CourseArchive(asked, check, Background(None), self.warnings.append).run()
        except MoodleError as error:
            return {"failed": True, "msg": error.message, **error.result}

    def chain(self, category: dict[str, Any], **wish: Any) -> dict[str, Any]:
        """From the source into the archive, proved."""
        for site, state, named in ((self.source, "archived", {"category": category}), (self.archive, "restored", {})):
            result = self.ask(site, state, **named, **wish)
            assert not result.get("failed"), result["msg"]
        return self.ask(self.archive, "verified", **wish)

    def purge(self, **wish: Any) -> dict[str, Any]:
        return self.ask(self.source, "purged", confirm=self.run, **wish)

    @property
    def folder(self) -> Path:
        return self.storage / self.run


def make_archiving(platform: Platform, server: MariaDB, folder: Path, plugins: Mapping[str, Source] | None = None) -> Archiving:
    """A source and an archive that are truly different sites."""
    source = installed_site(platform, folder / "source", server, wwwroot="http://source.test", plugins=plugins)
    archive = installed_site(platform, folder / "archive", server, wwwroot="http://archive.test", plugins=plugins)
    assert source.config("siteidentifier") != archive.config("siteidentifier")
    (folder / "storage").mkdir()
    return Archiving(source, archive, folder / "storage")


def make_tree(site: Site, tree: dict[str, Any]) -> int:
    """Categories with courses in them; returns the id of the first."""
    return int(site.php("-r", _TREE, "--", site.code, json.dumps(tree)).must_succeed().out.split()[-1])


def courses_of(site: Site) -> dict[str, dict[str, Any]]:
    """All courses but the front page, by short name, with the path of their category."""
    rows = site.query("SELECT id, parent, name FROM mdl_course_categories")
    categories = {row["id"]: row for row in rows}

    def path(number: str | None) -> str:
        found = categories.get(number)
        return f"{path(found['parent'])}/{found['name']}" if found else ""

    courses = site.query("SELECT id, shortname, fullname, idnumber, visible, category, sortorder FROM mdl_course WHERE category > 0")
    return {str(row["shortname"]): {**row, "path": path(row["category"])} for row in courses}


def marks(site: Site) -> list[str]:
    """What runs have written down in a site of courses that they are making, or have set aside."""
    rows = site.query("SELECT name FROM mdl_config_plugins WHERE plugin = 'lms_moodle_archive' AND name REGEXP ':begun$|:old:'")
    return [str(row["name"]) for row in rows]
