# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads VMoodle's registry, the states of its nodes, and the files that name nodes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import typing as t
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.php import Php
from .nodes import Node

State = dict[str, t.Any]
_R = t.TypeVar("_R", bound="Registry")
# Thousands of nodes have a handful of values here.
_COMMON = ("dbtype", "dbhost", "dbprefix", "description")


class Registry:
    """The registry of a VMoodle, as one PHP process tells it; that process can also say in which state the nodes are."""

    THEN = ""
    """What the process does when it has told the registry."""
    WRITES = False
    """Whether it changes anything: then it holds the locks that we hold, for it may outlive us by a moment when we are killed."""

    def __init__(self, process: subprocess.Popen[str], complaints: t.IO[str], code: Path) -> None:
        self._process = process
        self._asking, self._answers = t.cast("tuple[t.IO[str], t.IO[str]]", (process.stdin, process.stdout))
        self._complaints = complaints
        self._code = code
        self.code: dict[str, t.Any] = {}
        """Version and release of the code, after ``states``."""
        self.nodes: list[Node] = list(self._read_nodes())
        """The master, and after it all nodes."""

    @classmethod
    @contextlib.contextmanager
    def open(cls: type[_R], php: Php, code: Path, *, states: bool = False) -> Iterator[_R]:
        """Start the process; with ``states`` it waits for the one question that ``states`` asks."""
        then = "states" if states else cls.THEN
        command = php.command(php.own("registry.php"), [str(code), *([then] if then else [])])
        with (
            tempfile.TemporaryFile("w+", errors="replace") as complaints,
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                encoding="utf-8",
                errors="replace",
                close_fds=not cls.WRITES,
            ) as process,
        ):
            try:
                yield cls(process, complaints, code)
            finally:
                process.kill()

    def _read_nodes(self) -> Iterator[Node]:
        head = self._line()
        if not head["vmoodle"]:
            raise MoodleError(f"The site {head['master']} has no VMoodle registry: set 'moodle' to the code of a VMoodle master.")
        yield Node.from_row({**head, "wwwroot": head["master"], "master": True})
        while "end" not in (row := self._line()):
            yield Node.from_row({**row, **{name: sys.intern(row[name] or "") for name in _COMMON}})

    def states(self, nodes: Sequence[Node]) -> Iterator[tuple[Node, State]]:
        """Each node with its state, as its own database tells it."""
        with contextlib.suppress(BrokenPipeError):
            self._asking.write(json.dumps([node.id for node in nodes]) + "\n")
            self._asking.flush()
        self.code = self._line()["code"]
        # In the order of the question.
        for node in nodes:
            yield node, self._line()

    def _line(self) -> dict[str, t.Any]:
        line = self._answers.readline()
        try:
            said: dict[str, t.Any] = json.loads(line)
        except ValueError:
            said = {}
        if said:
            return said
        rest = line + self._answers.read()
        rc = self._process.wait()
        self._complaints.seek(0)
        words = (self._complaints.read() + rest).strip()[-800:] or "it printed nothing"
        raise MoodleError(f"VMoodle's registry could not be read through {self._code}: PHP ended with {rc}: {words}")


def names_from_files(wanted: Sequence[str]) -> list[str]:
    """The names asked for, each ``@file`` replaced by that file's lines; an empty retry file leaves none."""
    names: list[str] = []
    for name in wanted:
        if not name.startswith("@"):
            names.append(name)
            continue
        try:
            lines = Path(name[1:]).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise BadInput(f"The list of nodes {name[1:]} cannot be read on this host: {why}.") from error
        names += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return names


def matching(expression: str, nodes: Sequence[Node]) -> set[str]:
    """The addresses of the nodes that a JMESPath query over the registry's rows returns."""
    return queried(expression, [node.row() for node in nodes if not node.master], "select")


def queried(expression: str, rows: Sequence[t.Mapping[str, t.Any]], name: str) -> set[str]:
    """The addresses that the JMESPath query in the parameter ``name`` returns, of rows that have a ``wwwroot`` each."""
    try:
        # Not on every host, and needed by this parameter alone.
        import jmespath  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise MoodleError(f"'{name}' needs the Python library jmespath on this host: install it (Debian: python3-jmespath).") from error
    try:
        answer: t.Any = jmespath.search(expression, rows)
    except jmespath.exceptions.JMESPathError as error:
        raise BadInput(f"'{name}' is no valid JMESPath query: {error}") from error
    found = answer if isinstance(answer, list) else [None]
    addresses = [row.get("wwwroot") if isinstance(row, dict) else row for row in found]
    if not all(isinstance(address, str) for address in addresses):
        raise BadInput(f"'{name}' must return rows of the registry, or their addresses: for example [?enabled && starts_with(name, 'A')].")
    return t.cast("set[str]", set(addresses))
