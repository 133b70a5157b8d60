# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads VMoodle's registry and the files that name nodes."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Sequence
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.php import Php
from ..common.process import run
from .nodes import Node


def read_registry(php: Php, code: Path) -> list[Node]:
    """The master, and after it all nodes of its registry, from one PHP process."""
    done = run(php.command(php.own("registry.php"), [str(code)]), check=False)
    lines = done.stdout.decode(errors="replace").splitlines()
    if done.returncode != 0 or not lines:
        said = (done.stderr + done.stdout).decode(errors="replace").strip()[-800:] or "it printed nothing"
        raise MoodleError(f"VMoodle's registry could not be read through {code}: PHP ended with {done.returncode}: {said}")
    head, *rows = (json.loads(line) for line in lines)
    if not head["vmoodle"]:
        raise MoodleError(f"The site {head['master']} has no VMoodle registry: set 'moodle' to the code of a VMoodle master.")
    master = Node(wwwroot=head["master"], name=head["name"], dbname=head["dbname"], master=True)
    return [master, *(Node.from_row(row) for row in rows)]


def names_from_files(wanted: Sequence[str]) -> list[str]:
    """The names asked for, each ``@file`` replaced by that file's lines; an empty retry file leaves none."""
    names: list[str] = []
    for name in wanted:
        if not name.startswith("@"):
            names.append(name)
            continue
        try:
            lines = Path(name[1:]).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise BadInput(f"The list of nodes {name[1:]} cannot be read on this host: {error.strerror}.") from error
        names += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return names


def matching(expression: str, nodes: Sequence[Node]) -> set[str]:
    """The addresses of the nodes that a JMESPath query over the registry's rows returns."""
    try:
        # Not on every host, and needed by this parameter alone.
        import jmespath  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise MoodleError("'select' needs the Python library jmespath on this host: install it (Debian: python3-jmespath).") from error
    try:
        answer: t.Any = jmespath.search(expression, [node.row() for node in nodes if not node.master])
    except jmespath.exceptions.JMESPathError as error:
        raise BadInput(f"'select' is no valid JMESPath query: {error}") from error
    rows = answer if isinstance(answer, list) else []
    found = {row.get("wwwroot") if isinstance(row, dict) else row for row in rows}
    if not isinstance(answer, list) or not all(isinstance(address, str) for address in found):
        raise BadInput("'select' must return rows of the registry, or their addresses: for example [?enabled && starts_with(name, 'A')].")
    return t.cast("set[str]", found)
