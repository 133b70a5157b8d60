# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of nodes: database and data in a folder that has its name only when all in it has been read back."""

from __future__ import annotations

import json
import re
import shutil
import time
import typing as t
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.files import sync_directory, write_atomically
from . import node_data
from .desk import Desk
from .nodes import Node

DATABASE, DATA, ABOUT = "database.sql.gz", "data.tar", "snapshot.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def checked_name(name: str) -> str:
    """The name of a snapshot, which is that of a folder."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"'{name}' is no name for a snapshot: letters, digits, dot, _ and - only, a letter or digit first.")
    return name


class Snapshots:
    """The snapshots below one folder: a folder for each node, and in it one for each snapshot."""

    def __init__(self, home: Path, desk: Desk) -> None:
        self._home = home
        self._desk = desk

    def folder(self, node: Node, name: str) -> Path:
        """Where a snapshot of the node is, or would be."""
        address = re.sub(r"[^A-Za-z0-9.-]", "_", node.wwwroot.split("://", 1)[-1])
        return self._home / address / checked_name(name)

    def take(self, node: Node, name: str) -> Path:
        """Make the snapshot."""
        folder = self.folder(node, name)
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = folder.with_name(f".{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        needed = self._desk.order("size", f"The database of {node.wwwroot} could not be looked at", id=node.id)
        node_data.make_sure_of_room(folder.parent, needed + node_data.size(Path(node.datapath)), f"A snapshot of {node.wwwroot}")
        try:
            partial.mkdir(mode=0o700)
            # The database first: data that came later are only too many.
            self._desk.order("dump", f"The database of {node.wwwroot} could not be dumped", id=node.id, file=str(partial / DATABASE))
            node_data.pack(Path(node.datapath), partial / DATA)
            (partial / DATA).chmod(0o600)
            about = {
                "wwwroot": node.wwwroot,
                "name": node.name,
                "dbtype": node.dbtype,
                "dbprefix": node.dbprefix,
                "made": int(time.time()),
                "checksums": {file: node_data.checksum(partial / file) for file in (DATABASE, DATA)},
            }
            write_atomically(partial / ABOUT, json.dumps(about, indent=1).encode() + b"\n", 0o600)
            self.verify(partial, id=node.id)
            partial.rename(folder)
            sync_directory(folder.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return folder

    def verify(self, folder: Path, **database: t.Any) -> dict[str, t.Any]:
        """Read all of it back; what it says of itself."""
        about = self.about(folder)
        for file, expected in about["checksums"].items():
            if not (folder / file).is_file() or node_data.checksum(folder / file) != expected:
                raise MoodleError(f"The snapshot {folder} is damaged: {file} is not as it was written. Take another one.")
        self._desk.order("check_dump", f"The snapshot {folder} cannot be used", file=str(folder / DATABASE), **database)
        node_data.check(folder / DATA)
        return about

    @staticmethod
    def about(folder: Path) -> dict[str, t.Any]:
        """What a snapshot says of itself."""
        try:
            about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
            if {DATABASE, DATA} == set(about["checksums"]) and isinstance(about["wwwroot"], str):
                return t.cast("dict[str, t.Any]", about)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        raise MoodleError(f"{folder} is no snapshot of a node: there is no {ABOUT} in it that tells what it holds.")
