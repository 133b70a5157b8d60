# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nginx or Apache with PHP-FPM, as the role site configures them, in front of a delivery root; and users who ask them."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from .process import SupportError, program
from .web import free_port

ROLE = Path(__file__).resolve().parents[2] / "roles" / "site" / "templates"
NGINX = """{user}
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
    include {folder}/names/*;
}}
"""
APACHE = """ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
ServerName localhost
{listen}
{modules}
"""
APACHE_MODULES = ("mpm_event", "authz_core", "dir", "mime", "rewrite", "proxy", "proxy_fcgi", "ssl")
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


@dataclass
class Load:
    """Users of a page that says twice from which release it comes, once from its first file and once from its last."""

    port: int
    users: int

    def __post_init__(self) -> None:
        self.answers: Counter[str] = Counter()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._user, daemon=True) for _ in range(self.users)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _user(self) -> None:
        connection = None
        while not self._over.is_set():
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


PAGE = """<?php
$first = require __DIR__ . '/lib/first.php';
usleep(2000);
$last = require __DIR__ . '/lib/last.php';
echo "$first $last";
"""


def page(mark: str) -> dict[str, str]:
    """The files of a release that such users ask."""
    return {"index.php": PAGE, "lib/first.php": f"<?php return '{mark}';\n", "lib/last.php": f"<?php return '{mark}';\n"}


@contextlib.contextmanager
def serving(
    folder: Path, root: Path, server: str = "nginx", *, php: Mapping[str, str] | None = None, more: Sequence[int] = ()
) -> Iterator[int]:
    """The port on which the server (nginx or apache) answers, with the role's own configuration, for `root`/current.

    What lies in `folder`/names is part of its configuration, and may use the ports in `more`.
    """
    fpm = program_of_fpm()
    folder.mkdir()
    folder.chmod(0o755)
    (folder / "names").mkdir()
    port = free_port()
    # The folder of a test is its user's alone; who is root stays root here.
    is_root = os.geteuid() == 0
    answers = {"names": [], "port": 80, "certificate": "", "key": "", "redirect": False}
    site = rendered(f"{server}.conf.j2", site_path=root, site_servers=[answers], site_upload_size="1m", site_php_socket=folder / "php.sock")
    if server == "nginx":
        here = {"listen 80": f"listen 127.0.0.1:{port}", "listen [::]:80": f"listen [::1]:{port}"}
        # Looked for beside the main configuration.
        (folder / "fastcgi_params").symlink_to("/etc/nginx/fastcgi_params")
        main = NGINX.format(folder=folder, user="user root;" if is_root else "")
        arguments = []
    else:
        here = {"*:80": f"127.0.0.1:{port}"}
        modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in APACHE_MODULES)
        modules += f"\nTypesConfig /etc/mime.types\nInclude {folder}/site.conf\nIncludeOptional {folder}/names/*.conf"
        listen = "\n".join(f"Listen 127.0.0.1:{number}" for number in (port, *more))
        main = APACHE.format(folder=folder, listen=listen, modules=modules)
        arguments = ["-DFOREGROUND"]
    for theirs, own in here.items():
        site = site.replace(theirs, own)
    (folder / "site.conf").write_text(site)
    (folder / "web.conf").write_text(main)
    (folder / "fpm.conf").write_text(POOL.format(folder=folder, user="user = root\ngroup = root" if is_root else ""))
    settings = "".join(f"\n{name} = {value}" for name, value in (php or {}).items())
    (folder / "php.ini").write_text(
        "zend_extension=opcache\n" + rendered("php.ini.j2", site_web_server=server, site_opcache_megabytes=64) + settings
    )
    as_root = ["--allow-to-run-as-root"] if is_root else []
    pool = [fpm, *as_root, "--nodaemonize", "--fpm-config", str(folder / "fpm.conf"), "-c", str(folder / "php.ini")]
    started = [subprocess.Popen(line, stderr=subprocess.DEVNULL) for line in (pool, [*command(folder, server), *arguments])]
    try:
        _wait_for(port, server)
        yield port
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def command(folder: Path, server: str) -> list[str]:
    """What starts, tests and tells the server of that folder."""
    if server == "nginx":
        return [program("nginx", "nginx"), "-c", str(folder / "web.conf")]
    return [program("apache2", "apache2-bin"), "-f", str(folder / "web.conf")]


def rendered(template: str, **variables: object) -> str:
    environment = jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined, trim_blocks=True)  # noqa: S701 - no page, a configuration
    return environment.from_string((ROLE / template).read_text()).render(ansible_managed="", **variables)


def program_of_fpm() -> str:
    found = sorted(Path("/usr/sbin").glob("php-fpm*"))
    if not found:
        raise SupportError("php-fpm is not installed: install it (Debian: apt-get install php-fpm)")
    return str(found[-1])


def _wait_for(port: int, server: str) -> None:
    for _ in itertools.repeat(None, 100):
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/")
            if connection.getresponse().status == http.client.OK:
                return
        time.sleep(0.1)
    raise SupportError(f"{server} and PHP-FPM do not answer")
