# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many files compiled by one PHP: what it calls sound, ``php -l`` calls sound too."""

from __future__ import annotations

import random
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.lms.moodle.plugins.module_utils.codebase import lint

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="php is not installed: no PHP file was checked")

ROOT = Path(__file__).parents[2]
SYNTAX = ROOT / "plugins" / "php" / "syntax.php"
REFUSED = [
    "echo 1 +;",
    "class {",
    "break;",
    "function f() {} function f() {}",
    "function strlen() {}",
    "namespace A; echo 1; namespace B {}",
    "class C { abstract function f(); }",
    "switch (1) { default: default: }",
    # A class is held against a parent that is known: PHP's own, or one of the same file.
    "final class A {} class B extends A {}",
    "final class /* x */ A {} class B extends A {}",
    "final class A {} class B extends/**/A {}",
    "class A { final function f() {} } class B extends A { function f() {} }",
    "abstract class A { abstract function f(); } class B extends A {}",
    "class B extends Exception { function getMessage(int $a) {} }",
    "use Exception as Q; class B extends Q { function getMessage(int $a) {} }",
    "namespace A; class B extends \\Closure {}",
]


def yes(folder: Path, count: int) -> set[str]:
    return lint.Lint("php", syntax=SYNTAX)._compiled(str(folder), [str(number) for number in range(count)])


def accepted(folder: Path, count: int) -> set[str]:
    judge = lint.Lint("php")
    with ThreadPoolExecutor(2) as pool:
        said = pool.map(lambda number: judge._problem(str(folder / str(number))), range(count))
        return {str(number) for number, problem in enumerate(said) if not problem}


def write_all(folder: Path, texts: list[bytes]) -> None:
    for number, text in enumerate(texts):
        (folder / str(number)).write_bytes(text)


def test_nothing_that_php_refuses_is_called_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "_FEW", 1)
    write_all(tmp_path, [f"<?php {text}\n".encode() for text in REFUSED])
    assert accepted(tmp_path, len(REFUSED)) == set()
    assert yes(tmp_path, len(REFUSED)) == set()


def test_one_file_that_ends_the_process_does_not_stop_the_others(tmp_path: Path) -> None:
    write_all(tmp_path, [f"<?php function f{number if number != 20 else 3}() {{}}\n".encode() for number in range(60)])
    assert accepted(tmp_path, 60) == {str(number) for number in range(60)}
    assert yes(tmp_path, 60) == {str(number) for number in range(60) if number != 20}


def test_files_with_one_word_changed_are_judged_as_php_judges_them(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    sources = sorted((ROOT / "tests" / "minimoodle" / "core").rglob("*.php")) + sorted((ROOT / "plugins" / "php").glob("*.php"))
    texts = []
    for _ in range(150):
        words = re.findall(rb"\w+|\s+|.", chance.choice(sources).read_bytes(), re.DOTALL)
        place, other = chance.randrange(len(words)), chance.randrange(len(words))
        words[place] = chance.choice([b"", words[place] * 2, words[other]])
        texts.append(b"".join(words))
    write_all(tmp_path, texts)
    sound = accepted(tmp_path, len(texts))
    called = yes(tmp_path, len(texts))
    assert called <= sound
    assert 20 < len(sound) < len(texts) - 10, "the changes are too harmless, or too harmful, to tell anything"
    assert called
