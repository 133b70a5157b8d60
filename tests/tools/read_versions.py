#!/usr/bin/env python3
# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says what the collection's reader makes of version.php files: one line of JSON for each.

  {"path": "mod/board/version.php", "value": {"version": 2024050305, "component": "mod_board"}}
  {"path": "mod/other/version.php", "refused": "line 12: a condition that may hold or not"}

The value is what the file puts into $plugin or $module; of a file that does not, as Moodle's own version.php, the variables
that it sets. PHP's integers are JSON integers and its floats have a point or an exponent (5.0); text is text, null, true
and false are themselves. An array whose keys count from 0 is a list ([] too), any other one an object in PHP's order, with
keys that are numbers written as text. Bytes that are no UTF-8 are the surrogates \\udc80 to \\udcff, as in Python's
"surrogateescape". "refused" says why the reader will not guess. The exit code is 1 when a file could not be opened.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import types
import typing as t
from collections.abc import Iterator
from pathlib import Path

# The reader needs nothing but Python and the checkout around this file: neither Ansible nor a link that makes it a collection.
READER = types.ModuleType("lms_moodle_reader")
READER.__path__ = [str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils")]
sys.modules[READER.__name__] = READER
versionphp = importlib.import_module(f"{READER.__name__}.codebase.php.versionphp")


def value(php: bytes) -> dict[str, t.Any]:
    variables: dict[str, t.Any] = versionphp.read_version(php)
    if variables.get("plugin") or variables.get("module"):
        variables = versionphp.read_plugin(php)
    return variables


def answer(path: str) -> dict[str, t.Any]:
    try:
        return {"path": path, "value": value(Path(path).read_bytes())}
    except versionphp.Refused as refusal:
        return {"path": path, "refused": refusal.message}


def paths(arguments: argparse.Namespace) -> Iterator[str]:
    for path in arguments.files:
        if path != "-":
            yield path
    if arguments.stdin0 or "-" in arguments.files:
        end = b"\0" if arguments.stdin0 else b"\n"
        yield from (os.fsdecode(path) for path in sys.stdin.buffer.read().split(end) if path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE", help="a version.php; - for paths on the input, one a line")
    parser.add_argument("--stdin0", action="store_true", help="paths on the input, each ended by a NUL byte")
    arguments = parser.parse_args()
    if not arguments.files and not arguments.stdin0:
        parser.error("give files, - or --stdin0")
    status = 0
    for path in paths(arguments):
        try:
            said = answer(path)
        except (OSError, ValueError) as error:
            said, status = {"path": path, "refused": f"it cannot be opened: {error}"}, 1
        print(json.dumps(said, allow_nan=False))
    return status


if __name__ == "__main__":
    sys.exit(main())
