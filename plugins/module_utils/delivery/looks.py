# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Release directories, looked at: every file as Git would name it, and the directories that hold them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Container
from pathlib import Path

from .seen import Look, Notes, Seen
from .trees import EXECUTABLE, REGULAR, SYMLINK, Entry

SPECIAL, NOTHING = "special", 40 * "0"


def scan(directory: Path, notes: Notes, *, leave: Container[str] = (), like: Look | None = None, read: bool = True) -> Look:
    """Everything below ``directory``; what the notes do not know is read.

    Names to ``leave`` are passed by. What the ``like`` look of this very call has under the same path and inode is not asked for
    again. Without ``read``, what is not known is taken for something that nobody wants.
    """
    look = Look()
    _add(look, f"{directory}/", notes, leave=leave, like=like or Look(), read=read)
    return look


def scan_again(directory: Path, before: Look, touched: Collection[str], notes: Notes) -> Look:
    """What lies below ``directory`` when this call has changed some directories since it looked ``before``.

    Each that holds another one of ``touched`` is one of them itself.
    """
    look = Look((path, seen) for path, seen in before.items() if parent_of(path) not in touched)
    look.directories.update((path, folder) for path, folder in before.directories.items() if path not in touched)
    _add(look, f"{directory}/", notes, leave=(), like=before, read=True)
    return look


def parent_of(path: str) -> str:
    return path.rpartition("/")[0]


def _add(look: Look, root: str, notes: Notes, *, leave: Container[str], like: Look, read: bool) -> None:
    """Every directory below ``root``, but those that the look has already."""
    pending, modes = {""}, dict[int, str]()
    while pending:
        place = pending.pop()
        own = look.directories[place] = os.lstat(root + place)
        prefix = f"{place}/" if place else ""
        with os.scandir(root + place) as items:
            for item in items:
                if item.name in leave:
                    continue
                path = prefix + item.name
                if item.is_dir(follow_symlinks=False):
                    if path not in look.directories:
                        pending.add(path)
                    continue
                known, inode = like.get(path), item.inode()
                if known and (known.status.st_ino, known.status.st_dev) == (inode, own.st_dev) and not notes.has_renamed(inode):
                    look[path] = known
                    continue
                status = item.stat(follow_symlinks=False)
                mode, oid = status.st_mode, notes.recall(status)
                if oid is None and read:
                    oid = _hashed(root + path, mode)
                    notes.learn(status, oid)
                if mode not in modes:
                    modes[mode] = _git_mode(mode)
                look[path] = Seen(Entry(modes[mode], oid or NOTHING), status)


def _hashed(path: str, mode: int) -> str:
    """Its stamp was taken before: whatever is written from now on leaves another one."""
    if stat.S_ISLNK(mode):
        return blob_id(os.fsencode(os.readlink(path)))  # noqa: PTH115
    if not stat.S_ISREG(mode):
        return NOTHING
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb", buffering=0) as file:
        return blob_id(file.read())


def _git_mode(mode: int) -> str:
    if stat.S_ISREG(mode):
        return EXECUTABLE if mode & stat.S_IXUSR else REGULAR
    return SYMLINK if stat.S_ISLNK(mode) else SPECIAL


def blob_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()
