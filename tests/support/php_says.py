# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What PHP itself says of a version.php, told so that the reader's answer can be held against it."""

from __future__ import annotations

import json
import struct
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.lms.moodle.plugins.module_utils.codebase.php.tokens import Refused
from ansible_collections.lms.moodle.plugins.module_utils.codebase.php.versionphp import read_plugin, read_subplugins, read_version

from .process import program

_SCRIPT = Path(__file__).with_suffix(".php")
_FORBIDDEN = "exec,mail,passthru,popen,proc_open,rename,rmdir,shell_exec,system,unlink"
GIVEN = ("plugin", "module")
Told = t.Any  # what php_says.php writes: a type and its value, or its pairs


class PhpSays:
    """One PHP for many files; a new one where a file has ended it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._php = program("php", "php-cli")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PhpSays:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop()

    def of(self, content: bytes) -> dict[str, Told]:
        """``set``: the variables that the file leaves behind; ``error``; or ``died``, in a PHP that read nothing before."""
        fresh = self._process is None
        answer = self._ask(content)
        if "died" not in answer:
            return answer
        self._stop()
        # What it left behind for the next file, a function say, may be why this one ended.
        return answer if fresh else self.of(content)

    def _ask(self, content: bytes) -> dict[str, Told]:
        if self._process is None:
            settings = ("precision=14", "max_execution_time=20", f"disable_functions={_FORBIDDEN}")
            options = [word for setting in settings for word in ("-d", setting)]
            command = [self._php, "-n", *options, str(_SCRIPT), str(self._folder / "asked.php")]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(b"%d\n%s" % (len(content), content))
            self._process.stdin.flush()
        except BrokenPipeError:
            # It ended between two files: its time is limited for all that it reads.
            self._stop()
            return self._ask(content)
        answer: dict[str, Told] = json.loads(self._process.stdout.readline() or '{"died": "without a word"}')
        return answer

    def _stop(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


class Compared(t.NamedTuple):
    """The reader beside PHP: all is well where nothing differs."""

    refused: str
    difference: str


def compared(content: bytes, answer: dict[str, Told]) -> Compared:
    """Whether each answer of the reader is PHP's, or a refusal."""
    told = {_name(key): value for key, value in answer["set"][1]} if "set" in answer else {}
    try:
        ours = read_version(content)
    except Refused as refusal:
        return Compared(refusal.message, "")
    if "set" not in answer:
        return Compared("", f"PHP stops ({answer}), the reader says {ours}")
    # Every file is given the two objects: here it is what it puts into them that counts.
    theirs = {name: value for name, value in told.items() if name not in GIVEN or name in ours}
    pairs: dict[str, tuple[t.Any, Told]] = {name: (ours.get(name, Refused), theirs.get(name)) for name in {*ours, *theirs}}
    refused = ""
    objects = [told[name] for name in GIVEN if told.get(name, [""])[0] == "object" and told[name][1]]
    for name, read, other in (("read_plugin", read_plugin, objects[:1]), ("read_subplugins", read_subplugins, [told.get("subplugins")])):
        try:
            pairs[name] = (read(content), other[0] if other else None)
        except Refused as refusal:
            refused = refused or (refusal.message if any(other) else "")
    unlike = [f"{name}: the reader says {mine!r}, PHP {its}" for name, (mine, its) in pairs.items() if its is None or not same(mine, its)]
    return Compared(refused, "; ".join(unlike))


def same(ours: t.Any, told: Told) -> bool:
    """Whether a value of the reader is PHP's, with its type and the order of its elements."""
    kind, value = told
    if kind in ("array", "object"):
        if not isinstance(ours, (dict, list)) or (kind == "object" and not isinstance(ours, dict)):
            return False
        mine = list(ours.items() if isinstance(ours, dict) else enumerate(ours))
        counted = kind == "array" and [key for key, _told in value] == list(range(len(value)))
        return (
            len(mine) == len(value)
            and isinstance(ours, list) == counted
            and all(_key(key) == other and same(item, told) for (key, item), (other, told) in zip(mine, value))
        )
    if kind == "string":
        return isinstance(ours, str) and _raw(ours).hex() == value
    if kind == "float":
        return isinstance(ours, float) and struct.pack(">d", ours).hex() == value
    return type(ours) is {"integer": int, "boolean": bool, "NULL": type(None)}[kind] and ours == value


def _key(key: int | str) -> int | str:
    return key if isinstance(key, int) else f"x{_raw(key).hex()}"


def _name(key: int | str) -> str:
    return str(key) if isinstance(key, int) else bytes.fromhex(key[1:]).decode("utf-8", "surrogateescape")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
