# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands in the place of PHP: answers as archive_plan.php and archive_worker.php do, and goes wrong as faults.json says."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from pathlib import Path

HERE = Path(sys.argv[0]).resolve().parent
SITE = {"wwwroot": "https://campus.test", "release": "4.5", "categories": [{"id": 9, "path": "Law"}]}


def say(line: object) -> None:
    print(json.dumps(line), flush=True)


def plan() -> None:
    wanted = json.load(sys.stdin)["category"]
    known = wanted in ({"id": 9}, {"path": "Law"})
    room = HERE / "temp"
    say({**SITE, "categories": SITE["categories"] if known else [], "temp": int(room.read_text()) if room.exists() else 10**9})
    for number in json.loads((HERE / "courses.json").read_text()) if known else []:
        say({"id": number, "shortname": f"C{number}", "estimate": 100})


def work() -> None:
    with (HERE / "starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    say({"ready": True, "wwwroot": SITE["wwwroot"]})
    for line in sys.stdin:
        order = json.loads(line)
        fault = json.loads((HERE / "faults.json").read_text()).get(str(order["id"]))
        with (HERE / "asked").open("a") as asked:
            asked.write(f"{order['id']}\n")
        if fault == "die":
            os._exit(137)
        if fault == "error":
            say({"id": order["id"], "error": "the course is odd"})
            continue
        file = Path(order["folder"]) / "course.mbz"
        number = 999 if fault == "other" else order["id"]
        text = f"<moodle_backup><original_course_id>{number}</original_course_id></moodle_backup>".encode()
        with tarfile.open(file, "w:gz") as tar:
            entry = tarfile.TarInfo("moodle_backup.xml")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
        say({"id": order["id"], "file": file.name, "since": 1, "facts": {"settings": {"shortname": f"C{number}"}}})


plan() if any(word.endswith("archive_plan.php") for word in sys.argv) else work()
