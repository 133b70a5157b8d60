# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the manifest lays over the sources: patches, and directories of own files. Both fail loudly."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..common.errors import BadInput
from .describe import Descriptions
from .git.compose import SYMLINK, TREE, Entry, Tree
from .git.gitrepo import DAMAGE, GitFailed, GitRepository, explained

FILE, PROGRAM = "100644", "100755"


def patched(descriptions: Descriptions, tree: str, patches: Sequence[str], component: str) -> str:
    """The tree after `git apply` of each patch, in an index of its own."""
    if not patches:
        return tree
    contents = [(path, read_file(Path(path), f"{component}: the patch")) for path in patches]
    digest = hashlib.sha256(b"\0".join(hashlib.sha256(content).digest() for _dummy, content in contents)).hexdigest()
    store = descriptions.store
    return descriptions.once(f"patched {tree} {digest}", lambda: _apply(store, tree, contents, component))


def _apply(store: GitRepository, tree: str, patches: Sequence[tuple[str, bytes]], component: str) -> str:
    with tempfile.TemporaryDirectory(prefix="lms-moodle-") as folder, explained("write to", str(store.path), ours=True):
        index = {"GIT_INDEX_FILE": f"{folder}/index"}
        store.git("read-tree", tree, env=index)
        for path, content in patches:
            try:
                store.git("apply", "--cached", "--whitespace=nowarn", "-", stdin=content, env=index)
            except GitFailed as error:
                if DAMAGE.search(error.said):
                    raise
                raise BadInput(f"{component}: the patch {path} does not apply: {error.message}.") from None
        return store.text("write-tree", env=index)


def overlay_tree(store: GitRepository, path: Path) -> str:
    """A directory of own files as a tree: modes and symbolic links as they are, no filter of Git takes part."""
    if not path.is_dir():
        raise BadInput(f"overlays: {path} is not a directory.")
    files = list(_files(path))
    if not files:
        raise BadInput(f"overlays: {path} holds no file.")
    plain = [file for file, mode in files if mode != SYMLINK]
    unsafe = next((file for file in plain if "\n" in str(file)), None)
    if unsafe is not None:
        raise BadInput(f"overlays: the name {str(unsafe)!r} holds a line break.")
    with explained("write to", str(store.path), ours=True):
        listed = "".join(f"{file}\n" for file in plain).encode(errors="surrogateescape")
        oids = dict(zip(plain, store.text("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=listed).split()))
        root: dict[str, object] = {}
        for file, mode in files:
            oid = oids.get(file) or store.write_blob(os.fsencode(file.readlink()))
            here = root
            for part in file.relative_to(path).parts[:-1]:
                here = here.setdefault(part, {})  # type: ignore[assignment]
            here[file.name] = Entry(mode, oid)
        return _written(store, root)


def _files(path: Path) -> Iterator[tuple[Path, str]]:
    for place, folders, names in os.walk(path):
        folders.sort()
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        for name in sorted([*names, *links]):
            file = Path(place) / name
            mode = file.lstat().st_mode
            if stat.S_ISLNK(mode):
                yield file, SYMLINK
            elif stat.S_ISREG(mode):
                yield file, PROGRAM if mode & stat.S_IXUSR else FILE
            else:
                raise BadInput(f"overlays: {file} is neither a file nor a symbolic link.")


def _written(store: GitRepository, folder: dict[str, object]) -> str:
    tree: Tree = {}
    for name, item in folder.items():
        tree[name] = Entry(TREE, _written(store, item)) if isinstance(item, dict) else item  # type: ignore[assignment]
    return store.write_tree(tree)


def read_file(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{what} {path} cannot be read: {error.strerror}.") from None
