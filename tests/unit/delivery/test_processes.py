# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of the processes of a host, on hosts that show little of them too."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.lms.moodle.plugins.module_utils.delivery.processes import at_work


def process(proc: Path, number: int, cwd: Path | None, *words: str) -> None:
    (proc / str(number)).mkdir(parents=True)
    (proc / str(number) / "cmdline").write_text("\0".join((*words, "")))
    if cwd:
        (proc / str(number) / "cwd").symlink_to(cwd)


def test_releases_are_found_by_their_own_paths_alone(tmp_path: Path) -> None:
    releases, proc = tmp_path / "releases", tmp_path / "proc"
    (releases / "1" / "mod").mkdir(parents=True)
    (tmp_path / "current").symlink_to("releases/1")
    process(proc, 7, tmp_path, "php", f"{releases}/2/admin/cli/cron.php")
    process(proc, 8, releases / "1" / "mod", "php-fpm: pool www")
    process(proc, 9, None, "php", f"{tmp_path}/current/admin/cli/cron.php", f"--file={releases}/3/x", f"{releases}-old/4/x.php")
    (proc / "10").mkdir()
    (proc / "meminfo").touch()
    assert at_work(releases, proc) == {"2": 7, "1": 8}
    (tmp_path / "site").symlink_to(tmp_path)
    assert at_work(tmp_path / "site" / "releases", proc) == {"2": 7, "1": 8}, "processes are known by real paths"


def test_without_proc_nothing_is_known(tmp_path: Path) -> None:
    assert at_work(tmp_path, tmp_path / "none") == {}
