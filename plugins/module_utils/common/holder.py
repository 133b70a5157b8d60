# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is at work, and from where."""

from __future__ import annotations

import getpass
import os


def default_holder() -> str:
    user = os.environ.get("SUDO_USER") or getpass.getuser()
    origin = os.environ.get("SSH_CONNECTION", "").split(" ")[0]
    return f"{user} from {origin}" if origin else user
