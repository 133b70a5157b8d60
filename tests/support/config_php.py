# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration files of a site under test."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import jinja2

from .mariadb import MariaDB
from .postgresql import PostgreSQL
from .process import SupportError

VMOODLE = Path("local/vmoodle")
TEMPLATE = Path(__file__).resolve().parents[2] / "roles/site/templates/config.php.j2"


def write_config(code: Path, *, server: MariaDB | PostgreSQL, database: str, dataroot: Path, wwwroot: str, extra: str = "") -> Path:
    """Write `config.php` into the code; with VMoodle's hook and its `vconfig.php` when VMoodle is there.

    `extra` is PHP that goes between the settings and the hook.
    """
    hook = ""
    if (code / VMOODLE).is_dir():
        write_vconfig(code, server=server, database=database)
        hook = """
if (isset($CLI_VMOODLE_PRECHECK) && $CLI_VMOODLE_PRECHECK == true) {
    $CLI_VMOODLE_PRECHECK = false;
    return;
}
include $CFG->dirroot . '/local/vmoodle/vconfig.php';
"""
    file = code / "config.php"
    file.write_text(f"""<?php
unset($CFG);
global $CFG, $CLI_VMOODLE_PRECHECK;
$CFG = new stdClass();
$CFG->dbtype = '{server.dbtype}';
$CFG->dblibrary = 'native';
$CFG->dbhost = '{server.host}';
$CFG->dbname = '{database}';
$CFG->dbuser = '{server.user}';
$CFG->dbpass = '{server.password}';
$CFG->prefix = 'mdl_';
$CFG->dboptions = {server.dboptions};
$CFG->wwwroot = '{wwwroot}';
$CFG->dataroot = '{dataroot}';
$CFG->dirroot = __DIR__;
$CFG->admin = 'admin';
$CFG->directorypermissions = 02770;
$CFG->noemailever = true;
{extra}{hook}
require_once(__DIR__ . '/lib/setup.php');
""")
    return file


def write_rendered(code: Path, *, server: MariaDB, database: str, dataroot: Path, wwwroot: str, settings: dict[str, t.Any]) -> Path:
    """Write the `config.php` that the role site renders for a VMoodle."""
    # Not at the top: most tests need no Ansible.
    from ansible_collections.lms.moodle.plugins.module_utils.common.php_literal import php_literal  # noqa: PLC0415

    environment = jinja2.Environment(autoescape=False, undefined=jinja2.StrictUndefined, trim_blocks=True)  # noqa: S701 - no page
    environment.filters["lms.moodle.php_value"] = php_literal
    access = {"host": server.host, "socket": str(server.socket), "name": database, "user": server.user, "password": server.password}
    given = {"wwwroot": wwwroot, "dataroot": str(dataroot), "database": access, "settings": settings, "vmoodle": True}
    file = code / "config.php"
    file.write_text(environment.from_string(TEMPLATE.read_text()).render({f"site_{name}": value for name, value in given.items()}))
    return file


def write_vconfig(code: Path, *, server: MariaDB | PostgreSQL, database: str) -> Path:
    """VMoodle's own template, filled in with the access to the master's database."""
    text = (code / VMOODLE / "vconfig-dist.php").read_text()
    values = {
        "vmasterdbhost": server.host,
        "vmasterdbtype": "mariadb",
        "vmasterdbname": database,
        "vmasterdblogin": server.user,
        "vmasterdbpass": server.password,
        "vmasterprefix": "mdl_",
    }
    for name, value in values.items():
        text, found = re.subn(rf"^(\$CFG->{name}\s*=\s*)'[^']*';", rf"\g<1>'{value}';", text, flags=re.MULTILINE)
        if found != 1:
            raise SupportError(f"{code / VMOODLE / 'vconfig-dist.php'} sets $CFG->{name} {found} times, expected once")
    file = code / VMOODLE / "vconfig.php"
    file.write_text(text)
    return file
