# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How modules that run PHP are told which PHP, and how their action plugin is heard."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  php:
    description:
      - The PHP interpreter.
    type: str
    default: php
  php_options:
    description:
      - Settings for PHP, each as C(name=value). C(max_input_vars=5000), which Moodle asks for, is set already.
    type: list
    elements: str
    default: []
  opcache:
    description:
      - Share compiled scripts between the processes, in a private folder below the host's temporary folder. What no run has used
        for a week is removed from there.
    type: bool
    default: true
  _php:
    description:
      - Where the PHP files of this module are on the host. Set by the action plugin, not by you.
    type: path
  _background:
    description:
      - The folder through which the action plugin watches the work. Set by the action plugin, not by you.
    type: path
"""
