# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module is given when a task sets nothing: read from its documentation, which sanity holds to its argument spec."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import yaml

from ansible_collections.lms.moodle.plugins.doc_fragments.php import ModuleDocFragment as Php


def defaults(module: ModuleType) -> dict[str, Any]:
    """Each option of a module that runs PHP, with its default."""
    own, shared = (yaml.safe_load(text)["options"] for text in (module.DOCUMENTATION, Php.DOCUMENTATION))
    return {name: option.get("default") for name, option in {**shared, **own}.items()}
