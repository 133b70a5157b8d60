# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings the fleet's PHP to the host and shows how many nodes are done."""

from __future__ import annotations

from ansible_collections.lms.moodle.plugins.plugin_utils.background import BackgroundAction


class ActionModule(BackgroundAction):
    """Module vmoodle_node in the background."""

    MODULE = "lms.moodle.vmoodle_node"
    PHP_FILES = (
        "node_worker.php",
        "lines.php",
        "registry.php",
        "node_states.php",
        "node_orders.php",
        "node_identity.php",
        "databases.php",
        "caches.php",
    )
