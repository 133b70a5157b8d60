# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings the archive's PHP to the host and shows how far the work is."""

from __future__ import annotations

from ansible_collections.lms.moodle.plugins.plugin_utils.background import BackgroundAction


class ActionModule(BackgroundAction):
    """Module course_archive in the background."""

    MODULE = "lms.moodle.course_archive"
    _PARTS = ("plan", "worker", "categories", "versions", "facts", "settings", "backup", "restore", "tree", "purge", "script")
    PHP_FILES = ("override.php", "lines.php", *(f"archive_{part}.php" for part in _PARTS))
