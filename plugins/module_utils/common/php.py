# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How PHP is called: one of Moodle's scripts or one of ours, for the site itself or for one virtual node."""

from __future__ import annotations

import os
import re
import shutil
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import BadInput
from .opcache import NOT_CACHED, opcache_folder

ARGUMENTS: dict[str, t.Any] = {
    "php": {"type": "str", "default": "php"},
    "php_options": {"type": "list", "elements": "str", "default": []},
    "opcache": {"type": "bool", "default": True},
    # Set by the action plugin: where it put the PHP files, and where it watches the work.
    "_php": {"type": "path"},
    "_background": {"type": "path"},
}
"""What modules that run PHP are given (doc_fragments/php.py)."""
# Moodle's command line refuses fewer input variables; stack traces must not show a function's arguments, passwords among them.
_ALWAYS = ("max_input_vars=5000", "zend.exception_ignore_args=1")
_OPTION = re.compile(r"[A-Za-z_][\w.]*=.*")


@dataclass(frozen=True)
class Php:
    """The interpreter with its settings, and the folder where this collection's PHP files lie on the host."""

    interpreter: str
    files: Path
    options: Sequence[str] = ()
    opcache: Path | None = None

    def __post_init__(self) -> None:
        for option in self.options:
            if not _OPTION.fullmatch(option):
                raise BadInput(f"'{option}' in 'php_options' is no PHP setting: write name=value, for example memory_limit=512M.")
        if not self.own("lines.php").is_file():
            raise BadInput("The PHP files of this module are not on the host: call it from a play, where its action plugin brings them.")
        if not shutil.which(self.interpreter):
            raise BadInput(f"PHP was not found on this host as '{self.interpreter}': install php-cli, or set 'php' to its path.")

    def command(self, script: Path, arguments: Sequence[str] = (), *, prepend: str = "") -> list[str]:
        """The words that run ``script``, after the file of this collection's named in ``prepend``, which may speak for it."""
        settings = [*_ALWAYS, *self._opcache_settings(), *self.options]
        if prepend:
            settings.append(f"auto_prepend_file={self.own(prepend)}")
        words = [self.interpreter]
        for setting in settings:
            words += ["-d", setting]
        return [*_dies_with_us(), *words, str(script), *arguments]

    def for_code(self, code: Path) -> Php:
        """The same, with the compiled scripts of other code."""
        return self if self.opcache is None else replace(self, opcache=opcache_folder(code))

    def own(self, name: str) -> Path:
        """One of this collection's PHP files."""
        return self.files / name

    def _opcache_settings(self) -> list[str]:
        if self.opcache is None:
            return []
        return [
            "opcache.enable_cli=1",
            "opcache.file_cache_only=1",
            f"opcache.file_cache={self.opcache}",
            f"opcache.blacklist_filename={self.opcache / NOT_CACHED}",
        ]


def as_node(wwwroot: str | None) -> Mapping[str, str]:
    """The environment of a command that override.php is prepended to: the virtual node that it shall be."""
    return {**os.environ, "LMS_MOODLE_NODE": wwwroot or ""}


def code_root(path: str) -> Path:
    """The root of a Moodle's code, as it really is on the disk."""
    root = Path(os.path.realpath(path))
    try:
        found = (root / "config.php").is_file()
    except OSError as error:
        raise BadInput(f"{path} cannot be looked into by the user who runs this on the host: {error.strerror}.") from error
    if not found:
        raise BadInput(f"{path} is no installed Moodle: there is no config.php in it; set 'moodle' to the root of the code.")
    return root


def _dies_with_us() -> list[str]:
    """A prefix by which the kernel ends the program when its parent is killed, where util-linux offers that."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []
