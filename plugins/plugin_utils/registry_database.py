# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads VMoodle's registry straight from the master's database, through the database's own client program."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import typing as t
from dataclasses import dataclass, field

from ..module_utils.common.errors import BadInput, MoodleError

_PREFIX = re.compile(r"[A-Za-z0-9_]*")
# Named one by one: the columns with user and password of the nodes' databases are not even read.
_COLUMNS = {
    "wwwroot": "vhostname",
    "name": "name",
    "shortname": "shortname",
    "description": "description",
    "dbtype": "vdbtype",
    "dbhost": "vdbhost",
    "dbname": "vdbname",
    "dbprefix": "vdbprefix",
    "datapath": "vdatapath",
    "mnet": "mnet",
    "enabled": "enabled",
    "timecreated": "timecreated",
}
_NUMBERS = ("mnet", "timecreated")
_PATIENCE = 60


@dataclass(frozen=True)
class Database:
    """The master's database, and who may read it."""

    type: str
    host: str
    port: int | None
    name: str
    prefix: str
    user: str
    password: str = field(repr=False)

    def rows(self) -> list[dict[str, t.Any]]:
        """The registry, in the order of the addresses."""
        if not _PREFIX.fullmatch(self.prefix):
            raise BadInput(f"'database_prefix' is '{self.prefix}', which is none: it is made of letters, digits and underscores")
        command, password = self._postgres() if self.type == "postgres" else self._mysql()
        try:
            done = subprocess.run(
                command,
                env={**os.environ, password: self.password, "PGCONNECT_TIMEOUT": "10"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MoodleError(f"the database {self.name} on {self.host} did not answer within {_PATIENCE} s") from error
        if done.returncode != 0:
            raise MoodleError(f"the database {self.name} on {self.host} could not be read: {' '.join(done.stderr.split())[-500:]}")
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return [{**_plain(row), "enabled": bool(int(row["enabled"]))} for row in rows]

    def _mysql(self) -> tuple[list[str], str]:
        pairs = ", ".join(f"'{name}', {column}" for name, column in _COLUMNS.items())
        client = _program("mariadb", "mysql")
        options = ["--batch", "--raw", "--skip-column-names", "--default-character-set=utf8mb4", "--connect-timeout=10"]
        server = f"--socket={self.host}" if self.host.startswith("/") else f"--host={self.host}"
        where = [server, f"--user={self.user}", f"--database={self.name}", *([f"--port={self.port}"] if self.port else [])]
        return [client, *options, *where, f"--execute=SELECT JSON_OBJECT({pairs}) {self._from()}"], "MYSQL_PWD"

    def _postgres(self) -> tuple[list[str], str]:
        pairs = ", ".join(f"'{name}', {column}" for name, column in _COLUMNS.items())
        where = [f"--host={self.host}", f"--username={self.user}", f"--dbname={self.name}", *([f"--port={self.port}"] if self.port else [])]
        asked = f"--command=SELECT json_build_object({pairs}) {self._from()}"
        options = ["--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        return [_program("psql"), *options, *where, asked], "PGPASSWORD"

    def _from(self) -> str:
        return f"FROM {self.prefix}local_vmoodle ORDER BY vhostname, id"


def _plain(row: dict[str, t.Any]) -> dict[str, t.Any]:
    return {name: int(value or 0) if name in _NUMBERS else str(value or "") for name, value in row.items()}


def _program(*names: str) -> str:
    for name in names:
        if found := shutil.which(name):
            return found
    raise MoodleError(f"the program {' or '.join(names)} is not on this machine, which reads the inventory: install it, or use 'registry'")
