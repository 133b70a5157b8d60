# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What users see while code is swapped under them, forwards and back: nginx and PHP-FPM as the role site configures them."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
from support.process import program
from support.repositories import Source
from support.web import free_port

from .measure import Counted
from .workspace import Missing, command, module, remove

ROLE = Path(__file__).resolve().parents[2] / "roles" / "site" / "templates"
REQUESTS, SWAPS, USERS, PAUSE = 20_000, 40, 6, 0.1
PAGE = """<?php
$first = require __DIR__ . '/lib/first.php';
usleep(2000);
$last = require __DIR__ . '/lib/last.php';
echo "$first $last";
"""
SERVER = """{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
worker_processes 1;
daemon off;
events {{}}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {folder}/body;
    fastcgi_temp_path {folder}/fastcgi;
    proxy_temp_path {folder}/proxy;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    include {folder}/site.conf;
}}
"""
POOL = """[global]
error_log = {folder}/fpm.log
daemonize = no
[site]
listen = {folder}/php.sock
listen.mode = 0666
{user}
pm = static
pm.max_children = 6
"""


def story(folder: Path) -> Counted:
    ours, moved, copied = folder / "ours", folder / "moved", folder / "copied"
    source = Source(folder / "source")
    for mark in "ab":
        source.commit(files(mark), tag=mark)
        module("moodle_delivery", deliver(ours, source, mark), changed=True)
    for place in (moved, copied):
        for mark, name in (("a", "current"), ("b", "next")):
            command("git", "clone", "--quiet", "--branch", mark, str(source.path), str(place / name))
    for mark in "ab":
        command("git", "clone", "--quiet", "--branch", mark, str(source.path), str(copied / mark))
    ways = {
        "module, `rolled_back` to the one and the other": (ours, lambda turn: back(ours, "ab"[turn % 2])),
        "two `mv`": (moved, lambda _turn: two_renames(moved)),
        "`rsync` in place": (copied, lambda turn: in_place(copied, "ba"[turn % 2])),
    }
    seen = {name: under_load(folder, root, swap) for name, (root, swap) in ways.items()}
    return Counted("swaps under load", ("requests", "swaps", "errors", "answers mixed from two releases"), seen)


def files(mark: str) -> dict[str, str]:
    parts = {f"lib/part{number}.php": f"<?php // {mark}\n" for number in range(300)}
    return {"index.php": PAGE, "lib/first.php": f"<?php return '{mark}';\n", "lib/last.php": f"<?php return '{mark}';\n", **parts}


def deliver(root: Path, source: Source, mark: str) -> dict[str, object]:
    return {"path": str(root), "state": "live", "repository": str(source.path), "revision": mark, "release_id": mark}


def back(root: Path, mark: str) -> None:
    module("moodle_delivery", {"path": str(root), "state": "rolled_back", "release_id": mark}, changed=True)


def two_renames(place: Path) -> None:
    command("mv", str(place / "current"), str(place / "saved"))
    command("mv", str(place / "next"), str(place / "current"))
    (place / "saved").rename(place / "next")


def in_place(place: Path, mark: str) -> None:
    command("rsync", "-a", "--checksum", "--delete", f"{place / mark}/", f"{place / 'current'}/")


def under_load(folder: Path, root: Path, swap: Callable[[int], None]) -> tuple[int, int, int, int]:
    """Requests, swaps, errors, mixed answers; it ends when there were enough of both."""
    with serving(folder / "web", root) as port:
        load = Load(port)
        users = [threading.Thread(target=load.user, daemon=True) for _ in range(USERS)]
        for user in users:
            user.start()
        swaps = 0
        while swaps < SWAPS or load.answers.total() < REQUESTS:
            time.sleep(PAUSE)
            swap(swaps)
            swaps += 1
        load.over.set()
        for user in users:
            user.join()
    return load.answers.total(), swaps, load.answers["error"], load.answers["mixed"]


@dataclass
class Load:
    port: int

    def __post_init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self.over = threading.Event()

    def user(self) -> None:
        connection = None
        while not self.over.is_set():
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.request("GET", "/")
                answer = connection.getresponse()
                marks = answer.read().decode(errors="replace").split(" ")
                fine = answer.status == http.client.OK and len(marks) == 2 and set(marks) <= {"a", "b"}
                self.answers["error" if not fine else "same" if marks[0] == marks[1] else "mixed"] += 1
            except (OSError, http.client.HTTPException):
                self.answers["error"] += 1
                connection = None


@contextlib.contextmanager
def serving(folder: Path, root: Path) -> Iterator[int]:
    """nginx with the role's own configuration, and PHP-FPM, in front of `root`/current."""
    try:
        nginx, fpm = program("nginx", "nginx"), program_of_fpm()
    except Exception as missing:
        raise Missing(str(missing)) from None
    remove(folder)
    folder.mkdir()
    folder.chmod(0o755)
    port = free_port()
    template = jinja2.Environment(autoescape=False).from_string((ROLE / "nginx.conf.j2").read_text())  # noqa: S701 - no page, a configuration
    site = template.render(
        site_path=root,
        site_server_names=[],
        site_public=False,
        site_upload_size="1m",
        site_php_socket=folder / "php.sock",
        ansible_managed="",
    )
    here = {"listen 80": f"listen 127.0.0.1:{port}", "listen [::]:80": f"listen [::1]:{port}", "include f": "include /etc/nginx/f"}
    for theirs, own in here.items():
        site = site.replace(theirs, own)
    (folder / "site.conf").write_text(site)
    # The folder of a benchmark is its user's alone; who is root stays root here.
    root_user = os.geteuid() == 0
    (folder / "nginx.conf").write_text(SERVER.format(folder=folder, user="user root;" if root_user else ""))
    (folder / "fpm.conf").write_text(POOL.format(folder=folder, user="user = root\ngroup = root" if root_user else ""))
    ini = jinja2.Environment(autoescape=False).from_string((ROLE / "php.ini.j2").read_text())  # noqa: S701
    (folder / "php.ini").write_text(
        "zend_extension=opcache\n" + ini.render(site_web_server="nginx", site_opcache_megabytes=64, ansible_managed="")
    )
    as_root = ["--allow-to-run-as-root"] if root_user else []
    pool = [fpm, *as_root, "--nodaemonize", "--fpm-config", str(folder / "fpm.conf"), "-c", str(folder / "php.ini")]
    started = [subprocess.Popen(line, stderr=subprocess.DEVNULL) for line in (pool, [nginx, "-c", str(folder / "nginx.conf")])]
    try:
        answers(port)
        yield port
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def answers(port: int) -> None:
    for _ in itertools.repeat(None, 100):
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            if connection.getresponse().status == http.client.OK:
                return
        time.sleep(0.1)
    raise Missing("nginx and PHP-FPM do not answer")


def program_of_fpm() -> str:
    found = sorted(Path("/usr/sbin").glob("php-fpm*"))
    if not found:
        raise Missing("php-fpm is missing (on Debian: apt-get install php-fpm)")
    return str(found[-1])
