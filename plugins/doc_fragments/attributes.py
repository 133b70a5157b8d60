# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module says of check mode, diff mode and running twice."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Tells what would change and changes nothing.
  diff_mode:
    description: Shows what changes, or in check mode what would.
  idempotent:
    description: Run a second time with the same parameters, it changes nothing.
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    description: Tells what would change and changes nothing.
  diff_mode:
    support: N/A
    description: Shows what changes, or in check mode what would.
  idempotent:
    support: full
    description: Run a second time with the same parameters, it changes nothing.
"""
