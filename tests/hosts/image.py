# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of the test hosts: made once, kept as an archive under .cache/hosts, loaded again when the engine lost it."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hosts.engine import CACHE, ON_DEBIAN, Engine, MissingError, choose

HERE = Path(__file__).resolve().parent
TAG = "localhost/moodle-host:1"
LABEL = "lms.moodle.hosts.key"
SUITE = "bookworm"
INGREDIENTS = ("packages.txt", "provision", "Containerfile")
SMALL = (
    "--variant=minbase",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)
SETTINGS = {"LABEL": LABEL, "STOPSIGNAL": "SIGRTMIN+3", "CMD": '["/sbin/init"]'}
# Settings of this machine's apt without which the mirrors that it uses cannot be read.
APT_SETTINGS = ("Acquire::http::", "Acquire::https::", "Acquire::Check-", "Acquire::Retries")


def ensure(engine: Engine, *, rebuild: bool = False) -> str:
    """Makes sure that the engine has the image; returns what was done, empty when nothing was to do."""
    key = _key()
    archive = CACHE / f"moodle-host-{key}.tar.zst"
    with _alone():
        if not rebuild and _present_key(engine) == key:
            return ""
        start = time.monotonic()
        if not rebuild and archive.exists() and shutil.which("zstd"):
            _pipe(engine, ["zstd", "--decompress", "--quiet", "--stdout", str(archive)], engine.command("load", "--quiet"))
            return f"Loaded {TAG} from {archive.relative_to(CACHE.parents[1])} in {time.monotonic() - start:.0f} s."
        how = _make(engine, key)
        _keep(engine, archive)
        return f"Made {TAG} with {how} in {time.monotonic() - start:.0f} s."


def packages() -> list[str]:
    lines = (HERE / "packages.txt").read_text(encoding="utf-8").splitlines()
    return [word for line in lines if (word := line.partition("#")[0].strip())]


def _key() -> str:
    """Changes with whatever changes the contents."""
    digest = hashlib.sha256(repr((SUITE, SMALL, SETTINGS)).encode())
    for name in INGREDIENTS:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:16]


def _present_key(engine: Engine) -> str:
    template = f'{{{{index .Config.Labels "{LABEL}"}}}}' if engine.name == "docker" else f'{{{{index .Labels "{LABEL}"}}}}'
    return engine.run("image", "inspect", "--format", template, TAG, check=False).stdout.strip()


def _make(engine: Engine, key: str) -> str:
    sources = _sources()
    if os.geteuid() == 0 and shutil.which("mmdebstrap") and sources:
        changes = [f"--change={name} {value}" for name, value in {**SETTINGS, "LABEL": f"{LABEL}={key}"}.items()]
        _pipe(engine, _mmdebstrap(sources), engine.command("import", *changes, "-", TAG))
        return "mmdebstrap"
    with _log() as log:
        command = engine.command("build", "--tag", TAG, "--build-arg", f"KEY={key}", "--file", str(HERE / "Containerfile"), str(HERE))
        if subprocess.run(command, env=engine.full_environment(), stdout=log, stderr=log, check=False).returncode != 0:
            raise MissingError(
                f"`{engine.name} build` could not make {TAG} from Debian's image (see .cache/hosts/image.log);"
                f" as root on Debian no image need be fetched: {ON_DEBIAN}."
            )
    return f"{engine.name} build"


def _mmdebstrap(sources: list[str]) -> list[str]:
    return [
        "mmdebstrap",
        "--quiet",
        *SMALL,
        f"--include={','.join(packages())}",
        *(f"--aptopt={setting}" for setting in _apt_settings()),
        f"--customize-hook=copy-in {HERE / 'provision'} /tmp",
        '--customize-hook=chroot "$1" /tmp/provision',
        '--customize-hook=rm "$1/tmp/provision"',
        SUITE,
        "-",
        *sources,
    ]


def _sources() -> list[str]:
    """The suite as this machine's own apt reads it."""
    if not shutil.which("apt-get"):
        return []
    template = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(CODENAME) $(ORIGIN)"
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", template, "Created-By: Packages"], capture_output=True, text=True, check=False
    )
    found: dict[tuple[str, str], set[str]] = {}
    for line in listed.stdout.splitlines():
        uri, release, component, codename, origin = (line.split(" ") + [""] * 5)[:5]
        if origin == "Debian" and codename.partition("-")[0] == SUITE:
            found.setdefault((uri, release), set()).add(component)
    if not any(release == SUITE for _, release in found):
        return []
    return [f"deb {uri} {release} {' '.join(sorted(components))}" for (uri, release), components in found.items()]


def _apt_settings() -> list[str]:
    dumped = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    return [line for line in dumped.stdout.splitlines() if line.startswith(APT_SETTINGS) and not line.endswith(' "";')]


def _keep(engine: Engine, archive: Path) -> None:
    """Leaves the archive in the cache, whole or not at all, and takes away those of earlier contents."""
    if not shutil.which("zstd"):
        return
    unfinished = archive.with_suffix(".partial")
    _pipe(engine, engine.command("save", TAG), ["zstd", "-3", "--threads=0", "--quiet", "--force", "-o", str(unfinished)])
    unfinished.replace(archive)
    for other in CACHE.glob("moodle-host-*"):
        if other != archive:
            other.unlink()


def _pipe(engine: Engine, first: list[str], second: list[str]) -> None:
    with _log() as log, subprocess.Popen(first, stdout=subprocess.PIPE, stderr=log, env=engine.full_environment()) as source:
        sink = subprocess.run(second, stdin=source.stdout, stdout=log, stderr=log, env=engine.full_environment(), check=False)
    for command, code in ((first, source.returncode), (second, sink.returncode)):
        if code != 0:
            raise RuntimeError(f"`{Path(command[0]).name}` failed while the image of the test hosts was made: see .cache/hosts/image.log.")


@contextmanager
def _log() -> Iterator[int]:
    """What the tools say stays on this machine: it names the mirrors that this machine uses."""
    with (CACHE / "image.log").open("ab") as log:
        yield log.fileno()


@contextmanager
def _alone() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/hosts/image", description=__doc__)
    parser.add_argument("--rebuild", action="store_true", help="make it anew, with today's packages")
    arguments = parser.parse_args()
    try:
        done = ensure(choose(), rebuild=arguments.rebuild)
    except (MissingError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 2
    if done:
        print(done)
    return 0


if __name__ == "__main__":
    sys.exit(main())
