# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private PostgreSQL server for a test run."""

from __future__ import annotations

import csv
import io
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

from .process import Result, SupportError, program, run

_NULL = "\N{SYMBOL FOR NULL}"

# Durable to nobody: the data lives as long as the test run.
_SETTINGS = ("listen_addresses=", "fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=64MB")


class PostgreSQL:
    """A server of its own on a socket of its own, asked for as MariaDB's is; nothing else on the machine sees it.

    with PostgreSQL() as server:
        server.create("campus")
        server.execute("SELECT 1 AS one", "campus")  # [{"one": "1"}]
    """

    dbtype = "pgsql"
    host = "localhost"
    user = "moodle"
    password = "moodle"  # noqa: S105 - guards a private socket, for the length of a test

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.directory = Path()

    @staticmethod
    def programs() -> Path:
        """The folder of the server's programs, which Debian keeps out of everybody's PATH."""
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres")) or [Path(program("postgres", "postgresql"))]
        return found[-1].parent

    def __enter__(self) -> PostgreSQL:
        programs = self.programs()
        self.directory = Path(tempfile.mkdtemp(prefix="lms-moodle-pg-"))
        # It refuses to be root.
        someone = pwd.getpwnam("nobody")
        if os.geteuid() == 0:
            os.chown(self.directory, someone.pw_uid, someone.pw_gid)
        as_someone = ["setpriv", f"--reuid={someone.pw_uid}", f"--regid={someone.pw_gid}", "--clear-groups"] if os.geteuid() == 0 else []
        data = self.directory / "data"
        password = self.directory / "password"
        password.write_text(self.password)
        password.chmod(0o644)
        try:
            initialise = [programs / "initdb", "--no-sync", f"--pgdata={data}", f"--username={self.user}", f"--pwfile={password}"]
            how = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
            run([*as_someone, *initialise, *how], cwd=self.directory).must_succeed()
            settings = [word for setting in (*_SETTINGS, f"unix_socket_directories={self.directory}") for word in ("-c", setting)]
            # A test run that is killed takes its server with it.
            argv = ["setpriv", "--pdeathsig", "INT", *as_someone[1:], str(programs / "postgres"), "-D", str(data), *settings]
            with (self.directory / "server.log").open("ab") as log:
                self._process = subprocess.Popen(argv, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            self._wait_until_ready()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(2)  # the fast way: who is connected is sent away
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def dboptions(self) -> str:
        """For config.php."""
        return f"['dbpersist' => 0, 'dbsocket' => '{self.directory}']"

    @property
    def socket(self) -> Path:
        return self.directory

    def create(self, name: str) -> None:
        """An empty database; an older one of that name is dropped."""
        for sql in (f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"'):
            self.execute(sql)

    def execute(self, sql: str, database: str | None = None) -> list[dict[str, str | None]]:
        """Run SQL and return the rows of the last statement, values as text or None."""
        result = self._client("psql", "--no-psqlrc", "--quiet", "--csv", f"--pset=null={_NULL}", f"--command={sql}", database=database)
        if result.rc != 0:
            raise SupportError(f"PostgreSQL refused this in {database or 'no database'}: {result.err.strip()}\n{sql[:500]}")
        rows = csv.DictReader(io.StringIO(result.out))
        return [{name: None if value == _NULL else value for name, value in row.items()} for row in rows]

    def dump(self, name: str, file: Path) -> Path:
        """Write the database into a file that `load` reads; complete or not there at all."""
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(file.name + ".partial")
        self._client("pg_dump", "--no-owner", f"--file={unfinished}", database=name).must_succeed()
        unfinished.replace(file)
        return file

    def load(self, name: str, file: Path) -> None:
        """Fill an emptied database from a dump."""
        self.create(name)
        self._client("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={file}", database=name).must_succeed()

    def _client(self, name: str, *words: str, database: str | None) -> Result:
        argv = [program(name, "postgresql-client"), f"--host={self.directory}", f"--username={self.user}", *words]
        return run([*argv, f"--dbname={database or 'postgres'}"], env={"PGPASSWORD": self.password})

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        limit = time.monotonic() + 60
        while time.monotonic() < limit and self._process.poll() is None:
            if self._client("psql", "--no-psqlrc", "--command=SELECT 1", database=None).rc == 0:
                return
            time.sleep(0.05)
        log = (self.directory / "server.log").read_text(errors="replace")[-3000:]
        raise SupportError(f"postgres in {self.directory} did not become ready:\n{log}")
