# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of core that follow from its version: version.php, components.json and the plugins that come with core."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from minimoodle import php
from minimoodle.releases import Release

PLUGIN_TYPES = {
    "antivirus": "lib/antivirus",
    "availability": "availability/condition",
    "qtype": "question/type",
    "mod": "mod",
    "auth": "auth",
    "customfield": "customfield/field",
    "enrol": "enrol",
    "message": "message/output",
    "block": "blocks",
    "media": "media/player",
    "filter": "filter",
    "editor": "lib/editor",
    "format": "course/format",
    "dataformat": "dataformat",
    "profilefield": "user/profile/field",
    "report": "report",
    "gradeexport": "grade/export",
    "gradereport": "grade/report",
    "gradingform": "grade/grading/form",
    "mnetservice": "mnet/service",
    "webservice": "webservice",
    "repository": "repository",
    "portfolio": "portfolio",
    "qbank": "question/bank",
    "qbehaviour": "question/behaviour",
    "qformat": "question/format",
    "tool": "admin/tool",
    "cachestore": "cache/stores",
    "theme": "theme",
    "local": "local",
}

SUBSYSTEMS = {
    "access": None,
    "admin": "admin",
    "auth": "auth",
    "backup": "backup/util/ui",
    "block": "blocks",
    "cache": "cache",
    "course": "course",
    "enrol": "enrol",
    "grades": "grade",
    "message": "message",
    "plugin": None,
    "question": "question",
    "role": "admin/roles",
    "user": "user",
    "webservice": "webservice",
}


@dataclass(frozen=True)
class Bundled:
    """A plugin that comes with core, from one branch on."""

    component: str
    since: int = 0
    fields: tuple[str, ...] = ()
    subplugins: dict[str, str] = field(default_factory=dict)
    """Types that this plugin brings, by their path in core."""

    @property
    def type(self) -> str:
        return self.component.split("_", 1)[0]

    @property
    def name(self) -> str:
        return self.component.split("_", 1)[1]


_ACTIVITY = ("course", "name", "intro", "timemodified")

BUNDLED: tuple[Bundled, ...] = (
    Bundled(
        "mod_assign",
        fields=_ACTIVITY,
        subplugins={"assignsubmission": "mod/assign/submission", "assignfeedback": "mod/assign/feedback"},
    ),
    Bundled("assignsubmission_file"),
    Bundled("assignsubmission_onlinetext"),
    Bundled("assignfeedback_comments"),
    Bundled("mod_forum", fields=_ACTIVITY),
    Bundled("mod_label", fields=_ACTIVITY),
    Bundled("mod_page", fields=(*_ACTIVITY, "content")),
    Bundled("mod_quiz", fields=_ACTIVITY, subplugins={"quiz": "mod/quiz/report", "quizaccess": "mod/quiz/accessrule"}),
    Bundled("quiz_overview"),
    Bundled("quizaccess_timelimit"),
    Bundled("mod_resource", fields=_ACTIVITY),
    Bundled("mod_subsection", since=404, fields=_ACTIVITY),
    Bundled("auth_db"),
    Bundled("auth_manual"),
    Bundled("availability_date"),
    Bundled("block_html"),
    Bundled("block_online_users"),
    Bundled("cachestore_file"),
    Bundled("cachestore_redis"),
    Bundled("customfield_text"),
    Bundled("editor_tiny"),
    Bundled("enrol_manual"),
    Bundled("enrol_meta"),
    Bundled("filter_mathjaxloader"),
    Bundled("format_topics"),
    Bundled("format_weeks"),
    Bundled("gradereport_grader"),
    Bundled("message_email"),
    Bundled("profilefield_text"),
    Bundled("qtype_essay"),
    Bundled("qtype_multichoice"),
    Bundled("report_log"),
    Bundled("repository_upload"),
    Bundled("theme_boost"),
    Bundled("theme_classic"),
    Bundled("tool_generator"),
    Bundled("tool_log", subplugins={"logstore": "admin/tool/log/store"}),
    Bundled("logstore_standard", fields=("name", "timemodified")),
    # New in 4.3, as in Moodle: an upgrade has a plugin and its sub-plugins to install.
    Bundled("tool_mfa", since=403, subplugins={"factor": "admin/tool/mfa/factor"}),
    Bundled("factor_totp", since=403),
    Bundled("tool_recyclebin"),
    Bundled("tool_task"),
)


def core_files(release: Release) -> Iterator[tuple[str, str]]:
    """Path and text of every file of core that the generator writes."""
    yield "version.php", _core_version(release)
    yield "lib/components.json", json.dumps({"plugintypes": PLUGIN_TYPES, "subsystems": SUBSYSTEMS}, indent=4) + "\n"
    yield "local/readme.txt", "Plugins that fit no other type.\n"
    here = [plugin for plugin in BUNDLED if release.branch >= plugin.since]
    types = {**PLUGIN_TYPES, **{kind: path for plugin in here for kind, path in plugin.subplugins.items()}}
    for plugin in here:
        yield from _plugin_files(plugin, f"{types[plugin.type]}/{plugin.name}", release)


def _core_version(release: Release) -> str:
    return f"""{php.HEADER}defined('MOODLE_INTERNAL') || die();

$version  = {release.version};              // The date of the branch, the number of the release, and small steps.
$release  = '{release.release}'; // The name for people.
$branch   = '{release.branch}';                     // The branch of this code.
$maturity = {release.maturity};             // How far it is from being done.
"""


def _plugin_files(plugin: Bundled, path: str, release: Release) -> Iterator[tuple[str, str]]:
    settings = {
        "version": release.plugin_version,
        "requires": release.plugin_version,
        "component": f"'{plugin.component}'",
    }
    yield f"{path}/version.php", php.version_file(settings)
    # The strings of an activity are named without its type, as ever.
    strings = plugin.name if plugin.type == "mod" else plugin.component
    yield f"{path}/lang/en/{strings}.php", php.language_file(plugin.name.replace("_", " ").capitalize())
    if plugin.subplugins:
        yield f"{path}/db/subplugins.json", json.dumps({"plugintypes": plugin.subplugins}, indent=4) + "\n"
    if plugin.fields:
        table = plugin.name if plugin.type == "mod" else plugin.component
        yield f"{path}/db/install.xml", php.tables_file(path, table, plugin.fields)
