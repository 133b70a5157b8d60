# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make the stand-in's repositories: python3 tests/minimoodle/generate.py DEST

Needs Python and git, nothing else. DEST/moodle.git is core, DEST/moodle-<component>.git are plugins.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from minimoodle.bundled import core_files
from minimoodle.contributed import CONTRIBUTED, Contributed
from minimoodle.history import History
from minimoodle.php import since
from minimoodle.releases import RELEASES, Release

_HERE = Path(__file__).resolve().parent
_VMOODLE_LINE = "MOODLE_405_STABLE"


def generate(destination: Path | str) -> dict[str, Path]:
    """Write all repositories and return them by name: `moodle`, `local_vmoodle`, `mod_board` …"""
    root = Path(destination)
    made = {"moodle": _core().write(root / "moodle.git")}
    made["local_vmoodle"] = _vmoodle().write(root / "moodle-local_vmoodle.git")
    for plugin in CONTRIBUTED:
        made[plugin.component] = _contributed(plugin).write(root / plugin.repository)
    return made


def _core() -> History:
    history = History()
    texts = {str(path.relative_to(_HERE / "core")): path.read_text() for path in _tree(_HERE / "core")}
    for release in RELEASES:
        files = {**{path: since(text, release.branch) for path, text in texts.items()}, **dict(core_files(release))}
        history.commit(
            release.line,
            date=release.date,
            message=_message(release),
            files=((path, text.encode()) for path, text in files.items()),
            # A stable branch begins where its .0 release was tagged: the newest commit of main at that moment.
            start=None if release.line == "main" else "main",
        )
        if release.tag:
            history.tag(release.tag, release.line, date=release.date)
    return history


def _message(release: Release) -> str:
    return f"Moodle release {release.release}" if release.tag else f"weekly release {release.release}"


def _vmoodle() -> History:
    history = History()
    root = _HERE / "plugins" / "local_vmoodle"
    files = [(str(path.relative_to(root)), path.read_bytes()) for path in _tree(root)]
    history.commit(_VMOODLE_LINE, date="2025-04-30", message="Virtual nodes", files=files)
    return history


def _contributed(plugin: Contributed) -> History:
    history = History()
    for edition in plugin.editions:
        files = ((path, text.encode()) for path, text in plugin.files(edition))
        message = f"{plugin.component} {edition.settings['version']}"
        history.commit(edition.line, date=edition.date, message=message, files=files, start=edition.start)
        for tag in edition.tags:
            history.tag(tag, edition.line, date=edition.date)
    return history


def _tree(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file())


def main(words: list[str]) -> int:
    if len(words) != 1 or words[0].startswith("-"):
        print(__doc__)
        return 0 if words in (["-h"], ["--help"]) else 2
    for name, repository in generate(words[0]).items():
        print(f"{name}: {repository}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
