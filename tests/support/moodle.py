# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Moodle site for tests: the same code for the real one and for the stand-in."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .cache import cache_directory
from .config_php import VMOODLE, write_config
from .mariadb import MariaDB
from .nodes import Node, create_node, give_identity
from .platforms import Platform
from .postgresql import PostgreSQL
from .process import Result, program, run
from .sources import Source, check_out, resolve

OVERRIDE = Path(__file__).with_name("override.php")
ADMIN_PASSWORD = "Sesame-4-tests!"  # noqa: S105 - opens a site that lives as long as a test
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Site:
    """One Moodle: where its code, data and database are, and how to run its scripts."""

    platform: Platform
    code: Path
    dataroot: Path
    server: MariaDB | PostgreSQL
    database: str
    wwwroot: str
    dump: Path
    """The database as it was right after the installation."""

    def php(self, *words: str | Path, env: Mapping[str, str] | None = None, timeout: float = 300) -> Result:
        """Run PHP with the settings that Moodle's command line asks for, input closed."""
        return run([*self.php_command(), *words], cwd=self.code, env=env, timeout=timeout)

    def php_command(self) -> list[str]:
        settings = (("-d", f"{name}={value}") for name, value in self.php_settings().items())
        return [program("php", "php-cli"), *itertools.chain.from_iterable(settings)]

    def php_settings(self) -> dict[str, str]:
        # VMoodle connects to localhost without a socket of its own: PHP's default one must be ours.
        return {"max_input_vars": "5000", "memory_limit": "512M", "mysqli.default_socket": str(self.server.socket)}

    def cli(
        self,
        script: str,
        *args: str,
        node: Node | str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> Result:
        """Run a script of this Moodle; with `node`, as that virtual node through VMoodle's override."""
        if node is None:
            return self.php(self.code / script, *args, env=env, timeout=timeout)
        wwwroot = node if isinstance(node, str) else node.wwwroot
        prepend = ("-d", f"auto_prepend_file={OVERRIDE}")
        return self.php(*prepend, self.code / script, *args, env={**(env or {}), "LMS_MOODLE_NODE": wwwroot}, timeout=timeout)

    def query(self, sql: str, node: Node | None = None) -> list[dict[str, str | None]]:
        return self.server.execute(sql, node.database if node else self.database)

    def config(self, name: str, node: Node | None = None) -> str | None:
        """A value of Moodle's config table, past Moodle."""
        rows = self.query(f"SELECT value FROM mdl_config WHERE name = '{name}'", node)  # noqa: S608
        return rows[0]["value"] if rows else None

    def add_node(self, name: str, *, wwwroot: str | None = None, enabled: bool = True, dump: Path | None = None) -> Node:
        """A further virtual node, in the state of the installation (or of another dump)."""
        return create_node(
            self.server,
            master=self.database,
            dump=dump or self.dump,
            name=name,
            wwwroot=wwwroot or f"http://{name}.campus.test",
            dataroot=self.dataroot.parent / f"data-{name}",
            enabled=enabled,
        )

    def make_course(self, shortname: str, *, size: str = "XS", node: Node | None = None) -> int:
        """A generated course with activities, files and people; returns its id."""
        script = "admin/tool/generator/cli/maketestcourse.php"
        self.cli(script, f"--shortname={shortname}", f"--size={size}", "--bypasscheck", "--quiet", node=node).must_succeed()
        rows = self.query(f"SELECT id FROM mdl_course WHERE shortname = '{shortname}'", node)  # noqa: S608
        return int(rows[0]["id"] or 0)

    def on(self, ref: str, code: Path, plugins: Mapping[str, Source] | None = None) -> Site:
        """The same site (data, database, address) on the code of another release, put into `code`."""
        check_out_code(self.platform, ref, code, virtual=(self.code / VMOODLE).is_dir(), plugins=plugins)
        site = replace(self, code=code)
        site.configure()
        return site

    def configure(self, extra: str = "") -> None:
        """Write config.php again, with more settings if wanted (PHP)."""
        write_config(self.code, server=self.server, database=self.database, dataroot=self.dataroot, wwwroot=self.wwwroot, extra=extra)


def check_out_code(platform: Platform, ref: str, code: Path, *, virtual: bool = True, plugins: Mapping[str, Source] | None = None) -> Path:
    """A Moodle's files: core at a ref, VMoodle if wanted, and plugins by their path in the code."""
    check_out(platform.core(ref), code)
    for path, source in _parts(platform, virtual, plugins).items():
        check_out(source, code / path)
    return code


def installed_site(
    platform: Platform,
    directory: Path,
    server: MariaDB | PostgreSQL,
    *,
    ref: str | None = None,
    virtual: bool = True,
    plugins: Mapping[str, Source] | None = None,
    wwwroot: str = "http://campus.test",
    database: str | None = None,
) -> Site:
    """A site with its database installed, or loaded from the dump that an earlier run of the same commits left."""
    site = Site(
        platform=platform,
        code=check_out_code(platform, ref or platform.old, directory / "code", virtual=virtual, plugins=plugins),
        dataroot=directory / "data",
        server=server,
        database=database or f"site{next(_numbers)}",
        wwwroot=wwwroot,
        dump=cache_directory() / "dumps" / f"{_installation(platform, ref or platform.old, virtual, plugins)}.{server.dbtype}.sql",
    )
    site.dataroot.mkdir(parents=True, exist_ok=True)
    site.configure()
    if not load_installation(site):
        server.create(site.database)
        install_database(site).must_succeed()
        keep_installation(site)
    return site


def load_installation(site: Site) -> bool:
    """Fill the site's database from its dump; False where no earlier run left one."""
    if not site.dump.exists():
        return False
    site.server.load(site.database, site.dump)
    give_identity(site.server, site.database, site.wwwroot)
    # The database names files that lie beside it in the data.
    filedir = site.dump.with_suffix(".filedir")
    if filedir.is_dir():
        shutil.copytree(filedir, site.dataroot / "filedir")
    return True


def keep_installation(site: Site) -> None:
    """Leave the database, and the files that it names, for later runs."""
    if (site.dataroot / "filedir").is_dir():
        shutil.copytree(site.dataroot / "filedir", site.dump.with_suffix(".filedir"), dirs_exist_ok=True)
    site.server.dump(site.database, site.dump)


def install_database(site: Site) -> Result:
    """Moodle's own installation into an empty database."""
    return site.cli(
        "admin/cli/install_database.php",
        "--agree-license",
        f"--adminpass={ADMIN_PASSWORD}",
        "--adminemail=admin@campus.test",
        "--fullname=Campus",
        "--shortname=campus",
        timeout=900,
    )


def _parts(platform: Platform, virtual: bool, plugins: Mapping[str, Source] | None) -> dict[str, Source]:
    return {**({str(VMOODLE): platform.virtual()} if virtual else {}), **(plugins or {})}


def _installation(platform: Platform, ref: str, virtual: bool, plugins: Mapping[str, Source] | None) -> str:
    """A name for what an installation was made of: its commits, and nothing else."""
    parts = {".": platform.core(ref), **_parts(platform, virtual, plugins)}
    commits = "\n".join(f"{path} {resolve(source)}" for path, source in sorted(parts.items()))
    return f"{platform.name}-{hashlib.sha256(commits.encode()).hexdigest()[:16]}"
