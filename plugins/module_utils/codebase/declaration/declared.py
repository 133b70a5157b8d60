# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the code base file, or takes the same from a task."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator
from pathlib import Path

from ...common.errors import BadInput
from .manifest import Manifest, parse_manifest
from .yaml_file import read_yaml


def read_manifest(path: str | None, definition: dict[str, t.Any] | None) -> Manifest:
    return parse_manifest(definition, "definition", base=None) if path is None else parse_file(read_text(path), path)


def read_text(path: str) -> str:
    """The file as it is, its line breaks included."""
    try:
        return Path(path).read_bytes().decode()
    except OSError as error:
        raise BadInput(f"The code base file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"The code base file {path} is not UTF-8 text (byte {error.start}).") from error


def parse_file(text: str, path: str) -> Manifest:
    data, lines = read_yaml(text, path)
    return parse_manifest(data, path, lines, base=str(Path(path).resolve().parent))


def lock_path(lock_file: str | None, manifest: str | None) -> Path | None:
    """Beside the manifest by default: ``codebase.yml`` has ``codebase.lock.yml``."""
    if lock_file is not None:
        return Path(lock_file)
    return Path(manifest).with_suffix(".lock.yml") if manifest is not None else None


def urls_in(definition: object) -> Iterator[str]:
    """Every text in a definition that is a URL."""
    if isinstance(definition, dict):
        for value in definition.values():
            yield from urls_in(value)
    elif isinstance(definition, str) and "://" in definition:
        yield definition
