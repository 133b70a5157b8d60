# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks, caches and the database's schema."""

from __future__ import annotations

from support.moodle import Site


def test_checks_answer_with_the_exit_codes_of_monitoring(site: Site) -> None:
    good = site.cli("admin/cli/checks.php", "--filter=environment")
    assert (good.rc, good.out.splitlines()[0]) == (0, "OK: All 'status' checks OK")
    bad = site.cli("admin/cli/checks.php", "--filter=cronrunning")
    assert (bad.rc, bad.out.splitlines()[0]) == (2, "CRITICAL: Cron running (tool_task_cronrunning)")


def test_purge_caches_is_silent_and_0(site: Site) -> None:
    result = site.cli("admin/cli/purge_caches.php")
    assert (result.rc, result.out) == (0, "")


def test_purge_caches_answers_an_unknown_option_with_2(site: Site) -> None:
    assert site.cli("admin/cli/purge_caches.php", "--nonsense").rc == 2


def test_schema_of_an_installed_site_is_right(site: Site) -> None:
    result = site.cli("admin/cli/check_database_schema.php")
    assert (result.rc, result.out.strip()) == (0, "Database structure is ok.")
