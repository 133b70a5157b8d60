# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shows how far a build is: fetching a whole Moodle takes its time."""

from __future__ import annotations

from ansible_collections.lms.moodle.plugins.plugin_utils.background import BackgroundAction


class ActionModule(BackgroundAction):
    """Module moodle_codebase in the background."""

    MODULE = "lms.moodle.moodle_codebase"
    PHP_FILES = ("scratch.php", "syntax.php")
