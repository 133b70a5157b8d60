# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in's releases: the same names, numbers and forms as Moodle's."""

from __future__ import annotations

from dataclasses import dataclass

STABLE, RC, BETA = "MATURITY_STABLE", "MATURITY_RC", "MATURITY_BETA"


@dataclass(frozen=True)
class Release:
    """One commit of core: its version.php, the branch it is on, and its tag if it has one."""

    line: str
    version: str
    release: str
    branch: int
    date: str
    tag: str | None = None
    maturity: str = STABLE

    @property
    def plugin_version(self) -> str:
        """What core's own plugins say: the date of the branch."""
        return f"{self.version[:8]}00" if self.maturity == STABLE else self.version.split(".")[0]


# Each stable branch leaves main at the .0 release, which is tagged on main.
RELEASES: tuple[Release, ...] = (
    Release("main", "2022112800.00", "4.1 (Build: 20221128)", 401, "2022-11-28", "v4.1.0"),
    Release("MOODLE_401_STABLE", "2022112801.00", "4.1.1 (Build: 20230116)", 401, "2023-01-16", "v4.1.1"),
    Release("MOODLE_401_STABLE", "2022112801.04", "4.1.1+ (Build: 20230210)", 401, "2023-02-10"),
    Release("main", "2023042400.00", "4.2 (Build: 20230424)", 402, "2023-04-24", "v4.2.0"),
    Release("MOODLE_402_STABLE", "2023042401.00", "4.2.1 (Build: 20230612)", 402, "2023-06-12", "v4.2.1"),
    Release("MOODLE_402_STABLE", "2023042401.03", "4.2.1+ (Build: 20230630)", 402, "2023-06-30"),
    Release("main", "2023100900.00", "4.3 (Build: 20231009)", 403, "2023-10-09", "v4.3.0"),
    Release("MOODLE_403_STABLE", "2023100901.00", "4.3.1 (Build: 20231211)", 403, "2023-12-11", "v4.3.1"),
    Release("MOODLE_403_STABLE", "2023100901.02", "4.3.1+ (Build: 20231222)", 403, "2023-12-22"),
    Release("main", "2024032200.00", "4.4beta (Build: 20240322)", 404, "2024-03-22", "v4.4.0-beta", BETA),
    Release("main", "2024041200.00", "4.4rc1 (Build: 20240412)", 404, "2024-04-12", "v4.4.0-rc1", RC),
    Release("main", "2024041200.01", "4.4rc1+ (Build: 20240416)", 404, "2024-04-16", None, RC),
)
