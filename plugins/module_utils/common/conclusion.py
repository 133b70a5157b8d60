# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a module that works in the background: its answer, or one sentence about what went wrong."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from .background import Background
from .errors import MoodleError


def conclude(module: t.Any, background: Background, work: Callable[[], dict[str, t.Any]], place: str) -> t.NoReturn:
    """Do the work and leave the module; ``place`` is named where the system refuses something that has no name."""
    try:
        result = work()
    except MoodleError as error:
        for warning in t.cast("list[str]", error.result.pop("warnings", [])):
            module.warn(warning)
        module.fail_json(msg=error.message, **background.answer(error.result))
    except OSError as error:
        module.fail_json(msg=f"{error.filename or place}: {error.strerror or error}. Run again when that is mended.")
    finally:
        background.over()
        background.close()
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**background.answer(result))
    raise AssertionError("exit_json does not return")
