# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deliveries in sessions, as AWX runs them: mailed through a real SMTP server, reported, noted in the journal, whatever happens."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from support.awx import Job, launch
from support.campus import Campus, sessions_of
from support.mail import SmtpServer
from support.mariadb import MariaDB
from support.web import free_port

TITLE = "Mise à jour d'été <script>alert(1)</script>"
SILENT_SITE = "http://127.0.0.1:9/"  # nobody listens on the port of discard


def job(campus: Campus, server: SmtpServer | None, name: str, playbook: str = "deliver", cmdline: str = "", **variables: t.Any) -> Job:
    mails = {
        "moodle_smtp_host": "127.0.0.1",
        "moodle_smtp_port": server.port if server else free_port(),
        "moodle_report_recipients": ["ann@example.org", "bob@example.org"],
        "moodle_report_sender": "moodle@example.org",
    }
    given = campus.variables(**{**mails, **variables})
    # She has no home here, and Ansible would make one where it stands.
    ann = {"USER": "ann", "SSH_CONNECTION": "192.0.2.7 1 192.0.2.8 22", "ANSIBLE_REMOTE_TEMP": str(campus.folder / "ansible")}
    return launch(campus.folder / f"job-{name}", playbook, campus.inventory(), given, cmdline, **ann)


def journal(site: Path) -> list[dict[str, t.Any]]:
    return [json.loads(line) for line in (site / ".delivery/journal.jsonl").read_text().splitlines()]


def test_check_mode_opens_no_session_and_sends_no_mail(campus: Campus, smtp_server: SmtpServer) -> None:
    checked = job(campus, smtp_server, "check", cmdline="--check", moodle_session_title=TITLE)
    assert checked.status == "successful", checked.log[-3000:]
    assert not smtp_server.mails
    assert not (campus.site / ".delivery").exists()


def test_the_story_of_a_session(campus: Campus, smtp_server: SmtpServer) -> None:
    """One story, since each delivery begins where the one before ended."""
    opened = job(campus, smtp_server, "opened", moodle_session_title=TITLE, moodle_session_impact="aucun", moodle_session_close=False)
    assert opened.status == "successful", opened.log[-3000:]
    opening, closing = smtp_server.mails
    smtp_server.mails.clear()
    assert opening.subject == f"Moodle: a delivery begins - {TITLE}"
    assert closing.subject == f"Moodle: a delivery has ended - {TITLE}"
    for mail in (opening, closing):
        assert mail.recipients == ["ann@example.org", "bob@example.org"]
        assert "ann from 192.0.2.7" in mail.text
        assert "aucun" in mail.text
    assert campus.served() in closing.text
    (session,) = sessions_of(campus.site)
    assert (session["closed"], session["by"]) == (None, "ann from 192.0.2.7")

    campus.declare("4.3.0")
    failed = job(
        campus,
        smtp_server,
        "failed",
        moodle_session=True,
        moodle_report_language="fr",
        moodle_report_folder=str(campus.folder / "reports"),
        moodle_session_followup="Chercher la panne",
        moodle_health_url=SILENT_SITE,
    )
    assert failed.status == "failed"
    assert campus.version() == "4.2"
    opening, closing = smtp_server.mails
    smtp_server.mails.clear()
    assert opening.subject == f"Moodle : début d'une livraison - {TITLE}", "the session goes on"
    assert closing.subject == f"Moodle : ÉCHEC d'une livraison - {TITLE}"
    assert f"The site serves {campus.served()}, as before." in closing.text
    assert "Chercher la panne" in closing.text
    (closed,) = sessions_of(campus.site)
    assert closed["id"] == session["id"]
    assert closed["closed"]
    (name, (_type, page)) = next(iter(closing.attachments.items()))
    assert name == f"{session['id']}.html"
    assert (campus.folder / "reports" / name).read_text() == page
    assert "<script>" not in page
    assert "mod/" in page, "the files that changed are named"
    assert "Retour en arrière" in page
    last_words = [event["event_data"]["res"].get("msg", "") for event in failed.events if event["event"] == "runner_on_failed"][-1]
    assert f"The site serves {campus.served()}, as before." in last_words

    served_first = assert_noted(campus.site, session["id"])

    # Somebody mends something by hand. Without a session there are no mails, and the journal holds all the same.
    count = len(journal(campus.site))
    mend_by_hand(campus.site / "current/index.php")
    plain = job(campus, smtp_server, "plain")
    assert plain.status == "successful", plain.log[-3000:]
    assert not smtp_server.mails
    assert_noted_without_session(journal(campus.site)[count:])

    back = job(campus, None, "back", "rollback", moodle_session_title="Retour", moodle_release_id=served_first)
    assert back.status == "successful", "a server that is down breaks no delivery"
    assert campus.version() == "4.2"
    assert "The mail could not be handed to 127.0.0.1" in back.log
    assert [one["title"] for one in sessions_of(campus.site)] == [TITLE, "Retour"]
    assert all(one["closed"] for one in sessions_of(campus.site))


def assert_noted(site: Path, session: str) -> str:
    """The session's log holds both deliveries; the release that the first one switched to."""
    lines = [line for line in journal(site) if line.get("session") == session]
    assert [line["event"] for line in lines if "step" not in line] == ["opened", "continued", "closed"]
    noted = {line["step"]: line for line in lines if line["event"] == "note"}
    assert set(noted) == {"update", "go_back", "failed"}
    assert "version.php" in noted["update"]["files"]["modified"]
    assert {line["by"] for line in noted.values()} == {"ann from 192.0.2.7"}
    return next(str(line["release"]) for line in lines if line.get("step") == "switch" and line["event"] == "done")


def assert_noted_without_session(lines: list[dict[str, t.Any]]) -> None:
    assert not any("session" in line for line in lines)
    noted = {line["step"]: line for line in lines if line["event"] == "note"}
    assert list(noted) == ["update", "hot_fix"]
    assert "modified: index.php" in noted["update"]["output"]
    assert "+// mended by hand" in noted["hot_fix"]["output"]


def mend_by_hand(file: Path) -> None:
    file.resolve().chmod(0o644)
    file.write_text(file.read_text() + "// mended by hand\n")


def test_the_upgrade_of_the_database_is_told_with_its_output(campus: Campus, smtp_server: SmtpServer, database_server: MariaDB) -> None:
    database_server.create("site_in_session")
    database = {
        "type": "mariadb",
        "host": database_server.host,
        "socket": str(database_server.socket),
        "name": "site_in_session",
        "user": database_server.user,
        "password": database_server.password,
    }
    more = {"moodle_site_database": database, "moodle_site_admin_password": "Hunter2-secret"}
    assert job(campus, smtp_server, "installed", **more).status == "successful"
    campus.declare("4.3.0")
    done = job(campus, smtp_server, "upgraded", **more, moodle_session_title="Upgrade to 4.3")
    assert done.status == "successful", done.log[-3000:]
    closing = smtp_server.mails[-1]
    assert "The site was closed for " in closing.text
    (_type, page) = next(iter(closing.attachments.values()))
    for said in ("The database is upgraded", "upgrade.php --non-interactive", "The site is closed", "The site is opened again"):
        assert said in page
    noted = {line["step"]: line for line in journal(campus.site) if line["event"] == "note" and line.get("session")}
    assert list(noted) == ["update", "pause", "maintenance_on", "upgrade", "maintenance_off", "maintenance"]
    assert noted["upgrade"]["output"]
    assert noted["upgrade"]["seconds"] >= 0
    assert noted["maintenance"]["seconds"] > 0
    times = [line["time"] for line in noted.values()]
    assert times[1:5] == sorted(times[1:5]), "commands stand where they were run"
    told = page + closing.text + (campus.site / ".delivery/journal.jsonl").read_text()
    assert "Hunter2" not in told
