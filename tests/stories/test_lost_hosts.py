# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A delivery in a session, of which a host is lost."""

from __future__ import annotations

import sys

from support.awx import launch
from support.campus import Campus, sessions_of
from support.mail import SmtpServer

TITLE = "Lost"

FAKE_SSH = """#!/bin/sh
# Stands for a host that dies while its release is staged.
! grep -qs '"phase": "updated"' {site}/.delivery/state.json || exit 255
for last; do :; done
exec sh -c "$last"
"""


def test_a_host_that_dies_on_the_way_skips_neither_way_back_nor_mail(campus: Campus, smtp_server: SmtpServer) -> None:
    second = campus.folder / "second"
    ssh = campus.folder / "ssh"
    ssh.write_text(FAKE_SSH.format(site=second))
    ssh.chmod(0o755)
    python = {"ansible_python_interpreter": sys.executable}
    local = {**python, "ansible_connection": "local"}
    far = {
        **python,
        "ansible_connection": "ssh",
        "ansible_ssh_executable": str(ssh),
        "ansible_ssh_args": "",
        "ansible_ssh_transfer_method": "piped",
        "moodle_path": str(second),
    }
    groups = {
        "moodle_build": {"hosts": {"localhost": local}},
        "moodle_web": {"hosts": {"web1": {**local, "moodle_path": str(campus.site)}, "web2": far}},
    }
    variables = campus.variables(
        moodle_session_title=TITLE,
        moodle_smtp_host="127.0.0.1",
        moodle_smtp_port=smtp_server.port,
        moodle_report_recipients="ann@example.org",
    )
    variables.pop("moodle_path")
    done = launch(campus.folder / "job-dead", "deliver", groups, variables)
    assert done.status == "failed"
    assert "web2" in done.stats["dark"], done.log[-3000:]
    opening, closing = smtp_server.mails
    assert "web1, web2" in opening.text
    assert closing.subject == f"Moodle: a delivery FAILED - {TITLE}"
    assert "Not staged: web2." in closing.text
    assert "web1: failed" in closing.text
    assert "web2: out of reach, serves not known" in closing.text
    (one,), (other,) = sessions_of(campus.site), sessions_of(second)
    assert one["id"] == other["id"], "one name for all hosts"
    assert one["closed"]
    assert not other["closed"]

    ssh.write_text(FAKE_SSH.format(site="/nowhere"))
    again = launch(campus.folder / "job-again", "deliver", groups, {**variables, "moodle_session_title": "Next"})
    assert again.status == "successful", again.log[-3000:]
    for site in (campus.site, second):
        assert [session["title"] for session in sessions_of(site)] == [TITLE, "Next"]
        assert all(session["closed"] for session in sessions_of(site))
