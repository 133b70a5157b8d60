# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A zip as a source: imported as one commit, whose id depends on nothing but what is in it."""

from __future__ import annotations

from ...common.fast_import import fast_import_stream
from ..git.fetch import Fetch, local_ref
from ..git.gitrepo import explained, git
from .files import read_zip
from .source import download_zip


class ZipImport(Fetch):
    """Comes into the store as a fetch does: only when it is whole."""

    def _get(self) -> None:
        sha256 = self.wanted[0][1]
        component = self.what.partition(",")[0]
        file = download_zip(self.source, sha256, offline=False, target=self.folder)
        stream = fast_import_stream(read_zip(file, component), local_ref(0), f"{component}, the zip with the SHA-256 {sha256}")
        with explained("import", self.what):
            git("fast-import", "--quiet", "--force", cwd=self.folder, stdin=b"".join(stream))
