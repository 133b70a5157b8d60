# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings the archive's PHP to the host and shows how far the backups are."""

from __future__ import annotations

from ansible_collections.lms.moodle.plugins.plugin_utils.background import BackgroundAction


class ActionModule(BackgroundAction):
    """Module course_archive in the background."""

    MODULE = "lms.moodle.course_archive"
    PHP_FILES = ("override.php", "lines.php", "archive_plan.php", "archive_worker.php")
