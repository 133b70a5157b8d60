# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The points at which the fault tests killed something, as a table: fault_table.py RESULT.xml

The file is what `pytest --junitxml=RESULT.xml tests/faults` wrote; a test without points was tried once.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET


def main() -> int:
    total, lines = 0, []
    for case in ET.parse(sys.argv[1]).getroot().iter("testcase"):  # noqa: S314 - our own tests wrote it
        if any(case.find(name) is not None for name in ("failure", "error", "skipped")):
            print(f"{case.get('name')} did not pass", file=sys.stderr)
            return 1
        properties = {item.get("name"): item.get("value") for item in case.iter("property")}
        points = int(properties.get("points") or properties.get("killed") or 1)
        total += points
        where = str(case.get("classname")).rpartition(".")[2].removeprefix("test_")
        name = str(case.get("name")).removeprefix("test_").replace("_", " ").replace("[", ": ").rstrip("]")
        lines.append((where, name, points))
    print("| where | what | points |\n|---|---|---|")
    for where, name, points in sorted(lines):
        print(f"| {where.replace('_', ' ')} | {name} | {points} |")
    print(f"\n{len(lines)} tests, {total:,} points.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
