# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is shown of a program that failed: enough to act on, and never a secret."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.lms.moodle.plugins.module_utils.common.errors import CommandFailed
from ansible_collections.lms.moodle.plugins.module_utils.common.process import explain, run, secrets_in, text, without_secrets

PASSWORD = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/"), min_size=1).map(lambda some: f"S3cr{some}T")


@given(PASSWORD, st.sampled_from(["https", "ssh", "http"]))
def test_a_password_in_a_url_is_never_shown(password: str, scheme: str) -> None:
    shown = without_secrets(f"fatal: could not read from {scheme}://deploy:{password}@git.example.org/moodle.git: no")
    assert password not in shown
    assert shown.endswith("@git.example.org/moodle.git: no")


@pytest.mark.parametrize("length", range(760, 840))
def test_a_password_is_not_shown_when_the_message_is_cut_in_its_url(length: int) -> None:
    output = f"https://deploy:hunter2@git.example.org/ {'x' * length}".encode()
    assert "hunter2" not in explain(["git"], 1, output)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("https://user:hunter2@host/x.git", {"hunter2"}),
        ("https://ghp_token@host/x.git", {"ghp_token"}),
        ("https://user:p@ss@host/x.git", {"p@ss"}),
        ("ssh://git@host/x.git", set()),
        ("git@host:x.git", set()),
        ("https://host/x.git", set()),
        ("https://user:@host/x.git", set()),
        ("/srv/git/x.git", set()),
    ],
)
def test_what_of_a_url_is_secret(url: str, secrets: set[str]) -> None:
    assert secrets_in(url) == secrets


def test_a_missing_program_is_named() -> None:
    with pytest.raises(CommandFailed, match="'no-such-program' was not found"):
        run(["no-such-program"])


def test_a_missing_directory_is_named_instead_of_the_program() -> None:
    with pytest.raises(CommandFailed, match="'/no/such/place' was not found"):
        run([sys.executable, "-c", ""], cwd="/no/such/place")


def test_a_failure_tells_the_exit_code_and_the_last_words() -> None:
    with pytest.raises(CommandFailed, match=r"ended with 3: over \| and out"):
        run([sys.executable, "-c", "import sys; sys.stderr.write('over\\nand out\\n'); sys.exit(3)"])


def test_output_that_is_not_utf8_survives() -> None:
    done = run([sys.executable, "-c", r"import sys; sys.stdout.buffer.write(b'a\xff\n')"])
    assert os.fsencode(text(done)) == b"a\xff"


def test_a_program_waits_for_no_input() -> None:
    assert run([sys.executable, "-c", "import sys; print(sys.stdin.read() == '')"]).stdout == b"True\n"
