# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`php -l` over what changed, before anything is named: a syntax error is found here, not by the users."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import MoodleError
from ..common.process import run
from .git.gitrepo import GitRepository, explained

SHOWN = 5
# What PHP's compiler is told in syntax.php, so that it judges the files as they are written.
_COMPILER = (
    "zend_extension=opcache",
    "opcache.enable_cli=1",
    "opcache.optimization_level=0",
    "opcache.jit=0",
    "display_errors=0",
    "log_errors=0",
)
_FEW = 10
NO_PHP = "'{php}' was not found: no PHP file was checked. Install it, name it with 'php', or set 'lint' to false."


@dataclass(frozen=True)
class Lint:
    """Which PHP looks at the files, which files it is not to see, and where our syntax.php is, which spares it a start for each file."""

    php: str
    exclude: Sequence[str] = ()
    syntax: Path | None = None
    report: Callable[[int, int], None] = lambda done, total: None

    def available(self) -> bool:
        return shutil.which(self.php) is not None

    def check(self, store: GitRepository, tree: str, known: Iterable[str]) -> int:
        """Check the PHP files of ``tree`` that are in none of the ``known`` trees as they are; returns how many."""
        files = self._changed(store, tree, known)
        with tempfile.TemporaryDirectory(prefix="lms-moodle-lint-") as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
            for number, (oid, _path) in enumerate(files):
                (Path(folder) / str(number)).write_bytes(store.blob(oid))
            names = [str(number) for number in range(len(files))]
            shares = [names[first :: os.cpu_count()] for first in range(os.cpu_count() or 1)]
            doubtful = sorted(set(names).difference(*pool.map(lambda share: self._compiled(folder, share), shares)), key=int)
            problems = []
            for done, (name, said) in enumerate(zip(doubtful, pool.map(lambda name: self._problem(f"{folder}/{name}"), doubtful))):
                self.report(len(files) - len(doubtful) + done, len(files))
                if said:
                    problems.append(f"{files[int(name)][1]}: {said}")
        if problems:
            more = f" And {len(problems) - SHOWN} files more." if len(problems) > SHOWN else ""
            raise MoodleError(
                f"PHP refuses {' '.join(f'{problem}.' for problem in problems[:SHOWN])}{more}"
                " Nothing was committed: mend the source, pin another ref, or name the file in 'lint_exclude'."
            )
        return len(files)

    def _changed(self, store: GitRepository, tree: str, known: Iterable[str]) -> list[tuple[str, str]]:
        """The (id, path) of each PHP file that differs from all of the known trees."""
        found: dict[str, str] | None = None
        for other in known:
            with explained("compare trees in", str(store.path), ours=True):
                raw = store.git("diff-tree", "-r", "-z", "--no-renames", "--diff-filter=AMT", other, tree).split(b"\0")
            heads, paths = raw[:-1:2], raw[1::2]
            here = {path.decode(errors="surrogateescape"): head.decode().split(" ")[3] for head, path in zip(heads, paths)}
            found = here if found is None else {path: oid for path, oid in found.items() if path in here}
        wanted = ((path, oid) for path, oid in sorted((found or {}).items()) if path.endswith(".php"))
        return [(oid, path) for path, oid in wanted if not any(fnmatch.fnmatch(path, pattern) for pattern in self.exclude)]

    def _compiled(self, folder: str, names: Sequence[str]) -> set[str]:
        """Those of the files that PHP compiles, found in one process: starting PHP takes longer than most files do."""
        settings = [word for setting in _COMPILER for word in ("-d", setting)]
        found: set[str] = set()
        while self.syntax and len(names) >= _FEW:
            wanted = "".join(f"{name}\n" for name in names).encode()
            done = run([self.php, "-n", *settings, str(self.syntax)], cwd=folder, stdin=wanted, check=False)
            answers = done.stdout.decode(errors="replace").splitlines()
            found.update(answer.removesuffix(" yes") for answer in answers if answer.endswith(" yes"))
            if len(answers) < _FEW:
                break
            names = names[len(answers) + 1 :]  # the next one is what it died of
        return found

    def _problem(self, file: str) -> str:
        """What PHP finds wrong, in one line; its own settings and extensions play no part."""
        done = run([self.php, "-n", "-d", "display_errors=stderr", "-d", "log_errors=0", "-l", file], check=False)
        if done.returncode == 0:
            return ""
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines() or [f"php ended with {done.returncode}"]
        return re.sub(rf"^PHP +| in {re.escape(file)}", "", said[0]).strip()
