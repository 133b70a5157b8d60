# Copyright (c) 2026, the lms.moodle contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a course holds: the source against the archive, and the source against itself. Plain data in, plain data out.

Facts have two levels: a section (settings, sections, activities, files …) and in it a value for each key. PHP writes them on both sides
(php/archive_facts.php). What may differ after a good restore is declared here, each with its reason; every difference is reported.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase

Value = t.Union[str, int, float, None]
Facts = Mapping[str, Mapping[str, Value]]
_Judge = Callable[[Value, Value], bool]


@dataclass(frozen=True)
class Difference:
    """One key that is not the same on both sides."""

    where: str
    source: Value
    archive: Value
    allowed: str | None = None
    """Why it may differ; None where it may not."""

    def data(self) -> dict[str, t.Any]:
        return asdict(self)

    @property
    def less(self) -> bool:
        """Whether nothing was added or rewritten, as a removal leaves it that was broken off."""
        return self.archive is None or _less(self.source, self.archive)

    def text(self) -> str:
        return f"{self.where}: {_shown(self.source)} became {_shown(self.archive)}"


@dataclass(frozen=True)
class Rule:
    """What may differ: a pattern over section/key, when, and why."""

    pattern: str
    may: _Judge
    why: str


def _any(_source: Value, _archive: Value) -> bool:
    return True


def _more(source: Value, archive: Value) -> bool:
    if isinstance(source, (int, float)) and isinstance(archive, (int, float)):
        return archive >= source
    return source is None


def _lost(_source: Value, archive: Value) -> bool:
    return archive in (None, "")


def _numbered(source: Value, archive: Value) -> bool:
    return re.fullmatch(re.escape(str(source)) + r"_\d+", str(archive)) is not None


RULES: tuple[Rule, ...] = (
    Rule("settings/shortname", _numbered, "a short name exists once in a site, so another course's is numbered"),
    Rule("settings/idnumber", _lost, "an ID number exists once in a site; one that is taken stays with its course"),
    Rule("settings/*", lambda source, _archive: source is None, "a setting that the source leaves open has the archive's default"),
    Rule("methods/*", _any, "people stay enrolled, by a method that the archive has"),
    Rule("grades/course/*", _any, "totals are calculated anew from the items, which are compared"),
    Rule("grades/category/*", _any, "totals are calculated anew from the items, which are compared"),
    Rule("questions/*", _more, "questions of a bank outside of the course may come into it"),
    Rule("files/question/*", _more, "questions of a bank outside of the course may come into it"),
    Rule("files/assignfeedback_editpdf/*", _any, "pages that are drawn again when somebody looks at them"),
    Rule("blocks/*", _more, "the archive may add its own blocks"),
    Rule("completion/*", _more, "the archive's cron may have marked more as complete"),
    Rule("times/*", _any, "times of change tell of the source itself, not of what the restore made"),
    Rule("shared/*", _any, "how many questions lie outside of the course is the source's own affair"),
    *(
        Rule(f"rows/{table}", _any, "marks of the moment, which no backup holds")
        for table in (
            *("forum_read", "forum_queue", "forum_track_prefs", "forum_digests", "forum_subscriptions", "forum_discussion_subs"),
            *("assign_user_mapping", "assignfeedback_editpdf_*", "quiz_statistics", "quiz_overview_regrades", "chat_users"),
            *("chat_messages_current", "lesson_timer", "feedback_*completedtmp", "feedback_valuetmp", "scorm_aicc_session"),
            *("survey_analysis", "wiki_locks", "wiki_links", "workshop_aggregations", "lti_*"),
        )
    ),
)

# What a backup without people leaves behind.
_PEOPLE = ("roles", "enrolments", "methods", "members", "grades", "completion", "rows", "badges")


def compare(source: Facts, archive: Facts, *, users: bool = True, accept: Sequence[str] = ()) -> list[Difference]:
    """Every difference, with the reason where it may be; ``accept`` are patterns that the user declares besides."""
    rules = (
        *RULES,
        *(Rule(pattern, _any, "accepted by whoever asked for it") for pattern in accept),
        *(() if users else _without_people()),
    )
    found = []
    for where, before, after in _each(source, archive):
        if before != after:
            why = next((rule.why for rule in rules if fnmatchcase(where, rule.pattern) and rule.may(before, after)), None)
            found.append(Difference(where, before, after, why))
    return found


def changes(before: Facts, now: Facts) -> list[str]:
    """What is not as it was, by section/key."""
    return [where for where, then, later in _each(before, now) if then != later]


def only_less(before: Facts, now: Facts) -> bool:
    """Whether nothing was added or rewritten: what is there was there, as a removal leaves it that was broken off."""
    return all(later is None or _less(then, later) for where, then, later in _each(before, now) if not where.startswith("times/"))


def _less(then: Value, later: Value) -> bool:
    if isinstance(then, (int, float)) and isinstance(later, (int, float)):
        return later <= then
    return then == later


def _without_people() -> Iterable[Rule]:
    why = "the run is one without people"
    yield from (Rule(f"{section}/*", _lost_or_less, why) for section in _PEOPLE)
    yield Rule("files/*#/*", lambda _source, archive: archive is None, why)


def _lost_or_less(source: Value, archive: Value) -> bool:
    return archive is None or (isinstance(source, (int, float)) and isinstance(archive, (int, float)) and archive <= source)


def _each(one: Facts, other: Facts) -> Iterable[tuple[str, Value, Value]]:
    for section in sorted({*one, *other}):
        first, second = one.get(section) or {}, other.get(section) or {}
        for key in sorted({*first, *second}):
            yield f"{section}/{key}", first.get(key), second.get(key)


def _shown(value: Value) -> str:
    return "nothing" if value is None else repr(value)[:80]
