# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The built code on a scratch database, before anything is committed: does it install, does it upgrade?"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import BadInput, MoodleError
from ..common.php_literal import php_literal
from ..common.process import run
from .git.gitrepo import GitRepository, explained

SHOWN = 1500


@dataclass(frozen=True)
class Trial:
    """``mode`` is install (on an empty database, which is empty again afterwards) or upgrade (of a copy of a site, which is used up)."""

    mode: str
    database: Mapping[str, t.Any]  # type, host, port, socket, name, user, password, prefix
    php: str
    scratch: Path  # our PHP file that counts and drops tables

    def run(self, store: GitRepository, tree: str) -> None:
        if shutil.which(self.php) is None:
            raise BadInput(f"trial: PHP was not found on this host as '{self.php}': install php-cli, or set 'php' to its path.")
        tables = self._tables("count")
        if (self.mode == "install") != (tables == 0):
            found = f"holds {tables} tables" if tables else "is empty"
            needed = "an empty one, which it empties again" if self.mode == "install" else "a copy of a site's, which it uses up"
            raise BadInput(f"trial: the database {self.database['name']} {found}: to {self.mode} takes {needed}.")
        try:
            with tempfile.TemporaryDirectory(prefix="lms-moodle-trial-") as folder:
                code, data = Path(folder) / "code", Path(folder) / "data"
                data.mkdir()
                code.mkdir()
                check_out(store, tree, code)
                self._configure(code, data)
                self._try(code)
        finally:
            if self.mode == "install":
                self._tables("clear")

    def _try(self, code: Path) -> None:
        scripts = code / "admin/cli" if (code / "admin/cli").is_dir() else code / "public/admin/cli"
        install = ["--agree-license", f"--adminpass=Aa1!{secrets.token_hex(16)}", "--adminemail=trial@example.org"]
        install += ["--fullname=Trial", "--shortname=trial"]
        words = {"install": ["install_database.php", *install], "upgrade": ["upgrade.php", "--non-interactive"]}[self.mode]
        done = run([self.php, "-d", "max_input_vars=5000", str(scripts / words[0]), *words[1:]], cwd=str(code), check=False)
        if done.returncode:
            lines = (done.stdout + done.stderr).decode(errors="replace").replace(str(code), "").splitlines()
            said = " | ".join(line.strip() for line in lines if line.strip())[-SHOWN:]
            raise MoodleError(f"The built code does not {self.mode}: {said or 'PHP printed nothing'}. Nothing was committed.")

    def _configure(self, code: Path, data: Path) -> None:
        """The password is in this file alone, which nobody else may read."""
        about = self.database
        options = {"dbpersist": 0, "dbport": about.get("port") or "", "dbsocket": about.get("socket") or ""}
        settings = {
            "dbtype": about["type"],
            "dblibrary": "native",
            "dbhost": about["host"],
            "dbname": about["name"],
            "dbuser": about["user"],
            "dbpass": about["password"],
            "prefix": about["prefix"],
            "dboptions": options,
            "wwwroot": "https://trial.example.org",
            "dataroot": str(data),
            "admin": "admin",
            "noemailever": True,
        }
        lines = [f"$CFG->{name} = {php_literal(value)};" for name, value in settings.items()]
        config = code / "config.php"
        config.touch(0o600)
        root = "" if (code / "lib/setup.php").is_file() else "/public"
        head = ["<?php", "unset($CFG);", "global $CFG;", "$CFG = new stdClass();"]
        config.write_text("\n".join([*head, *lines, f"require_once(__DIR__ . '{root}/lib/setup.php');\n"]))

    def _tables(self, what: str) -> int:
        wish = {key: self.database.get(key) or "" for key in ("type", "host", "port", "socket", "name", "user", "password", "prefix")}
        done = run([self.php, str(self.scratch)], stdin=json.dumps({"do": what, **wish}).encode(), check=False)
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines() or ["PHP printed nothing"]
            raise MoodleError(f"trial: the database {self.database['name']} cannot be used: {said[-1]}.")
        return int(done.stdout.split()[-1])


def check_out(store: GitRepository, tree: str, folder: Path) -> None:
    """The files of a tree, in a directory that is no repository."""
    with tempfile.TemporaryDirectory(prefix="lms-moodle-") as aside, explained("write to", str(folder)):
        index = {"GIT_INDEX_FILE": f"{aside}/index", "GIT_WORK_TREE": str(folder)}
        store.git("read-tree", tree, env=index)
        store.git("checkout-index", "--all", "--quiet", env=index)
