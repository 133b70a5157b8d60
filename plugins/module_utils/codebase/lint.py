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
NO_PHP = "'{php}' was not found: no PHP file was checked. Install it, name it with 'php', or set 'lint' to false."


@dataclass(frozen=True)
class Lint:
    """Which PHP looks at the files, and which files it is not to see."""

    php: str
    exclude: Sequence[str] = ()
    report: Callable[[int, int], None] = lambda done, total: None

    def available(self) -> bool:
        return shutil.which(self.php) is not None

    def check(self, store: GitRepository, tree: str, known: Iterable[str]) -> int:
        """Check the PHP files of ``tree`` that are in none of the ``known`` trees as they are; returns how many."""
        files = self._changed(store, tree, known)
        with tempfile.TemporaryDirectory(prefix="lms-moodle-lint-") as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
            for number, (oid, _path) in enumerate(files):
                (Path(folder) / str(number)).write_bytes(store.blob(oid))
            problems = []
            for number, said in enumerate(pool.map(lambda number: self._problem(f"{folder}/{number}"), range(len(files)))):
                self.report(number, len(files))
                if said:
                    problems.append(f"{files[number][1]}: {said}")
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

    def _problem(self, file: str) -> str:
        """What PHP finds wrong, in one line; its own settings and extensions play no part."""
        done = run([self.php, "-n", "-d", "display_errors=stderr", "-d", "log_errors=0", "-l", file], check=False)
        if done.returncode == 0:
            return ""
        said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines() or [f"php ended with {done.returncode}"]
        return re.sub(rf"^PHP +| in {re.escape(file)}", "", said[0]).strip()
