# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rows stand on: a folder for the run, the sources, and how programs and modules are called."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import ansible
from support.cache import cache_directory
from support.platforms import Platform, real, real_available, standin
from support.process import SupportError, program
from support.process import run as run_program
from support.repositories import CLEAN, MODULES, call_module, module_environment, module_input
from support.sources import Source, resolve, unreadable

ENOUGH = 6 * 2**30
DISK = cache_directory() / "bench"
PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
PHP = PLUGINS / "php"
_REAL_PLUGINS = dict.fromkeys(("tool_redis", "tool_opcache", "mod_attendance"), "MOODLE_402_STABLE")
_STANDIN_PLUGINS = {"tool_steward": "v1.1.0", "theme_campus": "MOODLE_402_STABLE", "mod_board": "v4.2-r2"}


class Missing(Exception):
    """This machine lacks what a race needs; the message says what."""


@dataclass(frozen=True)
class Code:
    """Where core and plugins are cloned from: bare repositories on this disk, one commit each."""

    name: str
    core: Source
    plugins: Mapping[str, Source]


def code(want_real: bool, folder: Path) -> Code:
    """The real Moodle and three of its plugins, or the stand-in where one of them cannot be read, below `folder`."""
    platform, wanted = real(), _REAL_PLUGINS
    sources = [platform.core(), *(Source(platform.plugins[name], ref) for name, ref in wanted.items())]
    reason = next(filter(None, (unreadable(source.url) for source in sources)), None) if want_real else "not asked for"
    if reason:
        platform, wanted = standin(), _STANDIN_PLUGINS
    plugins = {name: _mirror(Source(platform.plugins[name], ref), folder) for name, ref in wanted.items()}
    return Code(title(platform), _mirror(platform.core(), folder), plugins)


def site_platform(want_real: bool) -> Platform:
    """Where an installed site comes from, by the same rule."""
    for name, package in (("mariadbd", "mariadb-server"), ("php", "php-cli")):
        try:
            program(name, package)
        except SupportError as missing:
            raise Missing(str(missing)) from None
    return real() if want_real and real_available()[0] else standin()


def title(platform: Platform) -> str:
    return f"Moodle {platform.old}" if platform.name == "real" else "the stand-in"


def _mirror(source: Source, folder: Path) -> Source:
    """A bare repository below `folder` with the source's files as one commit.

    It is on the disk on which it will be cloned, so that Git clones it with hard links: the ordinary way at its quickest.
    """
    commit = resolve(source)
    kept = cache_directory() / "bench" / f"{commit}.git"
    if not kept.is_dir():
        kept.parent.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="mirror-", dir=kept.parent))
        git(fresh, "init", "--quiet", "--bare")
        fetch = ["git", "fetch", "--quiet", "--depth=1", "--no-tags", source.url, f"+{source.ref}:refs/fetched"]
        run_program(fetch, cwd=fresh, timeout=1800).must_succeed()
        one = git(fresh, "commit-tree", "-m", source.ref, f"{commit}^{{tree}}")
        git(fresh, "update-ref", "-d", "refs/fetched")
        git(fresh, "tag", source.ref, one)
        # What only the fetched commit needed goes, and with it the mark of a shallow repository, which Git clones slowly.
        git(fresh, "repack", "-a", "-d", "-q")
        git(fresh, "prune", "--expire=now")
        with contextlib.suppress(OSError):  # another run was quicker
            fresh.rename(kept)
        remove(fresh)
    return Source(str(shutil.copytree(kept, folder / kept.name)), source.ref)


def git(directory: Path | str, *words: str | Path) -> str:
    """What Git prints; nobody's own settings take part."""
    return run_program([program("git", "git"), *words], cwd=Path(directory), env=CLEAN).must_succeed().out.strip()


def command(*words: str | Path, cwd: Path | None = None, out: Path | None = None) -> None:
    run_program(words, cwd=cwd, env=CLEAN, stdout_file=out).must_succeed()


def module(name: str, arguments: Mapping[str, Any], *, changed: bool, **environment: str) -> dict[str, Any]:
    """A module in a process of its own; that it did what was measured is part of the measurement."""
    result = call_module(name, arguments, **environment)
    return checked(name, result, changed=changed)


class Ready:
    """A module whose Python has started and has read all that it needs: it waits for its arguments."""

    def __init__(self, name: str) -> None:
        self.name = name
        program = f"from {MODULES} import {name}; print(flush=True); {name}.main()"
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, env=module_environment())
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def module(self, arguments: Mapping[str, Any], *, changed: bool) -> dict[str, Any]:
        answer = self.process.communicate(module_input(arguments))[0]
        return checked(self.name, json.loads(answer.splitlines()[-1]), changed=changed)


def start(name: str) -> None:
    """What Python does before a module begins: the module, and all that it needs, is read."""
    run_program([sys.executable, "-c", f"import {MODULES}.{name}"], env=module_environment()).must_succeed()


def packed(folder: Path) -> dict[str, str]:
    """The environment of modules that come to a host as Ansible brings them: in one archive that Python compiles each time."""
    shared, files = Path(ansible.__file__).parent / "module_utils", dict[str, Path]()
    for root, inside in ((shared, "ansible/module_utils"), (PLUGINS, "ansible_collections/lms/moodle/plugins")):
        files.update((f"{inside}/{file.relative_to(root)}", file) for file in root.rglob("*.py"))
    packages = {str(parent) for name in files for parent in PurePosixPath(name).parents[:-1]}
    with zipfile.ZipFile(folder / "modules.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files.items():
            archive.write(file, name)
        for package in sorted(packages):
            if f"{package}/__init__.py" not in files:
                archive.writestr(f"{package}/__init__.py", f"__version__ = '{ansible.__version__}'\n")
    return {"PYTHONPATH": str(folder / "modules.zip")}


def checked(name: str, result: dict[str, Any], *, changed: bool) -> dict[str, Any]:
    if result.get("failed") or result["changed"] is not changed:
        raise SupportError(f"{name}: changed={changed} was expected, and this came: {json.dumps(result)[:2000]}")
    return result


@contextlib.contextmanager
def scratch(home: Path) -> Iterator[Path]:
    """A folder for one run, gone after it."""
    home.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="lms-moodle-bench-", dir=home))
    try:
        yield folder
    finally:
        remove(folder)


def quiet_disk() -> Path:
    """Memory where there is enough of it: what a busy disk adds at random, to either side, would hide what is compared."""
    memory = Path("/dev/shm")  # noqa: S108 - scratch() makes a folder of its own in it
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ENOUGH:
        return memory
    return DISK


def file_system(folder: Path) -> str:
    """Its type as the kernel names it; of one that is not there yet, that of the folder it will be in."""
    folder = next(place for place in (folder, *folder.parents) if place.exists())
    return run_program(["stat", "--file-system", "--format=%T", folder]).must_succeed().out.strip()


def remove(folder: Path) -> None:
    """Releases are sealed: their directories have to be opened first."""
    for place, _, _ in os.walk(folder):
        Path(place).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
