# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plugins by the hundred: repositories with the shape of real ones, and text that is made up. The same number gives the same bytes."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.process import SupportError, program
from support.repositories import CLEAN
from support.sources import Source

from .workspace import git

KINDS = {"local": 30, "block": 25, "mod": 25, "tool": 20}
SERIES = {"4.0": (2022041900, 400), "4.1": (2022112800, 401), "4.2": (2023042400, 402), "4.3": (2023100900, 403)}
RELEASES = 2  # of each series
TAG = "v4.2-r2"  # the newest that fits 4.2, as a code base file names it and as the resolver chooses it
FEWEST, MOST = 30, 150  # files
CHANGING = 4  # a plugin of middling size, with an edition for each round

# Where the files of a plugin lie, and how many of a hundred lie there: counted in plugins with thousands of sites.
PLACES = {
    "classes/event/{word}.php": 14,
    "classes/local/{word}.php": 12,
    "classes/output/{word}.php": 9,
    "classes/form/{word}.php": 7,
    "classes/task/{word}.php": 4,
    "classes/external/{word}.php": 6,
    "backup/moodle2/{word}.class.php": 3,
    "tests/{word}_test.php": 6,
    "tests/behat/{word}.feature": 4,
    "lang/{word}/strings.php": 4,
    "{word}.php": 10,
    "templates/{word}.mustache": 8,
    "amd/src/{word}.js": 4,
    "amd/build/{word}.min.js": 4,
    "pix/{word}.svg": 3,
    "pix/{word}.png": 2,
}
ALWAYS = ("README.md", "settings.php", "lib.php", "styles.css", "db/access.php", "classes/privacy/provider.php")
_SYLLABLES = ("ba", "ce", "do", "fi", "gu", "la", "me", "no", "pi", "ru", "sa", "te", "vo", "xi", "zu")


@dataclass(frozen=True)
class Plugin:
    component: str
    number: int

    @classmethod
    def numbered(cls, number: int) -> Plugin:
        (kind,) = random.Random(f"kind {number}").choices(list(KINDS), list(KINDS.values()))
        return cls(f"{kind}_shape{number:03d}", number)


def make_plugins(folder: Path, count: int, editions: int) -> dict[str, Source]:
    """Bare repositories below ``folder``; one has a tag ``edition-N`` for each edition, in which every PHP file is another."""
    plugins = [Plugin.numbered(number) for number in range(count)]

    def make(plugin: Plugin) -> Source:
        place = folder / f"moodle-{plugin.component}.git"
        place.mkdir(parents=True)
        git(place, "init", "--quiet", "--bare", "--initial-branch=main")
        _import(place, _history(plugin, editions if plugin.number == CHANGING else 0))
        # As a server keeps it after its own housekeeping.
        git(place, "pack-refs", "--all")
        return Source(str(place), TAG)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip((plugin.component for plugin in plugins), pool.map(make, plugins)))


def _import(repository: Path, stream: Iterator[bytes]) -> None:
    command = [program("git", "git"), "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet"]
    done = subprocess.run(command, cwd=repository, input=b"".join(stream), env=CLEAN, capture_output=True, check=False)
    if done.returncode:
        raise SupportError(f"git fast-import ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")


def _history(plugin: Plugin, editions: int) -> Iterator[bytes]:
    """Two releases of each series, then work that is no release: tags, stable branches, and the branches that developers leave."""
    rnd = random.Random(plugin.component)
    files = _files(plugin, rnd)
    mark = 0
    for series, (requires, branch) in SERIES.items():
        for number in range(1, RELEASES + 1):
            mark += 1
            changed = list(files) if mark == 1 else rnd.sample(list(files), max(2, len(files) // 10))
            contents = {path: _content(path, plugin, rnd) for path in changed}
            files.update(contents)
            contents["version.php"] = _version(plugin, requires + 100 * number, requires, branch, f"v{series}-r{number}")
            yield _commit("refs/heads/main", f"Release {series}-r{number}", contents, mark=mark, parent=mark - 1)
            yield _ref(f"refs/tags/v{series}-r{number}", mark)
            if f"v{series}-r{number}" == TAG:
                chosen, version = mark, contents["version.php"]
        yield _ref(f"refs/heads/MOODLE_{branch}_STABLE", mark)
    work = {path: _content(path, plugin, rnd) for path in rnd.sample(list(files), 2)}
    yield _commit("refs/heads/develop", "Work", work, mark=mark + 1, parent=mark)
    # All editions grow from the release that is taken by itself.
    for edition in range(editions):
        line = f"\n// Edition {edition}.\n".encode()
        contents = {path: data + line for path, data in {**files, "version.php": version}.items() if path.endswith(".php")}
        yield _commit(f"refs/tags/edition-{edition}", f"Edition {edition}", contents, mark=mark + 2 + edition, parent=chosen)


def _commit(ref: str, message: str, contents: Mapping[str, bytes], *, mark: int, parent: int) -> bytes:
    head = f"commit {ref}\nmark :{mark}\ncommitter A <a@example.org> {1_700_000_000 + mark} +0000\ndata {len(message)}\n{message}\n"
    lines = [head.encode(), f"from :{parent}\n".encode() if parent else b""]
    for path, data in contents.items():
        lines += [f"M 100644 inline {path}\ndata {len(data)}\n".encode(), data, b"\n"]
    return b"".join(lines)


def _ref(name: str, mark: int) -> bytes:
    return f"reset {name}\nfrom :{mark}\n\n".encode()


def _version(plugin: Plugin, version: int, requires: int, branch: int, release: str) -> bytes:
    lines = [
        "<?php",
        "defined('MOODLE_INTERNAL') || die();",
        f"$plugin->component = '{plugin.component}';",
        f"$plugin->version = {version};",
        f"$plugin->requires = {requires};",
        f"$plugin->release = '{release}';",
        "$plugin->maturity = MATURITY_STABLE;",
    ]
    # Not every maintainer says what a release is for, and some plugins need another one.
    if plugin.number % 3:
        lines.append(f"$plugin->supported = [{branch}, {branch}];")
    if plugin.number % 5 == 3:
        lines.append(f"$plugin->dependencies = ['{Plugin.numbered(plugin.number - 1).component}' => {requires + 100}];")
    return "\n".join([*lines, ""]).encode()


# Files


def _files(plugin: Plugin, rnd: random.Random) -> dict[str, bytes]:
    """Most plugins are small: half of them have fewer than sixty files."""
    count = FEWEST + int((MOST - FEWEST) * rnd.random() ** 2)
    paths = {*ALWAYS, f"lang/en/{plugin.component}.php"}
    while len(paths) < count - 1:  # and version.php
        (place,) = rnd.choices(list(PLACES), list(PLACES.values()))
        paths.add(place.format(word=_word(rnd)))
    return dict.fromkeys(sorted(paths), b"")


def _content(path: str, plugin: Plugin, rnd: random.Random) -> bytes:
    if path.endswith(".png"):
        return b"\x89PNG\r\n\x1a\n" + rnd.randbytes(rnd.randrange(400, 3000))
    pieces = rnd.sample(_pieces(), min(40, 1 + int(rnd.expovariate(1 / 9))))
    name = f"{plugin.component}: {path}, {rnd.random()}"
    if not path.endswith(".php"):
        return f"{name}\n\n{''.join(pieces)}".encode()
    if path.startswith("classes/"):
        return f"<?php\n// {name}\n\nclass {path.rpartition('/')[2].partition('.')[0]} {{\n{''.join(pieces)}}}\n".encode()
    return f"<?php\n// {name}\n\n{''.join(pieces)}".encode()


@cache
def _pieces() -> list[str]:
    """Functions that PHP compiles, each with words above it."""
    rnd = random.Random("pieces")
    return [_piece(number, rnd) for number in range(300)]


def _piece(number: int, rnd: random.Random) -> str:
    words = " ".join(_word(rnd) for _ in range(rnd.randrange(10, 60)))
    steps = "".join(f"    ${_word(rnd)} = strlen($text) + {rnd.randrange(1000)};\n" for _ in range(rnd.randrange(2, 12)))
    return f"/**\n * {words}\n */\nfunction piece_{number}($text) {{\n{steps}    return $text;\n}}\n\n"


def _word(rnd: random.Random) -> str:
    return "".join(rnd.choices(_SYLLABLES, k=rnd.randrange(2, 5)))
