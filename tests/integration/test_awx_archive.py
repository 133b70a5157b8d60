# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The four playbooks of the archive in order, as AWX runs them, over two platforms that share a storage; mails tell how far it is."""

from __future__ import annotations

import sys
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.archiving import Archiving, courses_of, make_archiving, make_tree
from support.awx import Job, launch
from support.mail import SmtpServer
from support.mariadb import MariaDB
from support.platforms import Platform

RUN = "session-2025"


@pytest.fixture(scope="module")
def archiving(standin_platform: Platform, database_server: MariaDB, tmp_path_factory: pytest.TempPathFactory) -> Archiving:
    archiving = make_archiving(standin_platform, database_server, tmp_path_factory.mktemp("archive"))
    numbers = [archiving.source.make_course(f"law-{number}") for number in range(2)]
    make_tree(archiving.source, {"name": "Law", "idnumber": "law", "courses": numbers})
    return archiving


@pytest.fixture
def job(archiving: Archiving, smtp_server: SmtpServer, tmp_path: Path) -> Iterator[t.Callable[..., Job]]:
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    platforms = {"moodle_web": {"web1": archiving.source}, "moodle_archive": {"archive1": archiving.archive}}
    groups = {
        group: {"hosts": {name: {**here, "moodle_code": str(site.code)} for name, site in hosts.items()}}
        for group, hosts in platforms.items()
    }
    given = {
        "moodle_web_user": "",
        "moodle_archive_storage": str(archiving.storage),
        "moodle_archive_run": RUN,
        "moodle_php_options": [f"{name}={value}" for name, value in archiving.source.php_settings().items()],
        "moodle_report_recipients": ["ann@example.org"],
        "moodle_report_language": "fr",
        "moodle_smtp_host": "127.0.0.1",
        "moodle_smtp_port": smtp_server.port,
    }

    def job(playbook: str, name: str, cmdline: str = "", **variables: t.Any) -> Job:
        done = launch(tmp_path / name, playbook, groups, {**given, **variables}, cmdline, TMPDIR=str(tmp_path))
        assert done.status == "successful", done.log[-3000:]
        return done

    yield job


def test_the_playbooks_bring_a_session_into_the_archive(archiving: Archiving, job: t.Callable[..., Job], smtp_server: SmtpServer) -> None:
    job("archive", "check", "--check", moodle_archive_category={"idnumber": "law"})
    assert (list(archiving.storage.iterdir()), smtp_server.mails) == ([], [])
    done = job("archive", "archive", moodle_archive_category={"idnumber": "law"}, moodle_archive_mail_every="60")
    assert f"Run {RUN}: 2 courses (2 backed_up)" in done.log
    mail = smtp_server.one()
    assert mail.subject == f"Archivage {RUN} : terminé"
    assert "sauvegardé : 2" in mail.text
    kind, report = mail.attachments[f"archive-{RUN}.html"]
    assert (kind, "law-1" in report, report.count("<rect ")) == ("text/html", True, 1)

    assert "2 courses (2 backed_up)" in job("archive_restore", "restore-check", "--check").log
    assert "2 courses (2 restored)" in job("archive_restore", "restore").log
    assert "2 courses (2 verified)" in job("archive_verify", "verify", moodle_report_language="en").log
    assert smtp_server.mails[-1].subject == f"Archive {RUN}: done"

    done = job("archive_purge", "test-mode")
    (result,) = done.results("course_archive")
    assert (result["changed"], len(courses_of(archiving.source))) == (True, 2)
    done = job("archive_purge", "purge", moodle_archive_confirm=RUN, moodle_archive_empty_categories="true")
    assert "2 courses (2 purged)" in done.log
    assert courses_of(archiving.source) == {}
    assert sorted(courses_of(archiving.archive)) == ["law-0", "law-1"]

    job("archive_give_back", "back", moodle_archive_courses=["law-1"])
    assert sorted(courses_of(archiving.source)) == ["law-1"]
    job("archive_purge", "expire", moodle_archive_side="archive", moodle_archive_confirm=RUN)
    assert courses_of(archiving.archive) == {}
    young = job("archive_purge", "young", moodle_archive_side="backups", moodle_archive_older_than="2020-01-01", moodle_archive_confirm=RUN)
    assert "law-1: it was verified on" in young.log
    assert "Sauvegardes conservées" in smtp_server.mails[-1].text
    job("archive_purge", "backups", moodle_archive_side="backups", moodle_archive_older_than="2999-01-01", moodle_archive_confirm=RUN)
    assert not list(archiving.storage.rglob("*.mbz"))
    assert "libérés" in smtp_server.mails[-1].text
