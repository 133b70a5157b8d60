# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that podman is given, and only where it needs them."""

from __future__ import annotations

import resource

import pytest

from hosts.engine import CHOICE, MissingError, choose, podman_settings

UNLIMITED = {"nofile": resource.RLIM_INFINITY, "nproc": resource.RLIM_INFINITY}


def test_an_ordinary_machine_keeps_the_defaults() -> None:
    assert podman_settings(cgroup_v2=True, systemd=True, runtimes=["crun", "runc"], limits=UNLIMITED, pid_max=4194304) == ""


def test_low_limits_are_not_exceeded() -> None:
    limits = {"nofile": 20000, "nproc": 96365}
    settings = podman_settings(cgroup_v2=True, systemd=True, runtimes=["crun"], limits=limits, pid_max=32768)
    assert settings == '[containers]\ndefault_ulimits=["nofile=20000:20000", "nproc=32768:32768"]\n'


def test_mixed_cgroups_are_left_to_runc() -> None:
    settings = podman_settings(cgroup_v2=False, systemd=True, runtimes=["crun", "runc"], limits=UNLIMITED, pid_max=32768)
    assert settings == '[engine]\nruntime="runc"\n'


def test_without_systemd_podman_manages_cgroups_itself() -> None:
    settings = podman_settings(cgroup_v2=True, systemd=False, runtimes=["crun"], limits=UNLIMITED, pid_max=32768)
    assert settings == '[engine]\ncgroup_manager="cgroupfs"\nevents_logger="file"\n'


def test_a_missing_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv(CHOICE, raising=False)
    with pytest.raises(MissingError, match="need podman or docker: install one"):
        choose()


def test_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, "lxc")
    with pytest.raises(MissingError, match="podman or docker only"):
        choose()
