# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A private MariaDB server for a test run."""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from xml.etree import ElementTree

from .process import Result, SupportError, program, run

# A socket's path is kept by the kernel in 108 bytes; pytest's folders are longer than that.
_LONGEST_SOCKET = 100
_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"

# Durable to nobody: the data lives as long as the test run.
_SETTINGS = (
    "--skip-networking",
    "--skip-log-bin",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_unicode_ci",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=256M",
    "--innodb-log-file-size=64M",
    "--innodb-fast-shutdown=2",
    "--max-allowed-packet=64M",
    "--max-connections=200",
)


class MariaDB:
    """A server of its own on a socket of its own; nothing else on the machine sees it.

    with MariaDB() as server:
        server.create("campus")
        server.execute("SELECT 1 AS one", "campus")  # [{"one": "1"}]
    """

    dbtype = "mariadb"
    host = "localhost"
    user = "moodle"
    password = "moodle"  # noqa: S105 - guards a private socket, for the length of a test

    def __init__(self, directory: Path | None = None, *, start_seconds: float = 60) -> None:
        self._given = directory
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: list[Path] = []
        self.directory = Path()
        self.socket = Path()

    def __enter__(self) -> MariaDB:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def dboptions(self) -> str:
        """For config.php."""
        return f"['dbpersist' => 0, 'dbsocket' => '{self.socket}', 'dbcollation' => 'utf8mb4_unicode_ci']"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        server = program("mariadbd", "mariadb-server")
        self.directory = self._given or self._folder()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.socket = self.directory / "mariadb.sock"
        if len(str(self.socket)) > _LONGEST_SOCKET:
            self.socket = self._folder() / "mariadb.sock"
        data = self.directory / "data"
        if not (data / "mysql").is_dir():
            self._initialise(data)
        argv = [
            server,
            "--no-defaults",
            f"--datadir={data}",
            f"--socket={self.socket}",
            f"--pid-file={self.directory / 'mariadb.pid'}",
            # A server that starts removes all temporary tables from its folder: in a shared one those of other servers, which fail then.
            f"--tmpdir={self.directory}",
            f"--user={getpass.getuser()}",
            *_SETTINGS,
        ]
        # A test run that is killed takes its server with it, where util-linux offers that.
        if setpriv := shutil.which("setpriv"):
            argv = [setpriv, "--pdeathsig", "TERM", *argv]
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_ready()
            self._as_root(
                f"CREATE OR REPLACE USER '{self.user}'@'localhost' IDENTIFIED BY '{self.password}';"
                f"GRANT ALL PRIVILEGES ON *.* TO '{self.user}'@'localhost';"
            ).must_succeed()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop this server and no other, and drop the folders made for it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        while self._scratch:
            shutil.rmtree(self._scratch.pop(), ignore_errors=True)

    def create(self, name: str) -> None:
        """An empty database; an older one of that name is dropped."""
        self.drop(name)
        self.execute(f"CREATE DATABASE `{name}` DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS `{_checked(name)}`")

    def databases(self) -> list[str]:
        hidden = {"information_schema", "performance_schema", "mysql", "sys"}
        return [row["Database"] or "" for row in self.execute("SHOW DATABASES") if row["Database"] not in hidden]

    def execute(self, sql: str, database: str | None = None) -> list[dict[str, str | None]]:
        """Run SQL and return the rows of the last statement, values as text or None."""
        result = run([*self._client("mariadb"), "--xml", f"--execute={sql}", *([database] if database else [])])
        if result.rc != 0:
            raise SupportError(f"MariaDB refused this in {database or 'no database'}: {result.err.strip()}\n{sql[:500]}")
        return _rows(result.out)

    def add_user(self, user: str, password: str, database: str) -> None:
        """A user with every right in one database, which need not be there, and none beside it."""
        quoted = password.replace("\\", "\\\\").replace("'", "''")
        account = f"'{_checked(user)}'@'localhost'"
        self._as_root(
            f"CREATE OR REPLACE USER {account} IDENTIFIED BY '{quoted}'; GRANT ALL ON `{_checked(database)}`.* TO {account}"
        ).must_succeed()

    def dump(self, name: str, file: Path) -> Path:
        """Write the database into a file that `load` reads; complete or not there at all."""
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(file.name + ".partial")
        run(
            [*self._client("mariadb-dump"), "--single-transaction", "--skip-comments", "--hex-blob", _checked(name)],
            stdout_file=unfinished,
        ).must_succeed()
        unfinished.replace(file)
        return file

    def load(self, name: str, file: Path) -> None:
        """Fill an emptied database from a dump."""
        self.create(name)
        run([*self._client("mariadb"), name], stdin_file=file).must_succeed()

    def _client(self, name: str) -> list[str]:
        # The password guards a private socket for the length of a test: it may be seen.
        return [
            program(name, "mariadb-client"),
            "--no-defaults",
            f"--socket={self.socket}",
            f"--user={self.user}",
            f"--password={self.password}",
            "--default-character-set=utf8mb4",
        ]

    def _as_root(self, sql: str) -> Result:
        client = program("mariadb", "mariadb-client")
        return run([client, "--no-defaults", f"--socket={self.socket}", "--user=root", f"--execute={sql}"], timeout=10)

    def _initialise(self, data: Path) -> None:
        run(
            [
                program("mariadb-install-db", "mariadb-server"),
                "--no-defaults",
                f"--datadir={data}",
                f"--user={getpass.getuser()}",
                f"--tmpdir={self.directory}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                # Initialisation is the slow half of a start when each page is synced to disk.
                "--innodb-flush-method=nosync",
                "--innodb-doublewrite=0",
            ],
            timeout=120,
        ).must_succeed()

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        limit = time.monotonic() + self._start_seconds
        while time.monotonic() < limit:
            if self._process.poll() is not None:
                break
            if self.socket.exists() and self._as_root("SELECT 1").rc == 0:
                return
            time.sleep(0.05)
        log = (self.directory / "server.log").read_text(errors="replace")[-3000:]
        raise SupportError(f"mariadbd in {self.directory} did not become ready within {self._start_seconds:.0f} s:\n{log}")

    def _folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="lms-moodle-db-"))
        self._scratch.append(folder)
        return folder


def _checked(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_]{1,64}", name):
        raise SupportError(f"{name!r} is no database name: letters, digits and _ only")
    return name


def _rows(xml: str) -> list[dict[str, str | None]]:
    documents = re.sub(r"<\?xml[^>]*\?>", "", xml)
    # Our own server wrote it.
    results = ElementTree.fromstring(f"<all>{documents}</all>").findall("resultset")  # noqa: S314
    if not results:
        return []
    return [
        {field.get("name", ""): None if field.get(_NIL) == "true" else (field.text or "") for field in row.findall("field")}
        for row in results[-1].findall("row")
    ]
