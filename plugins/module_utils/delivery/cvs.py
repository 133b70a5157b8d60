# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CVS as a source: a module at a tag, a branch or a date, written ``CVSROOT#module``.

It is exported with `-ko`, which leaves every byte as it was committed: without it keywords are filled with the tag's name and the
server's path, so that the same file would differ between two exports; and `-kk`, which empties them, damages binary files.
"""

from __future__ import annotations

import os
import re
import stat
import typing as t
from collections.abc import Iterator
from pathlib import Path

from ..common.archives import check_path
from ..common.errors import BadInput
from ..common.fast_import import ImportedFile
from .programs import output_of
from .snapshot import Snapshot, in_utc
from .trees import shown

LOCATION = re.compile(
    r"(?:(?::local:)?|(?P<method>:pserver:|:ext:|)(?:(?P<user>[A-Za-z0-9_][\w.-]*)(?::(?P<password>[^#]*))?@)?"
    r"(?P<host>[A-Za-z0-9_][A-Za-z0-9._-]*):(?P<port>[0-9]{1,5})?)"
    r"(?P<path>/[^#:@]*)#(?P<module>[^#]*)"
)
PASSWORD = re.compile(r":\w+(?:;[^:]*)?:[^:@]*:(.*)@")
MODULE = re.compile(r"(?!-)[^/#]+(?:/(?!-)[^/#]+)*")
TAG = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
# -f: nobody's ~/.cvsrc takes part; -n: no program that the repository names for a module is run.
EXPORT = ("cvs", "-f", "-q", "export", "-ko", "-n", "-d", "code")


class Location(t.NamedTuple):
    root: str
    module: str
    name: str  # as it may be shown, and the same for every user
    password: str


def check_location(location: str) -> str:
    _parse(location)
    return location


def secrets_in(location: str) -> set[str]:
    """Of a place that is written wrongly, too."""
    found = PASSWORD.match(location)
    return {found.group(1)} - {""} if found else set()


def check_revision(revision: str) -> str:
    return revision if TAG.fullmatch(revision) else in_utc(revision, "a tag, a branch, HEAD")


def ask(location: str, revision: str) -> Snapshot:
    """Nothing in CVS says in one word what a tag means today: the export itself is the question."""
    root, module, name, password = _parse(location)
    moment = check_revision(revision)
    source = f"{name} at {revision}"
    which = ["-r", moment] if moment == revision else ["-D", moment.replace("T", " ").replace("Z", " UTC")]

    def files(scratch: Path) -> Iterator[ImportedFile]:
        # The root is told where no list of processes shows it: it may hold a password.
        environment = {"CVSROOT": root, "CVS_RSH": os.environ.get("CVS_RSH", "ssh")}
        secrets = {password} - {""}
        with output_of([*EXPORT, *which, module], source, cwd=scratch, env=environment, secrets=secrets) as progress:
            for _line in progress:
                pass
        yield from _exported(scratch / "code", source)

    return Snapshot(f"cvs {name} {moment}", f"Imported from CVS: {name}, {moment}", files, lasting=False)


def _exported(folder: Path, source: str) -> Iterator[ImportedFile]:
    empty = True
    for parent, _folders, names in os.walk(folder):
        for name in names:
            path = Path(parent) / name
            relative = check_path(str(path.relative_to(folder)), source)
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode):
                raise BadInput(f"{source}: {shown(relative)} is no file.")
            empty = False
            # CVS gives an exported file the time of its revision.
            mode = "100755" if status.st_mode & stat.S_IXUSR else "100644"
            yield ImportedFile(relative, mode, path.read_bytes(), int(status.st_mtime))
    if empty:
        raise BadInput(f"{source} holds no file: is the module right, and does it have that tag or branch?")


def _parse(location: str) -> Location:
    found = LOCATION.fullmatch(location) if location.isprintable() else None
    if not found or not MODULE.fullmatch(found["module"]) or {".", ".."} & set(f"{found['module']}/{found['path']}".split("/")):
        # The location itself is not repeated: it may hold a password in a place where none is looked for.
        raise BadInput(
            "repository: this is no place in CVS: CVSROOT#module is expected, such as /srv/cvs#moodle, "
            ":ext:deploy@cvs.example.org:/srv/cvs#moodle or :pserver:anonymous@cvs.example.org:/srv/cvs#moodle."
        )
    path, module, host = found["path"], found["module"], found["host"]
    name = f"{host}:{path}#{module}" if host else f"{path}#{module}"
    return Location(location.rpartition("#")[0], module, name, found["password"] or "")
