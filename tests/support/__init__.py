# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests need of the outside world: a database server, a Moodle, a web server.

Nothing here belongs to the collection: no module imports it.
"""

from __future__ import annotations
