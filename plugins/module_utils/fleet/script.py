# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The script that a run is about, and how it is told which node it is for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import BadInput

_VMOODLE = Path("local/vmoodle/cli")
_TAKES_HOST = re.compile(rb"""['"]host['"]\s*=>""")
_HOST_OPTION = re.compile(r"--host(=.*)?|-H.*", re.DOTALL)


@dataclass(frozen=True)
class Script:
    """A PHP script inside the code; VMoodle's own take ``--host``, all others are prepended with the override."""

    path: Path
    arguments: Sequence[str]
    takes_host: bool

    @classmethod
    def find(cls, code: Path, name: str, arguments: Sequence[str]) -> Script:
        """The script as the user named it, which must lie inside the code."""
        for root in (code, code / "public"):
            path = (root / name).resolve()
            if path.is_file():
                break
        else:
            raise BadInput(f"There is no script '{name}' in {code}: name it by its path inside the code, like admin/cli/cfg.php.")
        if code not in path.parents:
            raise BadInput(f"'{name}' leads out of {code}: only scripts inside the code are run.")
        inside = path.relative_to(code)
        if inside.parent.name == "cli" and inside.name.startswith(("bulk", "vcron")) and _VMOODLE in inside.parents:
            raise BadInput(f"'{name}' goes through all nodes by itself and hides failures: name the script that does the work on one node.")
        takes_host = _VMOODLE in inside.parents and bool(_TAKES_HOST.search(path.read_bytes()))
        if clash := next((word for word in arguments if _HOST_OPTION.fullmatch(word)), None):
            raise BadInput(f"'{clash}' in 'args' would choose the node, which 'nodes' does: leave it out.")
        return cls(path, arguments, takes_host)

    def words(self, wwwroot: str) -> list[str]:
        """The script's arguments for one node."""
        return [*([f"--host={wwwroot}"] if self.takes_host else []), *self.arguments]

    def fingerprint(self) -> str:
        """The same for the same script with the same arguments in the same code, and for nothing else."""
        return hashlib.sha256(json.dumps([str(self.path), *self.arguments]).encode()).hexdigest()[:12]
